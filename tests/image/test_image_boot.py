"""Images that `hurd-image build` makes, booted by their own GRUB into Debian's real GNU Mach.

In place of the Hurd's servers are tasks that report the arguments that the kernel gave them
(guest/report.c), so this needs nothing but packages of Debian.  Everything is run as an ordinary
user, as users run it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import select
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.image import guests
from tests.image.archive import PACKAGES, Signer, StandInArchive, stand_ins
from tests.image.conftest import gnumach
from tests.image.users import _SITE, python_for_all

ROOT = Path(__file__).parents[2]
NOBODY = 65534
SERVERS = ("acpi", "exec", "ext2fs", "pci-arbiter", "rumpdisk")


class User:
    """An ordinary user with a directory; who runs the tests, unless that is root."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.prefix: list[str] = []
        if os.geteuid() == 0:
            guests.require("setpriv")
            self.gets(home)
            self.prefix = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        self.environment = {
            "HOME": str(home),
            "PATH": os.defpath + ":/usr/sbin:/sbin",
            "PYTHONPATH": os.pathsep.join([str(ROOT), *_SITE]),
            "PYTHONDONTWRITEBYTECODE": "1",
            "SOURCE_DATE_EPOCH": str(guests.EPOCH),
        }

    def gets(self, *directories: Path) -> None:
        """Make the user the owner of all that is in some directories."""
        for directory in directories if os.geteuid() == 0 else ():
            for path in (directory, *directory.rglob("*")):
                os.chown(path, NOBODY, NOBODY, follow_symlinks=False)

    def command(self, *words: object) -> list[str]:
        """`hurd-image` with these words."""
        return [*self.prefix, python_for_all(), "-m", "image", *map(str, words)]

    def run(self, *words: object, umask: int = 0o022) -> str:
        """Run `hurd-image`, which must end well, and return its output."""
        done = subprocess.run(
            self.command(*words), cwd=self.home, env=self.environment, umask=umask, check=False,
            capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def console(self, *words: object, until: str, seconds: float = 90) -> str:
        """Run `hurd-image vm` and return what the guest writes, up to and with `until`."""
        limit = time.monotonic() + seconds
        seen = b""
        with subprocess.Popen(
            self.command("vm", *words), cwd=self.home, env=self.environment,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,
        ) as process:  # fmt: skip
            assert process.stdout is not None
            try:
                while until.encode() not in seen:
                    left = limit - time.monotonic()
                    ready = left > 0 and select.select([process.stdout], [], [], left)[0]
                    data = os.read(process.stdout.fileno(), 65536) if ready else b""
                    assert data, f"{until!r} did not come:\n{seen.decode(errors='replace')}"
                    seen += data
            finally:
                process.terminate()
        return seen.decode(errors="replace").replace("\r", "")


@pytest.fixture(scope="module")
def user() -> Iterator[User]:
    """Who builds."""
    guests.require("qemu-system-i386", "qemu-system-x86_64", "qemu-img", "e2fsck", "xorriso")
    # Not in pytest's own directory: that is closed to others.
    with tempfile.TemporaryDirectory(prefix="hurd-image-test-") as directory:
        yield User(Path(directory))


@pytest.fixture(scope="module")
def archive(
    tmp_path_factory: pytest.TempPathFactory, signer: Signer, gnumach_packages: list[Path]
) -> Iterator[StandInArchive]:
    """A signed archive with the real kernel and the reporting tasks as the Hurd's servers."""
    directory = tmp_path_factory.mktemp("reporting") / "debian"
    archive = StandInArchive(directory, signer)
    servers = {f"{name}.static": guests.report() for name in SERVERS}
    archive.add(*stand_ins(servers), *gnumach_packages)
    archive.publish()
    with archive:
        yield archive


@pytest.fixture(scope="module")
def roots(
    user: User, archive: StandInArchive, gnumach_packages: list[Path]
) -> dict[str, tuple[str, ...]]:
    """The options for each source of a root, by its name."""
    directory = user.home / "root"
    for name in ("bin", "sbin", "lib"):
        (directory / "usr" / name).mkdir(parents=True)
    for package in sorted(archive.pool.glob("*.deb")):
        unpack(package, directory)
    amd64 = user.home / "root-amd64"
    shutil.copytree(directory, amd64, symlinks=True)
    for kernel in amd64.glob("boot/gnumach*"):
        kernel.unlink()
    for package in gnumach("amd64"):
        unpack(package, amd64)
    for name in SERVERS:
        (amd64 / f"hurd/{name}.static").write_bytes(guests.report("amd64"))
    user.gets(directory, amd64)
    tarball = user.home / "root.tar.gz"
    with tarfile.open(tarball, "w:gz", format=tarfile.PAX_FORMAT) as file:
        file.add(directory, ".", filter=_owned_by_root)
    keyring = archive.signer.keyring if archive.signer is not None else ""
    return {
        "packages": (
            "--archive", archive.url, "--suite", archive.suite, "--component", "main",
            "--keyring", str(keyring), "--set", 'source.foreign-architectures=["i386"]',
            "--variant", "essential", "--set",
            f"source.packages={json.dumps([*PACKAGES, 'gnumach-image-1-486'])}",
        ),
        "directory": ("--from", str(directory), "--owners", "root"),
        "tarball": ("--from", str(tarball)),
        "amd64": (
            "--from", str(amd64), "--owners", "root", "--architecture", "hurd-amd64",
            "--init", "native",
        ),
    }  # fmt: skip


def unpack(package: Path, directory: Path) -> None:
    """Unpack a package where /bin is a symbolic link, which `dpkg-deb -x` would replace."""
    packed = subprocess.run(
        ["dpkg-deb", "--fsys-tarfile", package], check=True, capture_output=True
    ).stdout
    command = ["tar", "-x", "--keep-directory-symlink", "-C", directory]
    subprocess.run(command, input=packed, check=True)


def _owned_by_root(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    return member


IMAGES = [
    pytest.param("packages", "img", id="raw disk from packages"),
    pytest.param("directory", "qcow2", id="qcow2 disk from a directory"),
    pytest.param("tarball", "iso", id="CD from a tarball"),
    pytest.param("amd64", "img", id="raw disk for amd64"),
]


@dataclass(frozen=True)
class Log:
    """What GNU Mach says about a boot."""

    modules: list[list[str]]  # the words of each boot module
    loaded: list[str]  # the lines about tasks that were made from them
    arguments: list[str]  # what the first one reports


def read_log(text: str) -> Log:
    """Take the parts from the console's text."""
    return Log(
        modules=[line.split(" ") for line in re.findall(r"^module \d+: (.*)$", text, re.M)],
        loaded=re.findall(r"^task loaded: (.*)$", text, re.M),
        arguments=re.findall(r"report: argument: (.*)$", text, re.M),
    )


def menu_entry(image: Path) -> tuple[list[str], list[list[str]]]:
    """The kernel's words and the modules of GRUB's default entry, as the image's menu has them."""
    from image.bootable import look_at
    from image.menu import read_menu

    found = look_at(image)
    assert found is not None
    entry = read_menu(found.configuration)[0]
    return list(entry.words), [list(module.words) for module in entry.modules]


def expanded(words: list[str], variables: dict[str, str]) -> list[str]:
    """The words of a module as its task is to get them: variables replaced, functions gone."""
    kept = [word for word in words if not word.startswith("$(")]
    return [re.sub(r"\$\{([^}]*)\}", lambda found: variables[found[1]], word) for word in kept]


@pytest.mark.parametrize(("source", "suffix"), IMAGES)
def test_images_boot_into_gnu_mach(
    user: User, roots: dict[str, tuple[str, ...]], source: str, suffix: str
) -> None:
    image = user.home / f"{source}.{suffix}"
    user.run(
        "build", *roots[source], "-o", image, "--size", "48M", "--root-password", "",
        "--kernel-argument", "answer=42",
    )  # fmt: skip
    if suffix == "img":
        checked = subprocess.run(
            ["/sbin/e2fsck", "-fn", f"{image}?offset=1048576"], check=False, capture_output=True
        )
        assert checked.returncode == 0, checked.stdout.decode()
    words, modules = menu_entry(image)
    assert "answer=42" in words

    text = user.console(image, until="report: end")

    assert re.search(r"^GNU Mach 1\.8\+git\d+", text, re.M) or source == "amd64"
    log = read_log(text)
    # The kernel got every word that the menu has, with none expanded by GRUB.
    assert log.modules == modules
    assert len(modules) == {"amd64": 5, "tarball": 3}.get(source, 2)
    # It expanded them: ports are numbers, which only it can know.
    first = next(words for words in modules if "$(task-resume)" in words)
    ports = dict(re.findall(r"--([a-z-]+)=(\d+)$", "\n".join(log.arguments), re.M))
    (root,) = (word.removeprefix("root=") for word in words if word.startswith("root="))
    variables = {
        "kernel-command-line": " ".join(words),
        "root": root,
        "host-port": ports["host-priv-port"],
        "device-port": ports["device-master-port"],
        "exec-task": ports.get("exec-server-task", ""),
        "acpi-task": ports.get("next-task", ""),
    }
    assert log.arguments == expanded(first, variables)
    tasks = [words for words in modules if "$(ramdisk-create)" not in words]
    assert [line.split(" ")[0] for line in log.loaded] == [words[0] for words in tasks]
    assert " ".join(expanded(first, variables)) in log.loaded
    for line in log.loaded:
        assert "$" not in line


@pytest.mark.parametrize(("source", "suffix"), IMAGES[:3])
def test_two_builds_give_the_same_bytes(
    user: User, roots: dict[str, tuple[str, ...]], source: str, suffix: str
) -> None:
    sums = []
    for number, umask in ((1, 0o022), (2, 0o077)):
        place = user.home / f"{source}-{number}"
        place.mkdir()
        user.gets(place)
        image = place / f"copy{number}.{suffix}"
        user.run(
            "build", *roots[source], "-o", image, "--size", "48M", "--root-password", "*",
            "--cache", place / "cache", umask=umask,
        )  # fmt: skip
        sums.append(hashlib.sha256(image.read_bytes()).hexdigest())
        shutil.rmtree(place)
    assert sums[0] == sums[1]


def test_inspection_tells_what_was_built(user: User, roots: dict[str, tuple[str, ...]]) -> None:
    image = user.home / "inspected.qcow2"
    user.run("build", *roots["directory"], "-o", image, "--hostname", "inspected")
    (partition,) = json.loads(user.run("inspect", "--json", image))["partitions"]
    assert partition["filesystem"]["hostname"] == "inspected"
    assert partition["filesystem"]["kernels"]
