"""Where the daemons are measured: in namespaces that clean up, in a directory that all of them see.

Programs that the machine need not have live in Debian chroots (``debian.py``): the GNU Shepherd in
one, other service managers in another.  The benchmark runs in mount and process namespaces, as root
there, and binds its directory into the chroots under the same name.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench import debian, process
from bench.peers import PACKAGES

_SHEPHERD = "DROVER_BENCH_SHEPHERD"
_PEERS = "DROVER_BENCH_PEERS"
_MEMORY = "in-memory"


def run(command: Sequence[str], peers: bool) -> int:
    """Run a Python module with arguments in the namespaces, with the chroots that can be had.

    What is missing is said on standard error.  Returns the exit status.
    """
    environment = dict(os.environ)
    unshare = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if os.geteuid() != 0:
        unshare += ["--user", "--map-root-user", "--map-auto"]
    probe = subprocess.run([*unshare, "true"], capture_output=True, text=True, check=False)
    if probe.returncode != 0:
        reason = probe.stderr.strip() or "unshare failed"
        print(f"drover is measured alone: {reason}", file=sys.stderr)
        unshare = []
    else:
        try:
            environment[_SHEPHERD] = str(debian.shepherd())
        except debian.Unavailable as unavailable:
            print(f"Without the GNU Shepherd: {unavailable}", file=sys.stderr)
        try:
            if peers:
                environment[_PEERS] = str(debian.peers(PACKAGES))
        except debian.Unavailable as unavailable:
            print(f"Without Debian's service managers: {unavailable}", file=sys.stderr)
    words = [*unshare, sys.executable, "-m", *command]
    return subprocess.run(words, env=environment, check=False).returncode


class Place:
    """The working directory, and the chroots, if there are any."""

    def __init__(self) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="drover-bench-", dir="/tmp")
        self.work = Path(self._directory.name)
        self.shepherd = _root(_SHEPHERD)
        self.peers = _root(_PEERS)
        self.memory = self.work / _MEMORY
        self.memory.mkdir()
        # Only in a namespace of our own may anything be mounted.
        self._alone = os.getpid() != 1
        if not self._alone:
            _mount("-t", "tmpfs", "-o", "mode=755", "drover", str(self.memory))
        for root in self._roots():
            _bind(root, self.work)

    def _roots(self) -> list[Path]:
        return [root for root in (self.shepherd, self.peers) if root is not None]

    def close(self) -> None:
        """Remove the directory; the namespaces take the mounts with them."""
        process.reap(kill_them=True)
        for root in self._roots():
            _unmount(root / "tmp")
        if not self._alone:
            _unmount(self.memory)
        self._directory.cleanup()


def _root(variable: str) -> Path | None:
    value = os.environ.get(variable)
    return None if value is None else Path(value)


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


def _unmount(path: Path) -> None:
    subprocess.run(["umount", "--lazy", str(path)], check=True)


def _bind(chroot: Path, work: Path) -> None:
    _mount("-t", "tmpfs", "-o", "mode=1777", "drover", str(chroot / "tmp"))
    inside = chroot / work.relative_to("/")
    inside.mkdir(mode=0o700)
    _mount("--rbind", str(work), str(inside))
    _mount("-t", "proc", "proc", str(chroot / "proc"))
    _mount("-t", "tmpfs", "-o", "mode=755", "drover", str(chroot / "run"))
    # Device nodes cannot be made in a user namespace: lend the machine's.
    _mount("-t", "tmpfs", "-o", "mode=755", "drover", str(chroot / "dev"))
    for node in ("null", "zero", "random", "urandom"):
        (chroot / "dev" / node).touch()
        _mount("--bind", f"/dev/{node}", str(chroot / "dev" / node))
