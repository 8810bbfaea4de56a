"""The Debian chroot with the GNU Shepherd that drover is compared with, built once and kept.

It lives outside the repository, in the user's cache; DROVER_SHEPHERD_CHROOT names one that is there
already.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

VERSION = "1.0.9"
# The first Debian release with that version.
SUITE = "forky"
PACKAGES = ["shepherd", "bsdutils", "netcat-openbsd", "procps", "python3"]


class ChrootUnavailable(Exception):
    """There is no such chroot and it cannot be built here; the message says why."""


def find_or_build() -> Path:
    """The root directory of the chroot.

    Building takes about 15 seconds and the network; it happens once per machine and user.
    Raises ChrootUnavailable.
    """
    given = os.environ.get("DROVER_SHEPHERD_CHROOT")
    if given:
        return _checked(Path(given))
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "drover"
    root = cache / f"shepherd-{VERSION}"
    if not root.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with (cache / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not root.exists():
                _build(root)
    return _checked(root)


def _checked(root: Path) -> Path:
    status = root / "var/lib/dpkg/status"
    if not status.is_file():
        raise ChrootUnavailable(f"{root} is not the root directory of a Debian system")
    entries = status.read_text().split("\n\n")
    versions = [entry for entry in entries if entry.startswith("Package: shepherd\n")]
    if not versions or f"\nVersion: {VERSION}-" not in versions[0]:
        raise ChrootUnavailable(f"{root} does not have version {VERSION} of the package shepherd")
    return root


def _build(root: Path) -> None:
    """Build next to `root` and rename, so that an interrupted build leaves nothing that is used."""
    if shutil.which("mmdebstrap") is None:
        raise ChrootUnavailable("mmdebstrap is not installed")
    unfinished = root.with_suffix(".new")
    if unfinished.exists():
        _remove(unfinished)
    command = [
        "mmdebstrap",
        "--quiet",
        "--variant=essential",
        f"--include={','.join(PACKAGES)}",
        # The index of a snapshot of the archive has expired, but says the same.
        '--aptopt=Acquire::Check-Valid-Until "false"',
        SUITE,
        str(unfinished),
    ]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    if built.returncode != 0:
        _remove(unfinished)
        reason = [line for line in built.stderr.splitlines() if line.startswith("E:")]
        raise ChrootUnavailable("mmdebstrap failed: " + ("; ".join(reason) or built.stderr.strip()))
    unfinished.rename(root)


def _remove(tree: Path) -> None:
    # An ordinary user built it with subordinate ids: only in a user namespace can it be removed.
    command = ["rm", "-rf", str(tree)]
    if os.geteuid() != 0:
        command = ["unshare", "--map-auto", "--map-root-user", *command]
    subprocess.run(command, capture_output=True, check=False)
