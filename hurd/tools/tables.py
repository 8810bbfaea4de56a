"""The options of the tools, as the Hurd's programs have them.

One table for each program, and the one that mount and umount share to choose file systems from
/etc/fstab or /etc/mtab.
"""

from __future__ import annotations

from hurd.tools import VERSION
from hurd.tools.argp import Argp, Option

# settrans waits this long for a translator to start, in seconds (utils/settrans.c).
SETTRANS_TIMEOUT = 60


def _argp_version(tool: str) -> str:
    return f"{tool} (drover) {VERSION}"


def settrans() -> Argp:
    return Argp(
        "settrans",
        _argp_version("settrans"),
        (
            Option(
                "active",
                "a",
                None,
                "Start TRANSLATOR and set it as NODE's active translator",
            ),
            Option(
                "start",
                "s",
                None,
                "Start the translator specified by the NODE's passive translator record and set it"
                " as NODE's active translator",
            ),
            Option("passive", "p", None, "Change NODE's passive translator record (default)"),
            Option("create", "c", None, "Create NODE if it doesn't exist"),
            Option("dereference", "L", None, "If a translator exists, put the new one on top"),
            Option(
                "pid-file",
                "F",
                "FILENAME",
                "When starting an active translator, write its pid to this file",
            ),
            Option(
                "pause",
                "P",
                None,
                "When starting an active translator, prompt and wait for a newline on stdin before"
                " completing the startup handshake",
            ),
            Option(
                "timeout",
                "t",
                "SEC",
                "Timeout for translator startup, in seconds"
                f" (default {SETTRANS_TIMEOUT}); 0 means no timeout",
            ),
            Option("exclusive", "x", None, "Only set the translator if there is not one already"),
            Option(
                "orphan",
                "o",
                None,
                "Disconnect old translator from the filesystem (do not ask it to go away)",
            ),
            Option(
                "underlying",
                "U",
                "NODE",
                "Open NODE and hand it to the translator as the underlying node",
            ),
            Option(
                "stack",
                None,
                None,
                "Replace an existing translator, but keep it running, and put the new one on top",
            ),
            Option(
                "chroot",
                "C",
                None,
                "Instead of setting the node's translator, take following arguments up to `--' and"
                " run that command chroot'd to the translated node.",
            ),
            Option(
                "chroot-chdir",
                None,
                "DIR",
                "Change to DIR before running the chrooted command.  DIR must be an absolute path.",
            ),
            Option(
                None,
                None,
                None,
                "When setting the passive translator, if there's an active translator:",
            ),
            Option("goaway", "g", None, "Ask the active translator to go away"),
            Option("keep-active", "k", None, "Leave any existing active translator running"),
            Option(None, None, None, "When an active translator is told to go away:"),
            Option("recursive", "R", None, "Shutdown its children too"),
            Option("force", "f", None, "Ask it to ignore current users and shutdown anyway."),
            Option("nosync", "S", None, "Don't sync it before killing it"),
        ),
        "NODE [TRANSLATOR ARG...]",
        "Set the passive/active translator on NODE.",
        "By default the passive translator is set.",
        in_order=True,
    )


def showtrans() -> Argp:
    return Argp(
        "showtrans",
        _argp_version("showtrans"),
        (
            Option("prefix", "p", None, "Always display `FILENAME: ' before translators"),
            Option("no-prefix", "P", None, "Never display `FILENAME: ' before translators"),
            Option("silent", "s", None, "No output; useful when checking error status"),
            Option("quiet", "q", alias=True, hidden=True),
            Option("translated", "t", None, "Only display files that have translators"),
        ),
        "FILE...",
        "Show the passive translator of FILE...",
        "A FILE argument of `-' prints the translator on the node attached to standard input.",
    )


def fsysopts() -> Argp:
    return Argp(
        "fsysopts",
        _argp_version("fsysopts"),
        (
            Option("dereference", "L", None, "If FILESYS is a symbolic link, follow it"),
            Option("recursive", "R", None, "Pass these options to any child translators"),
        ),
        "FILESYS [FS_OPTION...]",
        "Get or set command line options for running translator FILESYS.",
        "The legal values for FS_OPTION depends on FILESYS, but some common ones are: --readonly,"
        " --writable, --update, --sync[=INTERVAL], and --nosync.\n\n"
        "If no options are supplied, FILESYS's existing options are printed",
        in_order=True,
    )


_TEST_OPTIONS = Option(
    "test-opts", "O", "OPTIONS", "Only mount fstab entries matching the given set of options"
)
_SELECTION = "Filesystem selection (if no explicit filesystem arguments given):"


def _selection(table: str, *, search: bool) -> tuple[Option, ...]:
    options = [
        Option("all", "a", None, f"Do all filesystems in {table}"),
        Option(None, "A", alias=True),
        Option("fstab", "F", "FILE", f"File to use instead of {table}"),
        Option("fstype", "t", "TYPE", "Do only filesystems of given type(s)"),
        Option("exclude-root", "R", None, f"Exclude root (/) filesystem from {table} list"),
        Option("exclude", "X", "PATTERN", "Exclude directories matching PATTERN"),
    ]
    if search:
        options.append(
            Option(
                "search-fmts",
                "S",
                "FMTS",
                "`:' separated list of formats to use for finding filesystem-specific programs",
            )
        )
    return tuple(options)


def mount() -> Argp:
    return Argp(
        "mount",
        _argp_version("mount"),
        (
            Option("timeout", "T", "MILLISECONDS", "Timeout for translator startup"),
            Option(
                "format",
                "p",
                "mount|fstab|translator",
                "Output format for query (no filesystem arguments)",
                optional=True,
            ),
            Option("options", "o", "OPTIONS", "A `,' separated list of options"),
            Option("readonly", "r", None, "Never write to disk or allow opens for writing"),
            Option("writable", "w", None, "Use normal read/write behavior"),
            Option("update", "u", None, "Flush any meta-data cached in core"),
            Option("remount", alias=True),
            Option("verbose", "v", None, "Give more detailed information"),
            Option("no-mtab", "n", None, "Do not update /etc/mtab"),
            _TEST_OPTIONS,
            Option("bind", "B", None, "Bind mount, firmlink"),
            Option("firmlink", alias=True),
            Option("fake", "f", None, "Do not actually mount, just pretend"),
        ),
        "DEVICE\t(in /etc/fstab)\nDIRECTORY\t(in /etc/fstab)\n[-t TYPE] DEVICE DIRECTORY\n-a",
        "Start active filesystem translators",
        child=_selection("/etc/fstab", search=True),
        child_header=_SELECTION,
        child_group=2,
    )


def umount() -> Argp:
    return Argp(
        "umount",
        _argp_version("umount"),
        (
            Option(None, "d", None, "Also ask the source translator to go away"),
            Option("fake", None, None, "Do not actually umount, just pretend"),
            Option("force", "f", None, "Force umount by killing the translator"),
            Option("no-mtab", "n", None, "Do not update /etc/mtab"),
            Option("read-only", "r", None, "If unmounting fails, try to remount read-only"),
            Option("nosync", "S", None, "Don't sync a translator before killing it"),
            _TEST_OPTIONS,
            Option("verbose", "v", None, "Give more detailed information"),
        ),
        "DEVICE|DIRECTORY [DEVICE|DIRECTORY ...]",
        "Stop active filesystem translators",
        child=_selection("/etc/mtab", search=False),
        child_header=_SELECTION,
        child_group=2,
    )
