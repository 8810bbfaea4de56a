"""What the guest does twice, once with the Hurd's own tools and once with ours.

A case starts from a fresh directory in which `{n}` is an empty file, `{d}` a directory, `{l}` a
symbolic link to the file, `{x}` nothing yet, and `{p}` a program that is no translator and waits.
Each step is a command; status, output and the state of the nodes are compared after it.
"""

from __future__ import annotations

HELLO = "/hurd/hello"
NULL = "/hurd/null"
FIFO = "/hurd/fifo"
TMPFS = "/hurd/tmpfs"

# Name → steps.
CASES: dict[str, list[list[str]]] = {
    # Passive records.
    "passive-null-on-a-file": [
        ["settrans", "{n}", NULL],
        ["showtrans", "{n}"],
        ["showtrans", "-p", "{n}"],
        ["settrans", "{n}"],
        ["showtrans", "{n}"],
        ["showtrans", "-p", "{n}"],
    ],
    "passive-hello-with-words": [
        ["settrans", "{n}", HELLO, "--contents=several words"],
        ["showtrans", "{n}"],
        ["settrans", "-p", "{n}", HELLO, "-c", "other words, and more of them"],
        ["showtrans", "{n}", "{d}"],
        ["showtrans", "-P", "{n}", "{d}", "{n}"],
        ["showtrans", "-s", "{n}"],
        ["showtrans", "-t", "{d}", "{n}"],
        ["showtrans", "--silent", "{d}"],
    ],
    "passive-replaced-by-a-shorter-one": [
        ["settrans", "{n}", HELLO, "--contents=several words"],
        ["settrans", "-p", "{n}", HELLO, "-c", "other"],
        ["showtrans", "{n}"],
    ],
    "passive-on-a-new-node": [
        ["settrans", "-c", "{x}", HELLO],
        ["showtrans", "{x}"],
        ["settrans", "-x", "{x}", NULL],
        ["settrans", "--exclusive", "{n}", NULL],
    ],
    "passive-fifo-becomes-a-native-one": [
        ["settrans", "{n}", FIFO],
        ["showtrans", "{n}"],
    ],
    "passive-device-becomes-a-native-one": [
        ["settrans", "-c", "{x}", "/hurd/chrdev", "3", "4"],
        ["showtrans", "{x}"],
    ],
    "passive-symlink": [
        ["settrans", "-c", "{x}", "/hurd/symlink", "elsewhere"],
        ["showtrans", "{x}"],
        ["showtrans", "{l}"],
    ],
    "passive-while-active": [
        ["settrans", "-a", "{n}", HELLO],
        ["settrans", "{n}", NULL],
        ["settrans", "-k", "{n}", NULL],
        ["fsysopts", "{n}"],
        ["settrans", "-g", "{n}", HELLO],
        ["showtrans", "{n}"],
    ],
    # Active translators.
    "active-hello": [
        ["settrans", "-a", "{n}", HELLO, "--contents=hi"],
        ["showtrans", "{n}"],
        ["fsysopts", "{n}"],
        ["fsysopts", "{n}", "--contents=ho"],
        ["fsysopts", "{n}"],
        ["settrans", "-a", "{n}"],
        ["fsysopts", "{d}"],
    ],
    "active-null": [
        ["settrans", "-a", "{n}", NULL],
        ["fsysopts", "{n}"],
        ["settrans", "-ag", "{n}"],
    ],
    "active-fifo": [
        ["settrans", "-a", "{n}", FIFO],
        ["fsysopts", "{n}"],
        ["settrans", "-ag", "{n}"],
    ],
    "active-tmpfs": [
        ["settrans", "-a", "{d}", TMPFS, "2M"],
        ["fsysopts", "{d}"],
        ["fsysopts", "{d}", "--readonly"],
        ["fsysopts", "{d}"],
        ["fsysopts", "{d}", "--writable"],
        ["fsysopts", "{d}"],
        ["fsysopts", "{d}", "--size=4M"],
        ["fsysopts", "{d}"],
        ["fsysopts", "{d}", "--no-such-option"],
        ["settrans", "-afg", "{d}"],
    ],
    "active-on-a-new-node": [
        ["settrans", "-ac", "{x}", HELLO],
        ["fsysopts", "{x}"],
        ["settrans", "-x", "-a", "{x}", NULL],
        ["settrans", "-a", "{x}", HELLO, "-c", "second"],
        ["fsysopts", "{x}"],
    ],
    "active-and-passive": [
        ["settrans", "-ap", "{n}", HELLO, "-c", "both"],
        ["showtrans", "{n}"],
        ["fsysopts", "{n}"],
        ["settrans", "-apx", "{n}", NULL],
        ["settrans", "-apg", "{n}"],
        ["showtrans", "{n}"],
    ],
    "start-from-the-record": [
        ["settrans", "-s", "{n}"],
        ["settrans", "{n}", HELLO, "-c", "started"],
        ["settrans", "-s", "{n}"],
        ["fsysopts", "{n}"],
        ["settrans", "-s", "{n}", HELLO],
    ],
    "stack": [
        ["settrans", "-a", "{n}", HELLO, "-c", "below"],
        ["settrans", "--stack", "{n}", NULL],
        ["showtrans", "{n}"],
        ["settrans", "-a", "{n}"],
    ],
    "on-top-of-a-translator": [
        ["settrans", "-a", "{d}", TMPFS, "1M"],
        ["settrans", "-aL", "{d}", TMPFS, "3M"],
        ["fsysopts", "{d}"],
        ["settrans", "-aLg", "{d}"],
        ["settrans", "-afg", "{d}"],
    ],
    "orphan": [
        ["settrans", "-a", "{n}", HELLO, "-c", "old"],
        ["settrans", "-ao", "{n}", HELLO, "-c", "new"],
        ["fsysopts", "{n}"],
        ["settrans", "-ao", "{n}"],
    ],
    "underlying-node": [
        ["settrans", "-a", "-U", "{d}", "{n}", HELLO],
        ["fsysopts", "{n}"],
        ["settrans", "-a", "-U", "{x}", "{n}", HELLO],
    ],
    "pid-file": [
        ["settrans", "-a", "-F", "{x}", "{n}", HELLO],
        ["settrans", "-a", "-F", "/nowhere/file", "{n}", HELLO],
    ],
    "options-of-goaway": [
        ["settrans", "-a", "{d}", TMPFS, "1M"],
        ["settrans", "-aRfS", "{d}"],
    ],
    # What goes wrong.
    "no-such-node": [
        ["settrans", "{x}", HELLO],
        ["settrans", "-a", "{x}", HELLO],
        ["settrans", "-a", "{x}/y", HELLO],
        ["settrans", "-s", "{x}"],
        ["settrans", "-a", "{x}"],
        ["showtrans", "{x}"],
        ["showtrans", "{n}/y"],
        ["fsysopts", "{x}"],
        ["fsysopts", "{x}", "--readonly"],
    ],
    "no-such-translator": [
        ["settrans", "-a", "{n}", "/hurd/no-such-translator"],
        ["settrans", "-a", "{n}", "/hurd"],
        ["settrans", "-a", "{n}", "{n}"],
        ["settrans", "{n}", "/hurd/no-such-translator"],
        ["settrans", "-s", "{n}"],
    ],
    "no-translator-at-all": [["settrans", "-a", "{n}", "/bin/true"]],
    "fails-to-start": [
        ["settrans", "-a", "{n}", HELLO, "--no-such-option"],
        ["settrans", "-a", "{d}", "/hurd/ext2fs", "/nowhere/store"],
        ["settrans", "-a", "{d}", TMPFS],
    ],
    "never-answers": [["settrans", "-a", "-t", "1", "{n}", "{p}"]],
    "fraction-of-a-second": [["settrans", "-a", "--timeout=0.3", "{n}", "{p}"]],
    "busy-directory": [
        ["settrans", "-a", "{d}", TMPFS, "1M"],
        ["settrans", "-a", "{d}/sub", TMPFS, "1M"],
        ["settrans", "-ac", "{d}/sub", HELLO],
        ["settrans", "-ag", "{d}"],
        ["settrans", "-afgR", "{d}"],
    ],
    "wrong-command-lines": [
        ["settrans"],
        ["settrans", "-a"],
        ["settrans", "--no-such-option", "{n}"],
        ["settrans", "--chroot", "{n}"],
        ["settrans", "--chroot-chdir=relative", "{n}"],
        ["settrans", "--p", "{n}"],
        ["showtrans"],
        ["fsysopts"],
        ["mount", "a", "b", "c"],
        ["mount", "-a", "b"],
        ["mount", "-o", "ro"],
        ["mount", "-t", "a,b", "c"],
        ["mount", "-T", "soon", "c"],
        ["mount", "-pwrong"],
        ["umount"],
        ["umount", "-a", "b"],
    ],
    "help": [
        [tool, word]
        for tool in ("settrans", "showtrans", "fsysopts", "mount", "umount")
        for word in ("--help", "--usage")
    ],
    # A private root.
    "chroot": [
        ["settrans", "-C", "/bin/cat", "/{b}-x", "--", "/", "/hurd/remap", "/{b}-x", "{n}"],
        ["settrans", "-C", "/bin/sh", "-c", "exit 3", "--", "/", "/hurd/remap", "/a", "/b"],
        ["settrans", "-C", "/bin/sh", "-c", "kill -9 $$", "--", "/", "/hurd/remap", "/a", "/b"],
        ["settrans", "-C", "no-such-command", "--", "/", "/hurd/remap", "/a", "/b"],
        [
            "settrans",
            "--chroot-chdir=/nowhere",
            "-C",
            "/bin/true",
            "--",
            "/",
            "/hurd/remap",
            "/a",
            "/b",
        ],
        ["settrans", "-C", "/bin/true", "--", "{d}", TMPFS, "1M"],
        ["settrans", "--chroot-chdir=/tmp", "-C", "/bin/pwd", "--", "/", "/hurd/remap", "/a", "/b"],
    ],
    # File systems.
    "mount-tmpfs": [
        ["mount", "-t", "tmpfs", "2M", "{d}"],
        ["fsysopts", "{d}"],
        ["mount", "-t", "tmpfs", "2M", "{d}"],
        ["mount", "-v", "-o", "remount,ro", "{d}"],
        ["fsysopts", "{d}"],
        ["umount", "-v", "{d}"],
        ["fsysopts", "{d}"],
        ["umount", "{d}"],
    ],
    "mount-errors": [
        ["mount", "-t", "nosuchfs", "/dev/null", "{d}"],
        ["mount", "-t", "tmpfs", "2M", "{x}"],
        ["mount", "-t", "ext2", "/nowhere", "{d}"],
        ["mount", "{d}"],
        ["mount", "-o", "remount", "{d}"],
        ["umount", "{x}"],
        ["mount", "-F", "/nowhere/fstab", "-a"],
        ["umount", "-F", "/nowhere/mtab", "-a"],
    ],
    "mount-pretends": [
        ["mount", "-f", "-t", "tmpfs", "2M", "{d}"],
        ["umount", "--fake", "-v", "{d}"],
        ["mount", "-fv", "-t", "tmpfs", "2M", "{x}"],
    ],
    "through-a-link": [
        ["settrans", "-a", "{l}", HELLO, "-c", "through"],
        ["fsysopts", "{l}"],
        ["fsysopts", "-L", "{l}"],
        ["settrans", "-a", "{l}"],
    ],
    "mount-at-the-top": [
        ["mount", "-t", "tmpfs", "2M", "/mnt"],
        ["fsysopts", "/mnt"],
        ["mount", "-t", "tmpfs", "2M", "/mnt"],
        ["mount", "-v", "-o", "remount,ro", "/mnt"],
        ["mount", "-F", "{t}"],
        ["mount", "-F", "{t}", "-p"],
        ["mount", "-F", "{t}", "-ptranslator"],
        ["mount", "-F", "{t}", "-a"],
        ["umount", "-F", "{t}", "-v", "/mnt"],
        ["mount", "-F", "{t}", "-v", "/mnt"],
        ["umount", "-F", "{t}", "-a", "-v"],
        ["umount", "/mnt"],
    ],
    "mount-bind": [
        ["mount", "-v", "--bind", "/etc", "{d}"],
        ["fsysopts", "{d}"],
        ["umount", "{d}"],
    ],
    "mount-options": [
        ["mount", "-v", "-r", "-t", "tmpfs", "2M", "{d}"],
        ["fsysopts", "{d}"],
        ["umount", "-fS", "{d}"],
    ],
    # {f} is a table with one line, for {d}; {t} is one for /mnt; {s} has one for each.
    "mount-from-fstab": [
        ["mount", "-F", "{f}", "-a", "-v"],
        ["mount", "-F", "{f}"],
        ["mount", "-F", "{f}", "-p"],
        ["mount", "-F", "{f}", "-ptranslator"],
        ["mount", "-F", "{f}", "-a"],
        ["umount", "-F", "{f}", "-a", "-v"],
        ["mount", "-F", "{f}", "-a", "-t", "ext2"],
        ["mount", "-F", "{f}", "-a", "-O", "ro"],
        ["mount", "-F", "{f}", "-a", "-X", "*"],
        ["mount", "-F", "{f}"],
    ],
}

CASES["mount-several-entries"] = [
    ["mount", "-F", "{s}", "-a", "-v"],
    ["umount", "-F", "{s}", "-a", "-v"],
]

# The same, but as an ordinary user on nodes of root.
USER_CASES: dict[str, list[list[str]]] = {
    "user-set-passive": [["settrans", "{n}", HELLO], ["showtrans", "{n}"]],
    "user-set-active": [["settrans", "-a", "{n}", HELLO]],
    "user-create": [["settrans", "-c", "{x}", HELLO], ["settrans", "-ac", "{x}", HELLO]],
    "user-options": [
        ["fsysopts", "/"],
        ["fsysopts", "/", "--readonly"],
        ["fsysopts", "{d}", "--update"],
    ],
    "user-mount": [["mount", "-t", "tmpfs", "1M", "{d}"], ["umount", "{d}"]],
    "user-unreadable": [
        ["showtrans", "/root/secret/file"],
        ["settrans", "/root/secret/file", NULL],
    ],
}
