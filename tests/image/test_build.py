"""Whole builds: from packages, a directory and a tarball to disks that pass the check."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from image.build import Result, build_image
from image.cache import Cache
from image.disk import PARTITION_OFFSET
from image.errors import ConfigurationError, ImageInUse, NoSpace, TreeError
from image.inspection import inspect_image
from image.settings import Configuration, DirectorySource, Format, Network, TarballSource, User
from image.sources.debian import read_packages
from tests.image.archive import EPOCH, PACKAGES, StandInArchive
from tests.image.trees import unpack
from tests.image.users import ROOT, python_for_all, run_as_ordinary_user

WANTED = ("gnumach-image-1-486", *PACKAGES)


@pytest.fixture(scope="module")
def configuration(stand_in_archive: StandInArchive) -> Configuration:
    return Configuration(
        source=stand_in_archive.source(*WANTED),
        root=User("root", "", home="/root"),
        users=(User("ann", "$6$salt$hash", ("ssh-ed25519 AAAA ann",), home="/home/ann"),),
        epoch=EPOCH,
    )


@pytest.fixture(scope="module")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Cache:
    return Cache(tmp_path_factory.mktemp("shared") / "cache")


@pytest.fixture(scope="module")
def root(
    stand_in_archive: StandInArchive, shared_cache: Cache, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The stand-in system as a directory."""
    tree, _ = read_packages(stand_in_archive.source(*WANTED), "hurd-i386", shared_cache)
    root = tmp_path_factory.mktemp("root")
    unpack(tree, root)
    return root


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def debugfs(image: Path, *commands: str) -> str:
    """What debugfs prints for each command on the first partition."""
    out = []
    for command in commands:
        done = subprocess.run(
            ["/usr/sbin/debugfs", "-R", command, f"{image}?offset={PARTITION_OFFSET}"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert "not found" not in done.stderr, done.stderr
        out.append(done.stdout)
    return "\n".join(out)


def build(configuration: Configuration, cache: Cache, output: Path, **changes: object) -> Result:
    wanted = replace(configuration, output=output, **changes)  # type: ignore[arg-type]
    return build_image(wanted, cache)


def test_packages_become_a_disk(
    configuration: Configuration, shared_cache: Cache, tmp_path: Path
) -> None:
    output = tmp_path / "hurd.img"
    result = build(configuration, shared_cache, output)
    assert result.size == output.stat().st_size
    assert any(one.startswith("gnumach-image-1.8-486-up ") for one in result.packages)
    check = subprocess.run(
        ["/usr/sbin/e2fsck", "-fn", f"{output}?offset={PARTITION_OFFSET}"], capture_output=True
    )
    assert check.returncode == 0, check.stdout
    shown = debugfs(output, "stat /hurd/ext2fs.static", "stat /etc/shadow", "stat /home/ann",
                    "cat /etc/hostname", "cat /boot/grub/grub.cfg")  # fmt: skip
    assert "Mode:  0755" in shown
    assert "Mode:  0640" in shown
    assert "User:  1000   Group:  1000" in shown
    assert "\nhurd\n" in shown
    assert "multiboot /boot/gnumach-1.8-486-up.gz root=device:hd0s1 console=com0" in shown
    assert "/hurd/term\0/dev/console\0" in debugfs(
        output, "ea_get -V /dev/console gnu.translator"
    ).replace("\\000", "\0")


def test_a_static_network_is_pfinets_record(
    configuration: Configuration, shared_cache: Cache, tmp_path: Path
) -> None:
    output = tmp_path / "hurd.img"
    network = Network("static", "/dev/eth0", "10.0.2.15", "255.255.255.0", "10.0.2.2")
    build(configuration, shared_cache, output, network=network)
    record = debugfs(output, "ea_get -V /servers/socket/2 gnu.translator")
    words = ("-i", "/dev/eth0", "-a", "10.0.2.15", "-m", "255.255.255.0", "-g", "10.0.2.2")
    assert "\0".join(words) in record.replace("\\000", "\0")


@pytest.mark.parametrize("form", ["raw", "qcow2", "iso"])
def test_two_builds_give_the_same_bytes(
    configuration: Configuration, tmp_path: Path, form: Format
) -> None:
    found = []
    for name in ("one", "two"):
        # Nothing is shared: neither the cache nor the directory.
        (tmp_path / name).mkdir()
        output = tmp_path / name / "hurd.img"
        build(configuration, Cache(tmp_path / name / "cache"), output, format=form)
        found.append(digest(output))
    assert found[0] == found[1]
    build(configuration, Cache(tmp_path / "two" / "cache"), output, format=form)
    assert digest(output) == found[0]


def test_a_directory_and_a_tarball_give_the_same_disk(
    configuration: Configuration, shared_cache: Cache, tmp_path: Path, root: Path
) -> None:
    tarball = tmp_path / "root.tar.gz"

    def as_roots(info: tarfile.TarInfo) -> tarfile.TarInfo:
        info.uid = info.gid = 0
        return info

    with tarfile.open(tarball, "w:gz") as archive:
        archive.add(root, ".", filter=as_roots)
    outputs = []
    for name, source in (
        ("directory", DirectorySource(root, "root")),
        ("tarball", TarballSource(tarball)),
    ):
        output = tmp_path / f"{name}.img"
        build(configuration, shared_cache, output, source=source)
        outputs.append(digest(output))
    assert outputs[0] == outputs[1]


def test_a_root_without_python_is_built_for_its_own_init(
    configuration: Configuration,
    shared_cache: Cache,
    tmp_path: Path,
    stand_in_archive: StandInArchive,
) -> None:
    output = tmp_path / "hurd.img"
    source = stand_in_archive.source("gnumach-image-1-486", "hurd")
    build(configuration, shared_cache, output, source=source, init="native")
    assert "the system's own" in debugfs(output, "cat /libexec/runsystem")
    assert "dpkg --configure -a" in debugfs(output, "cat /var/lib/drover/second-stage/run")
    info = inspect_image(output)
    filesystem = info.partitions[0].filesystem
    assert filesystem is not None
    assert filesystem.drover is None


def test_what_is_wrong_is_said_before_the_work(
    configuration: Configuration, cache: Cache, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match=r"image\.output: .*/gone: no such directory"):
        build(configuration, cache, tmp_path / "gone" / "hurd.img")
    with pytest.raises(ConfigurationError, match="is a directory"):
        build(configuration, cache, tmp_path)
    assert not cache.directory.exists()


def leftovers(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir() if path.name != "cache")


def test_a_disk_that_is_too_small_leaves_nothing_behind(
    configuration: Configuration, shared_cache: Cache, tmp_path: Path
) -> None:
    with pytest.raises(NoSpace):
        build(configuration, shared_cache, tmp_path / "hurd.img", size=8 << 20)
    assert leftovers(tmp_path) == []


def test_a_root_without_a_kernel_leaves_the_old_image_alone(
    configuration: Configuration,
    shared_cache: Cache,
    tmp_path: Path,
    stand_in_archive: StandInArchive,
) -> None:
    (tmp_path / "hurd.img").write_bytes(b"the old one")
    with pytest.raises(TreeError, match="no kernel in the root tree"):
        build(configuration, shared_cache, tmp_path / "hurd.img",
              source=stand_in_archive.source(*PACKAGES))  # fmt: skip
    assert (tmp_path / "hurd.img").read_bytes() == b"the old one"
    assert leftovers(tmp_path) == ["hurd.img"]


def test_an_image_in_use_is_left_alone(
    configuration: Configuration, shared_cache: Cache, tmp_path: Path
) -> None:
    output = tmp_path / "hurd.img"
    output.write_bytes(bytes(1 << 20))
    code = (
        "import fcntl, sys\n"
        f"file = open({str(output)!r}, 'r+b')\n"
        "fcntl.lockf(file, fcntl.LOCK_EX)\n"
        "print('locked', flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        assert holder.stdout.readline() == b"locked\n"
        with pytest.raises(ImageInUse, match=r"hurd\.img"):
            build(configuration, shared_cache, output)
        holder.stdin.close()
    assert output.read_bytes() == bytes(1 << 20)


def command(*words: str) -> list[str]:
    return [python_for_all(), "-m", "image", *words]


def options(source: StandInArchive, *packages: str) -> list[str]:
    assert source.signer is not None
    words = ["--archive", source.url, "--keyring", str(source.signer.keyring), "--set",
             "source.foreign-architectures=['i386']", "--set",
             f"source.packages={list(packages)}"]  # fmt: skip
    return [*words, "--root-password="]


def test_an_ordinary_user_builds_the_same_disk_as_root(
    stand_in_archive: StandInArchive, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    words = command("build", *options(stand_in_archive, *WANTED), "-o", "user.img", "--json")
    environment = {"SOURCE_DATE_EPOCH": str(EPOCH)}
    status, printed, errors = run_as_ordinary_user(words, home, env=environment)
    assert status == 0, errors
    result = json.loads(printed)
    assert result["output"] == str(home / "user.img")
    assert result["translators"] > 100
    words = command("build", *options(stand_in_archive, *WANTED), "-o", str(tmp_path / "root.img"),
                    "--cache", str(tmp_path / "cache"), "--quiet")  # fmt: skip
    done = subprocess.run(
        words, capture_output=True, text=True, cwd=ROOT,
        env={**os.environ, **environment, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert digest(home / "user.img") == digest(tmp_path / "root.img")


def test_a_place_where_no_file_can_be_made_is_said_before_the_work(tmp_path: Path) -> None:
    home, closed = tmp_path / "home", tmp_path / "closed"
    home.mkdir()
    closed.mkdir(mode=0o555)
    words = command("build", "--from", str(home), "-o", str(closed / "hurd.img"))
    status, _, errors = run_as_ordinary_user(words, home)
    assert (status, errors) == (
        2, f"hurd-image: error: image.output: {closed}: no file can be made there\n"
    )  # fmt: skip


@pytest.mark.unmeasured  # or it may be interrupted before it begins
@pytest.mark.parametrize("deadly", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_build_leaves_nothing_half_written(
    stand_in_archive: StandInArchive, tmp_path: Path, deadly: signal.Signals
) -> None:
    words = [sys.executable, "-m", "image", "build", *options(stand_in_archive, *WANTED),
             "-o", str(tmp_path / "hurd.img"), "--cache", str(tmp_path / "cache")]  # fmt: skip
    for delay in (0.3, 0.7, 1.1):
        process = subprocess.Popen(words, cwd=ROOT, stderr=subprocess.PIPE, text=True)
        time.sleep(delay)
        process.send_signal(deadly)
        _, errors = process.communicate(timeout=60)
        expected = {signal.SIGINT: 130, signal.SIGTERM: 143}[deadly]
        # Or it was quicker.
        assert process.returncode in (0, expected), errors
        assert "Traceback" not in errors
        if process.returncode:
            assert leftovers(tmp_path) == []
        assert not list(tmp_path.rglob("*.partial"))
        assert not list(tmp_path.rglob("*.part"))
        (tmp_path / "hurd.img").unlink(missing_ok=True)


def test_two_builds_at_once_do_not_disturb_each_other(
    stand_in_archive: StandInArchive, tmp_path: Path
) -> None:
    def start(name: str) -> subprocess.Popen[str]:
        words: Sequence[str] = [
            sys.executable, "-m", "image", "build", *options(stand_in_archive, *WANTED),
            "-o", str(tmp_path / name), "--cache", str(tmp_path / "cache"),
        ]  # fmt: skip
        return subprocess.Popen(
            words, cwd=ROOT, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "SOURCE_DATE_EPOCH": str(EPOCH)},
        )  # fmt: skip

    builds = [start("one.img"), start("two.img")]
    errors = [build.communicate(timeout=120)[1] for build in builds]
    assert [build.returncode for build in builds] == [0, 0], errors
    assert digest(tmp_path / "one.img") == digest(tmp_path / "two.img")


def test_a_service_that_changed_is_in_the_next_build(
    configuration: Configuration, shared_cache: Cache, tmp_path: Path
) -> None:
    service = tmp_path / "web.scm"
    for port in (80, 8080):
        service.write_text(f";; port {port}\n")
        build(configuration, shared_cache, tmp_path / "hurd.img", services=(service,))
        shown = debugfs(tmp_path / "hurd.img", "cat /etc/drover/services.d/web.scm")
        assert shown == f";; port {port}\n"


def test_the_second_stage_is_there(
    configuration: Configuration, shared_cache: Cache, tmp_path: Path
) -> None:
    output = tmp_path / "hurd.img"
    build(configuration, shared_cache, output)
    listed = debugfs(output, "cat /var/lib/drover/second-stage/packages").splitlines()
    assert listed[0] == "base-files base-files all"
    assert "python3-cffi-backend:hurd-i386 python3-cffi-backend hurd-i386" in listed
    assert "one-shot" in debugfs(output, "cat /etc/drover/services.d/second-stage.scm")
