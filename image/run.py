"""Starting the programs of the builder's machine: one way to run them, one way to fail.

A program that is not there is a `MissingTool` that names the Debian package; one that fails is a
`ToolFailed` with what it said.  Programs get a fixed locale and time zone, so that what they
write does not depend on who builds.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from image.errors import MissingTool, NoSpace, ToolFailed

# The Debian package of each program that `image` may start.
PACKAGES: Mapping[str, str] = {
    "apt-get": "apt",
    "ar": "binutils",
    "debugfs": "e2fsprogs",
    "dpkg-deb": "dpkg",
    "e2fsck": "e2fsprogs",
    "gpgv": "gpgv",
    "grub-mkimage": "grub-common",
    "grub-mkrescue": "grub-common",
    "mformat": "mtools",
    "mmdebstrap": "mmdebstrap",
    "qemu-img": "qemu-utils",
    "qemu-nbd": "qemu-utils",
    "qemu-system-i386": "qemu-system-x86",
    "qemu-system-x86_64": "qemu-system-x86",
    "xorriso": "xorriso",
    "zstd": "zstd",
}

# Where administrators' programs are, which ordinary users often do not have on their PATH.
_ADMINISTRATION = ["/usr/local/sbin", "/usr/sbin", "/sbin"]


def find_tool(name: str) -> str:
    """Return the path of the program `name`; raise MissingTool if it is not installed."""
    searched = os.pathsep.join([os.environ.get("PATH", os.defpath), *_ADMINISTRATION])
    found = shutil.which(name, path=searched)
    if found is None:
        raise MissingTool(name, PACKAGES.get(name, name))
    return found


def environment(**more: str) -> dict[str, str]:
    """Return the environment for programs: the builder's, with locale and time zone fixed."""
    return {**os.environ, "LC_ALL": "C.UTF-8", "LANGUAGE": "", "TZ": "UTC0", **more}


def run(
    argv: Sequence[str | Path],
    *,
    input: bytes | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    accept: Sequence[int] = (0,),
    merge: bool = False,
    umask: int = -1,
) -> subprocess.CompletedProcess[bytes]:
    """Run a program to its end and return its output.

    `argv[0]` is a name from PACKAGES or a path.  `env` adds to the environment; `merge` puts the
    standard error stream into `stdout`; `accept` are the exit statuses that are no failure.

    Raises MissingTool, ToolFailed, and NoSpace if the program failed because the builder's disk
    is full. An interrupted wait (Ctrl-C) ends the program and its children before it raises on.
    """
    words = [os.fspath(word) for word in argv]
    name = Path(words[0]).name
    if os.sep not in words[0]:
        words[0] = find_tool(words[0])
    try:
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL if input is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if merge else subprocess.PIPE,
            env=environment(**(env or {})),
            cwd=cwd,
            umask=umask,
            start_new_session=True,
        )
    except FileNotFoundError as error:
        if cwd is not None and not cwd.is_dir():
            raise
        raise MissingTool(words[0], PACKAGES.get(name, name)) from error
    try:
        output, errors = process.communicate(input)
    except BaseException:
        _end(process)
        raise
    if process.returncode not in accept:
        said = (output if merge else (errors or output)).decode(errors="replace")
        if os.strerror(28) in said:
            raise NoSpace(f"no space left on this machine's disk, says {name}:\n{said.strip()}")
        raise ToolFailed(name, process.returncode, said)
    return subprocess.CompletedProcess(words, process.returncode, output, errors)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program and what it started; it leads a session of its own."""
    for deadly in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, deadly)
        except ProcessLookupError:
            break
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            continue
        break
