"""A build from packages, and the next one after a service has changed: how much is not done again.

Packages of 300 MB are made and served on the loopback interface, and the complete command runs:
with an empty cache, and again with one other service file.  Real packages are compressed with xz,
which takes longer to unpack than these and makes the ratio better.
"""

from __future__ import annotations

import sys
from pathlib import Path

from bench.image import make_files, timed
from tests.image.archive import PACKAGES, Recipe, StandInArchive, stand_ins

_SERVICE = "(register-services (list (service '({name}) #:start (const #t))))\n"
_DATA_PACKAGES = 40


def _publish(archive: StandInArchive, place: Path, size: int) -> list[str]:
    """Fill the archive; return the names of the packages to install."""
    tree = place / "tree"
    make_files(tree, size)
    files = sorted(path for path in tree.rglob("*") if path.is_file())
    kernel = "gnumach-image-1-486"
    archive.add(*stand_ins())
    archive.add(Recipe(kernel, {"/boot/gnumach-1.8-486.gz": b"kernel"}, architecture="i386"))
    names = []
    for number in range(_DATA_PACKAGES):
        name = f"data-{number}"
        here = files[number::_DATA_PACKAGES]
        archive.add(Recipe(name, {f"/usr/share/{path.relative_to(tree)}": path for path in here}))
        names.append(name)
    archive.publish()
    return [*PACKAGES, kernel, *names]


def _command(archive: StandInArchive, packages: list[str], place: Path, cache: Path) -> list[str]:
    code = "from image.command import main; import sys; sys.exit(main(sys.argv[1:]))"
    return [
        sys.executable, "-c", code, "build", "--quiet", f"--archive={archive.url} unstable main",
        "--set=source.trusted=true", "--set=source.foreign-architectures=['i386']",
        "--variant=essential", f"--set=source.packages={packages!r}",
        "--root-password=", f"--service={place / 'service.scm'}", f"--cache={cache}",
        f"--output={place / 'disk'}",
    ]  # fmt: skip


def measure(size: int, rounds: int, place: Path) -> tuple[list[float], list[float]]:
    """Return the seconds of the full builds and of the builds after them."""
    full: list[float] = []
    again: list[float] = []
    service = place / "service.scm"
    with StandInArchive(place / "archive", None) as archive:
        packages = _publish(archive, place, size)
        for turn in range(rounds):
            words = _command(archive, packages, place, place / f"cache{turn}")
            for name, found in ((f"first{turn}", full), (f"second{turn}", again)):
                service.write_text(_SERVICE.format(name=name))
                found.append(timed(words)[0])
    return full, again
