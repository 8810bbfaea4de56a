"""The Debian chroot with the GNU Shepherd that drover is compared with, built once and kept.

It lives outside the repository, in the user's cache; DROVER_SHEPHERD_CHROOT names one that is there
already.  Other programs of Debian get chroots of their own in the same way.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import IO

VERSION = "1.0.9"
# The first Debian release with that version.
SUITE = "forky"
PACKAGES = ["shepherd", "bsdutils", "netcat-openbsd", "procps", "python3", "python3-cffi-backend"]


class ChrootUnavailable(Exception):
    """There is no such chroot and it cannot be built here; the message says why."""


def find_or_build() -> Path:
    """The root directory of the chroot.

    Building takes about 15 seconds and the network; it happens once per machine and user.
    Raises ChrootUnavailable.
    """
    root = debian_root(f"shepherd-{VERSION}", PACKAGES, "DROVER_SHEPHERD_CHROOT")
    version = versions(root)["shepherd"]
    if not version.startswith(f"{VERSION}-"):
        raise ChrootUnavailable(f"{root} has shepherd {version}, not {VERSION}")
    return root


def debian_root(name: str, packages: list[str], variable: str) -> Path:
    """The root directory of a Debian system with ``packages``, called ``name`` in the cache.

    The environment variable, if set, names one that is there already.  Raises ChrootUnavailable.
    """
    given = os.environ.get(variable)
    if given:
        return _checked(Path(given), packages)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "drover"
    # A change of the packages makes another chroot.
    key = hashlib.sha256(" ".join(packages).encode()).hexdigest()[:8]
    root = cache / f"{name}-{key}"
    if not root.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with (cache / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not root.exists():
                _build(root, packages)
    return _checked(root, packages)


def versions(root: Path) -> dict[str, str]:
    """The packages of a Debian system and their versions; raises ChrootUnavailable."""
    status = root / "var/lib/dpkg/status"
    if not status.is_file():
        raise ChrootUnavailable(f"{root} is not the root directory of a Debian system")
    return dict(re.findall(r"^Package: (.*)\n(?:.+\n)*?Version: (.*)\n", status.read_text(), re.M))


def _checked(root: Path, packages: list[str]) -> Path:
    installed = versions(root)
    if missing := [package for package in packages if package not in installed]:
        raise ChrootUnavailable(f"{root} lacks the packages {' '.join(missing)}")
    return root


def _build(root: Path, packages: list[str]) -> None:
    """Build next to `root` and rename, so that an interrupted build leaves nothing that is used."""
    if shutil.which("mmdebstrap") is None:
        raise ChrootUnavailable("mmdebstrap is not installed")
    unfinished = root.with_name(f"{root.name}.new")
    if unfinished.exists():
        _run(*as_root("rm", "-rf", str(unfinished)))
    with tempfile.TemporaryFile() as archive:
        _run(
            "mmdebstrap",
            "--mode=root" if os.geteuid() == 0 else "--mode=unshare",
            "--variant=essential",
            f"--include={','.join(packages)}",
            # The index of a snapshot of the archive has expired, but says the same.
            '--aptopt=Acquire::Check-Valid-Until "false"',
            "--format=tar",
            SUITE,
            "-",
            stdout=archive,
        )
        archive.seek(0)
        unfinished.mkdir()
        # Device nodes cannot be made in a user namespace, and the sandbox brings its own.
        _run(*as_root("tar", "-C", str(unfinished), "--exclude=./dev/*", "-x"), stdin=archive)
    unfinished.rename(root)


def as_root(*command: str) -> list[str]:
    """`command` as root, or as an ordinary user who is root of subordinate ids."""
    if os.geteuid() == 0:
        return list(command)
    return ["unshare", "--user", "--map-root-user", "--map-auto", *command]


def _run(*command: str, stdin: IO[bytes] | None = None, stdout: IO[bytes] | None = None) -> None:
    done = subprocess.run(
        command,
        stdin=stdin or subprocess.DEVNULL,
        stdout=stdout or subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=False,
    )
    if done.returncode != 0:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        reason = "; ".join([line[:200] for line in lines if line.startswith("E:")] or lines[-1:])
        raise ChrootUnavailable(f"{command[0]} failed: {reason}")
