"""docs/image-builder.md does what it says, with an archive of stand-ins for Debian's ports.

Its virtual machine boots the real kernel through GRUB; what the stand-ins for the Hurd's servers do
is nothing, so it is ended after some seconds.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from image.keys import KEYS
from tests.image.archive import Recipe, Signer, StandInArchive, stand_ins
from tests.image.page import carried_out
from tests.image.users import ROOT

PAGE = ROOT / "docs" / "image-builder.md"
_DEFAULTS = ("apt", "netbase", "tzdata", "python3-sexpdata")
_SECONDS = 12  # of the kernel's boot, with an emulated processor
_WRAPPER = """\
#!/bin/sh
# hurd-image, but for virtual machines that end.
if [ "$1" = vm ]; then
    shift
    set -- vm --timeout {seconds} "$@"
fi
exec {python} -m image "$@"
"""


def _for_the_hurd(package: Path, directory: Path) -> Path:
    """The same package under the architecture it has in Debian's ports."""
    root = directory / "repacked"
    shutil.rmtree(root, ignore_errors=True)
    subprocess.run(["dpkg-deb", "-R", package, root], check=True)
    control = root / "DEBIAN" / "control"
    control.write_text(control.read_text().replace("ture: i386", "ture: hurd-i386"))
    target = directory / package.name.replace("_i386", "_hurd-i386")
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "-Zgzip", "-b", root, target], check=True,
        capture_output=True,
    )  # fmt: skip
    return target


@pytest.fixture(scope="module")
def ports(
    tmp_path_factory: pytest.TempPathFactory, signer: Signer, gnumach_packages: list[Path]
) -> Iterator[StandInArchive]:
    """An archive that looks like Debian's ports, with both suites."""
    place = tmp_path_factory.mktemp("ports")
    recipes = [*stand_ins(), *(Recipe(name) for name in _DEFAULTS)]
    real = [_for_the_hurd(package, place) for package in gnumach_packages]
    archive = StandInArchive(place / "debian-ports", signer)
    archive.add(*recipes, *real)
    archive.publish()
    unreleased = StandInArchive(place / "unreleased", signer, "unreleased")
    unreleased.publish()
    shutil.copytree(
        unreleased.directory / "dists" / "unreleased", archive.directory / "dists" / "unreleased"
    )
    archive.directory = place
    with archive:
        yield archive


def test_the_page_does_what_it_says(ports: StandInArchive, tmp_path: Path) -> None:
    if shutil.which("ssh-keygen") is None:
        pytest.skip("ssh-keygen is not installed")
    if shutil.which("qemu-system-i386") is None:
        pytest.skip("qemu-system-i386 is not installed")
    programs = tmp_path / "bin"
    programs.mkdir()
    wrapper = programs / "hurd-image"
    wrapper.write_text(_WRAPPER.format(python=sys.executable, seconds=_SECONDS))
    wrapper.chmod(0o755)
    home = tmp_path / "home"
    home.mkdir()
    assert ports.signer is not None
    environment = {
        "HOME": str(home), "PATH": f"{programs}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8",
        "PYTHONPATH": str(ROOT), "DROVER_ARCHIVE": f"{ports.url}/debian-ports",
        "DROVER_KEYRING": str(ports.signer.keyring), "COLUMNS": "120",
    }  # fmt: skip
    commands = 0
    for command, printed in carried_out(PAGE, home, environment):
        commands += 1
        assert "Traceback" not in printed
        if " vm " in command:
            assert "GNU Mach" in printed
    assert commands >= 12
    assert (home / "hurd.img").exists()


def test_every_key_is_on_the_page() -> None:
    page = PAGE.read_text()
    documented = re.findall(r"^\| `([a-z.-]+)` \|", page.partition("### Keys")[2], re.MULTILINE)
    assert documented == list(KEYS)
