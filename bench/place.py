"""Where the benchmarks run: a directory that both daemons see, in namespaces that clean up.

The GNU Shepherd lives in a chroot (``tests/shepherd_chroot.py``).  With it, the benchmark runs
itself again in mount and process namespaces, as root there, and binds its directory into the
chroot under the same name.  Without it, drover is measured alone.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from importlib import import_module
from pathlib import Path

_INSIDE = "DROVER_BENCH_INSIDE"
_ROOT = Path(__file__).resolve().parent.parent


def enter(arguments: list[str]) -> str | None:
    """Run ``arguments`` again inside the namespaces and exit with its status.

    Returns inside of them: None.  Where that cannot be, returns the reason.
    """
    if _INSIDE in os.environ:
        return None
    sys.path.insert(0, str(_ROOT / "tests"))
    shepherd_chroot = import_module("shepherd_chroot")
    try:
        root = shepherd_chroot.find_or_build()
    except shepherd_chroot.ChrootUnavailable as unavailable:
        return str(unavailable)
    unshare = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if os.geteuid() != 0:
        unshare += ["--user", "--map-root-user", "--map-auto"]
    probe = subprocess.run([*unshare, "true"], capture_output=True, text=True, check=False)
    if probe.returncode != 0:
        return probe.stderr.strip() or "unshare failed"
    environment = {**os.environ, _INSIDE: str(root)}
    command = [*unshare, sys.executable, "-m", "bench", *arguments]
    raise SystemExit(subprocess.run(command, env=environment, check=False).returncode)


class Place:
    """The working directory, and the chroot of the GNU Shepherd if there is one."""

    def __init__(self) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="drover-bench-", dir="/tmp")
        self.work = Path(self._directory.name)
        inside = os.environ.get(_INSIDE)
        self.chroot = Path(inside) if inside is not None else None
        if self.chroot is not None:
            _bind(self.chroot, self.work)

    def close(self) -> None:
        """Remove the directory; the namespaces take the mounts with them."""
        if self.chroot is not None:
            subprocess.run(["umount", "--lazy", str(self.chroot / "tmp")], check=True)
        self._directory.cleanup()


def _bind(chroot: Path, work: Path) -> None:
    def mount(*arguments: str) -> None:
        subprocess.run(["mount", *arguments], check=True)

    mount("-t", "tmpfs", "-o", "mode=1777", "drover", str(chroot / "tmp"))
    inside = chroot / work.relative_to("/")
    inside.mkdir(mode=0o700)
    mount("--bind", str(work), str(inside))
    mount("-t", "proc", "proc", str(chroot / "proc"))
    mount("-t", "tmpfs", "-o", "mode=755", "drover", str(chroot / "run"))
    # Device nodes cannot be made in a user namespace: lend the machine's.
    mount("-t", "tmpfs", "-o", "mode=755", "drover", str(chroot / "dev"))
    for node in ("null", "zero", "random", "urandom"):
        (chroot / "dev" / node).touch()
        mount("--bind", f"/dev/{node}", str(chroot / "dev" / node))
