"""Run a script in a private copy of a Debian chroot: own processes, mounts and network.

The chroot itself is never written to: `/tmp`, `/run`, `/home`, `/opt` and `/dev` are fresh, and
single files of it can be covered by others.  Input goes in and results come out as tar archives, so
nothing is left behind and no file owner of the namespace is ever seen outside.
"""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

# The order of the steps matters: what is mounted last must not hide what is used before.
_INSIDE = r"""
set -eu
cd "$1"
for directory in tmp run home opt; do
    mount -t tmpfs -o mode=755 drover "$directory"
done
chmod 1777 tmp
tar -C opt -x
mkdir -p run/user/1000 home/tester
chown 1000:1000 run/user/1000 home/tester
chmod 700 run/user/1000

mkdir opt/dev
for node in null zero full random urandom tty; do
    : >opt/dev/$node
    mount --bind /dev/$node opt/dev/$node
done
mkdir opt/dev/pts opt/dev/shm
chmod 1777 opt/dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts opt/dev/pts
ln -s pts/ptmx opt/dev/ptmx
ln -s /proc/self/fd opt/dev/fd
ln -s fd/0 opt/dev/stdin
ln -s fd/1 opt/dev/stdout
ln -s fd/2 opt/dev/stderr
mount --rbind opt/dev dev
mount -t proc proc proc

(grep -v :1000: etc/passwd; echo tester:x:1000:1000::/home/tester:/bin/bash) >opt/passwd
(grep -v :1000: etc/group; echo tester:x:1000:) >opt/group
chmod 644 opt/passwd opt/group
mount --bind opt/passwd etc/passwd
mount --bind opt/group etc/group
if [ -d opt/cover ]; then
    (cd opt/cover; find . -type f) | while read -r file; do
        mount --bind "opt/cover/$file" "$file"
    done
fi
if [ -d opt/work ]; then
    chown -R "$2:$2" opt/work
    cp -a opt/work/* tmp/
fi
chroot . /usr/bin/python3 -I -S -c 'if True:
    import fcntl, socket, struct
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        SIOCSIFFLAGS, IFF_UP = 0x8914, 1
        fcntl.ioctl(s, SIOCSIFFLAGS, struct.pack("16sh", b"lo", IFF_UP))'
status=0
home=/root
[ "$2" = 0 ] || home=/home/tester
user=root
[ "$2" = 0 ] || user=tester
timeout --kill-after=2 "$3" chroot --userspec="$2:$2" . /usr/bin/env -i \
    SHLVL=-1 SHELL=/bin/bash HOME=$home USER=$user \
    LC_ALL=C.UTF-8 PATH=/usr/bin:/bin XDG_RUNTIME_DIR=/run/user/$2 \
    /bin/bash /opt/script >opt/stdout 2>opt/stderr </dev/null || status=$?
echo $status >opt/status
shift 3
for path in "$@"; do
    [ ! -e "$path" ] || echo "$path"
done | tar -c -f - -T - opt/status opt/stdout opt/stderr
"""


# What timeout(1) makes of a command that took too long.
TIMED_OUT = 124


class SandboxUnavailable(Exception):
    """This machine does not let us make the namespaces; the message says what failed."""


@dataclass(frozen=True)
class Result:
    """What a script left: its exit status, its output, and the files that were asked for."""

    status: int
    stdout: str
    stderr: str
    files: Mapping[str, bytes] = field(default_factory=dict)


def unshare_command() -> list[str]:
    """The command that makes the namespaces, as root or as a user with subordinate ids."""
    command = ["unshare", "--mount", "--net", "--ipc", "--pid", "--fork", "--kill-child"]
    if os.geteuid() != 0:
        command += ["--user", "--map-root-user", "--map-auto"]
    return command


def pack(files: Mapping[str, bytes]) -> bytes:
    """A tar archive of `files`; those that start with "#!" can be executed."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            info.mode = 0o755 if content.startswith(b"#!") else 0o644
            tar.addfile(info, io.BytesIO(content))
    return archive.getvalue()


def run(
    chroot: Path,
    script: str,
    *,
    work: Mapping[str, bytes] | None = None,
    cover: Mapping[str, bytes] | None = None,
    opt: Mapping[str, bytes] | None = None,
    collect: Iterable[str] = (),
    uid: int = 1000,
    timeout: float = 300,
) -> Result:
    """Run `script` with bash inside `chroot`, as `uid` (user `tester` for 1000).

    `work` are files put into /tmp, `opt` files put into /opt, `cover` files that hide those of
    the chroot (``usr/bin/herd``).  `collect` names the files and directories, relative to
    the root of the chroot, that are wanted back.  `timeout` is in seconds;
    a script that takes longer is killed, and its status is TIMED_OUT.

    Raises SandboxUnavailable where namespaces cannot be made.
    """
    files = {"script": script.encode()}
    files |= {f"work/{name}": content for name, content in (work or {}).items()}
    files |= {f"cover/{name}": content for name, content in (cover or {}).items()}
    files |= opt or {}
    process = subprocess.run(
        [
            *unshare_command(),
            "/bin/sh",
            "-c",
            _INSIDE,
            "sandbox",
            chroot,
            str(uid),
            str(timeout),
            *collect,
        ],
        input=pack(files),
        capture_output=True,
        timeout=timeout + 30,
        check=False,
    )
    if process.returncode != 0:
        reason = process.stderr.decode(errors="replace").strip()
        raise SandboxUnavailable(f"cannot set up the sandbox: {reason}")
    found: dict[str, bytes] = {}
    with tarfile.open(fileobj=io.BytesIO(process.stdout)) as tar:
        for member in tar:
            content = tar.extractfile(member) if member.isfile() else None
            if content is not None:
                found[member.name] = content.read()
    return Result(
        int(found.pop("opt/status")),
        found.pop("opt/stdout").decode(errors="replace"),
        found.pop("opt/stderr").decode(errors="replace"),
        found,
    )
