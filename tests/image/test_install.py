"""What goes into a root: drover and its bytecode, the machine's own files."""

from __future__ import annotations

import asyncio
import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from boot import bundled, quick_imports, stand_ins
from hurd.system.fake import FakeSystem, exits
from image.accounts import apply_users
from image.cache import Cache
from image.errors import ConfigurationError, ImageError
from image.install import LIBRARY, install_drover
from image.second_stage import add_second_stage
from image.settings import Configuration, DirectorySource, ExtraFile, Network, User
from image.sources.debian import read_packages
from image.system import add_extra_files, write_system_files
from image.tree import Node, Tree
from services.scheme.reader import read_one
from tests.boot.fakeboot import fake_boot
from tests.image.archive import MINOR, PACKAGES, StandInArchive
from tests.image.trees import content, tree_of

TIME = 1_750_000_000
NOWHERE = Configuration(source=DirectorySource(Path("/nonexistent")))


def a_system(**more: str) -> Tree:
    library = f"/usr/lib/python3.{MINOR}"
    return tree_of({
        "/bin/sh": "sh", f"/usr/bin/python3.{MINOR}": "python",
        "/usr/bin/python3": f"-> python3.{MINOR}",
        f"{library}/os.py": "", f"{library}/asyncio/__init__.py": "",
        "/usr/lib/python3/dist-packages/_cffi_backend.cpython-"
        f"3{MINOR}-i386-gnu.so": "library", **more,
    })  # fmt: skip


def write(tree: Tree, root: Path) -> None:
    for path, node in tree.items():
        file = root / path.lstrip("/")
        if node.kind == "directory":
            file.mkdir(exist_ok=True, parents=True)
        elif node.kind == "file":
            file.write_bytes(content(tree, path))
            file.chmod(node.mode)


def test_the_rooms_are_in_one_private_directory(cache: Cache) -> None:
    tree = a_system()
    install_drover(tree, NOWHERE, cache, TIME)
    for name in ("hurd/system/hurd.py", "pid1/daemon.py", "services/definitions/support.scm",
                 "boot/stage0.py", "image/data/second-stage", "sexpdata.py"):  # fmt: skip
        assert f"{LIBRARY}/{name}" in tree
    compiled = [path for path in tree if path.endswith(".pyc")]
    assert compiled
    assert all(path.startswith(LIBRARY) for path in compiled)
    assert not [path for path in tree if path.startswith(f"{LIBRARY}/tests")]
    for name in ("herd", "halt", "reboot", "shutdown", "poweroff", "shepherd"):
        assert tree[f"/bin/{name}" if name == "herd" else f"/sbin/{name}"].mode == 0o755
    tree.validate()


def test_bytecode_is_for_the_images_python_and_taken_without_the_sources(
    cache: Cache, tmp_path: Path
) -> None:
    tree = a_system()
    assert install_drover(tree, NOWHERE, cache, TIME).compile is None
    compiled = f"{LIBRARY}/pid1/__pycache__/wire.cpython-3{MINOR}.pyc"
    data = content(tree, compiled)
    assert data[:4] == importlib.util.MAGIC_NUMBER
    assert int.from_bytes(data[4:8], "little") == 0b01  # by the source's digest, never checked
    write(tree, tmp_path)
    # A source that is another program shows what is run.
    library = tmp_path / LIBRARY.lstrip("/")
    for source in library.rglob("*.py"):
        source.write_text("raise SystemExit('the source is read')\n")
    code = f"import sys; sys.path.insert(0, {str(library)!r}); import pid1.wire"
    done = subprocess.run([sys.executable, "-IS", "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    # Tracebacks name the files as they are in the image.
    assert f"{LIBRARY}/pid1/wire.py".encode() in data


def test_bytecode_is_the_same_whoever_compiles(tmp_path: Path) -> None:
    found = []
    for name in ("one", "two"):
        tree = a_system()
        install_drover(tree, NOWHERE, Cache(tmp_path / name), TIME)
        found.append({path: content(tree, path) for path in tree if path.endswith(".pyc")})
    assert len(found[0]) > 200
    assert found[0] == found[1]


def test_without_a_fitting_interpreter_here_it_is_left_to_the_first_boot(cache: Cache) -> None:
    def other(**more: str) -> Tree:
        return tree_of({
            "/bin/sh": "sh", "/usr/bin/python3.99": "python", "/usr/lib/python3.99/os.py": "",
            "/usr/lib/python3.99/asyncio/__init__.py": "",
            "/usr/lib/python3.99/lib-dynload/_cffi_backend.cpython-399-i386-gnu.so": "library",
        })  # fmt: skip

    tree = other()
    installed = install_drover(tree, NOWHERE, cache, TIME)
    assert installed.compile == ("/usr/bin/python3.99", LIBRARY)
    assert not [path for path in tree if path.endswith(".pyc")]
    add_second_stage(tree, (), installed.compile, TIME, service=True)
    assert content(tree, "/var/lib/drover/second-stage/compile") == (
        b"/usr/bin/python3.99 /usr/lib/drover\n"
    )
    assert "/etc/drover/services.d/second-stage.scm" in tree
    with pytest.raises(ImageError, match=r"has Python 3\.99, and this machine has no python3\.99"):
        install_drover(other(), replace(NOWHERE, bytecode="require"), cache, TIME)


def test_bytecode_of_another_build_of_that_version_is_noticed(cache: Cache) -> None:
    tree = a_system()
    path = f"/usr/lib/python3.{MINOR}/__pycache__/os.cpython-3{MINOR}.pyc"
    tree.add(path, Node("file", content=b"\x01\x02\r\n" + bytes(12)))
    assert install_drover(tree, NOWHERE, cache, TIME).compile is not None


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        (f"/usr/bin/python3.{MINOR}", "no Python; drover needs 3.11 or newer"),
        (f"/usr/lib/python3.{MINOR}/os.py", r"has no /usr/lib/python3\.\d+/os\.py"),
        (f"/usr/lib/python3.{MINOR}/asyncio/__init__.py", "its library is not whole"),
        ("/usr/lib/python3/dist-packages/_cffi_backend.cpython-"
         f"3{MINOR}-i386-gnu.so", "add Debian's package python3-cffi-backend"),
        ("/bin/sh", "the image has no /bin/sh"),
    ],
)  # fmt: skip
def test_what_drover_needs_and_the_image_lacks_is_named(
    cache: Cache, missing: str, message: str
) -> None:
    tree = a_system()
    tree.remove(missing)
    with pytest.raises(ImageError, match=message):
        install_drover(tree, NOWHERE, cache, TIME)


def test_an_old_python_is_named(cache: Cache) -> None:
    tree = tree_of({"/bin/sh": "sh", "/usr/bin/python3.9": "python"})
    with pytest.raises(ImageError, match=r"only Python 3\.9; drover needs 3\.11"):
        install_drover(tree, NOWHERE, cache, TIME)


def test_a_backend_for_another_python_does_not_count(cache: Cache) -> None:
    tree = a_system()
    library = "/usr/lib/python3/dist-packages/_cffi_backend.cpython-"
    tree.add(f"{library}399-i386-gnu.so", tree[f"{library}3{MINOR}-i386-gnu.so"])
    tree.remove(f"{library}3{MINOR}-i386-gnu.so")
    with pytest.raises(ImageError, match="no module _cffi_backend"):
        install_drover(tree, NOWHERE, cache, TIME)


@pytest.mark.parametrize("env", [b"what knows --split-string", b"another env", None])
def test_runsystem_becomes_stage0_without_asking_for_random_bytes(
    cache: Cache, tmp_path: Path, env: bytes | None
) -> None:
    tree = a_system()
    if env is not None:
        tree.add("/usr/bin/env", Node("file", 0o755, mtime=TIME, content=env))
    install_drover(tree, NOWHERE, cache, TIME)
    text = content(tree, "/libexec/runsystem").decode()
    assert text.startswith("#!/usr/bin/env -S " if env and b"split" in env else "#!/bin/sh")
    library = tmp_path / "library"
    (library / "boot").mkdir(parents=True)
    (library / "boot" / "__init__.py").touch()
    for module in (bundled, quick_imports, stand_ins):
        shutil.copy(str(module.__file__), library / "boot")
    (library / "boot" / "stage0.py").write_text(
        "import os, sys\n"
        "def main():\n"
        "    print(sys.argv[1:], sys.flags.hash_randomization, os.getpid(), os.umask(0))\n"
    )
    script = tmp_path / "runsystem"
    script.write_text(
        text.replace(LIBRARY, str(library)).replace("/usr/bin/python3", sys.executable)
    )
    script.chmod(0o755)
    process = subprocess.Popen(
        [script, "root=hd0s1", "drover.run=echo 'a b'"],
        env={}, stdout=subprocess.PIPE, text=True, umask=0,
    )  # fmt: skip
    printed, _ = process.communicate(timeout=20)
    words = ["root=hd0s1", "drover.run=echo 'a b'"]
    assert printed == f"{words} 0 {process.pid} {0o022}\n"  # in the same process
    # What it imported was not written for all to change.
    assert (library / "boot" / "__pycache__").stat().st_mode & 0o022 == 0


def test_files_of_packages_are_diverted(stand_in_archive: StandInArchive, cache: Cache) -> None:
    tree, _ = read_packages(stand_in_archive.source(*PACKAGES), "hurd-i386", cache)
    install_drover(tree, NOWHERE, cache, TIME)
    assert content(tree, "/libexec/runsystem.distrib") == b"#!/bin/sh\n# the system's own\n"
    assert b"boot.stage0" in content(tree, "/libexec/runsystem")
    assert content(tree, "/usr/sbin/halt.distrib") == b"the Hurd's halt\n"
    assert b"halt_main" in content(tree, "/sbin/halt")
    diverted = content(tree, "/var/lib/dpkg/diversions").decode()
    assert "/libexec/runsystem\n/libexec/runsystem.distrib\n:\n" in diverted
    assert "/usr/sbin/halt\n/usr/sbin/halt.distrib\n:\n" in diverted
    assert diverted.count(":\n") == 2


def test_dpkg_leaves_the_diverted_files_alone(
    stand_in_archive: StandInArchive, cache: Cache, tmp_path: Path
) -> None:
    tree, _ = read_packages(stand_in_archive.source(*PACKAGES), "hurd-i386", cache)
    install_drover(tree, NOWHERE, cache, TIME)
    write(tree, tmp_path)
    listed = subprocess.run(
        ["dpkg-divert", f"--admindir={tmp_path}/var/lib/dpkg", "--list"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert "local diversion of /libexec/runsystem to /libexec/runsystem.distrib" in listed


def boot_files(tree: Tree, directory: Path) -> str:
    """Put the tree's services where a boot in memory has its root; return its configuration."""
    services = directory / "root" / "etc" / "drover" / "services.d"
    services.mkdir(parents=True)
    for path in tree.children("/etc/drover/services.d"):
        (services / path.rpartition("/")[2]).write_bytes(content(tree, path))
    text = content(tree, "/etc/drover/init.scm").decode()
    load = '(string-append directory "/" name)'
    assert load in text
    return text.replace(load, f'(string-append "{services}/" name)')


async def test_services_are_loaded_by_the_configuration(
    cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = a_system()
    services = {
        "broken.scm": "(this is no procedure)",
        "web.scm": "(register-services (list (service '(web) #:start (const #t))))"
        "(start-in-the-background '(web))",
    }
    files = []
    for name, text in services.items():
        (tmp_path / name).write_text(text)
        files.append(tmp_path / name)
    install_drover(tree, replace(NOWHERE, services=tuple(files)), cache, TIME)
    assert content(tree, "/etc/drover/services.d/web.scm").decode() == services["web.scm"]
    directory = tmp_path / "boot"
    system = FakeSystem()
    system.plan("/sbin/e2fsck", exits(0))
    init = boot_files(tree, directory)
    async with fake_boot(monkeypatch, directory, system, init=init) as boot:
        await boot.until("web", "running")
        await boot.until("multi-user", "running")


@pytest.mark.parametrize("words", [(), ("single",)])
async def test_the_second_stage_runs_unless_a_shell_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: Sequence[str], cache: Cache
) -> None:
    tree = a_system()
    install_drover(tree, NOWHERE, cache, TIME)
    add_second_stage(tree, (), ("/usr/bin/python3", LIBRARY), TIME, service=True)
    system = FakeSystem()
    system.plan("/sbin/e2fsck", exits(0))
    program = "/var/lib/drover/second-stage/run"
    system.plan(program, exits(0))
    directory = tmp_path / "boot"
    init = boot_files(tree, directory)
    kernel = ("root=device:hd0s1", "console=com0", *words)
    async with fake_boot(monkeypatch, directory, system, init=init, words=kernel) as boot:
        target = "single-user" if words else "multi-user"
        await boot.until(target, "running")
        if not words:
            for _ in range(400):
                if [program] in system.started:
                    break
                await asyncio.sleep(0.01)
        assert ([program] in system.started) == (not words)
        assert boot.status("second-stage") in ("stopped", "starting")


def test_a_service_that_cannot_be_read_is_named_with_its_place(
    cache: Cache, tmp_path: Path
) -> None:
    service = tmp_path / "web.scm"
    service.write_text("(register-services\n (list (service '(web)\n")
    with pytest.raises(ConfigurationError, match=r"services: .*/web\.scm:3:1: unexpected end"):
        install_drover(a_system(), replace(NOWHERE, services=(service,)), cache, TIME)


def test_the_machines_own_files_are_written() -> None:
    tree = tree_of({"/usr/share/zoneinfo/Europe/Lisbon": "TZif", "/etc/network/README": ""})
    network = Network(
        "static", "/dev/eth0", "10.0.2.15", "255.255.255.0", "10.0.2.2", ("10.0.2.3",)
    )
    configuration = replace(
        NOWHERE, hostname="box.example.org", timezone="Europe/Lisbon", network=network
    )
    write_system_files(tree, configuration, "/dev/hd0s1", TIME)
    assert content(tree, "/etc/hostname") == b"box.example.org\n"
    assert b"127.0.1.1\tbox.example.org box\n" in content(tree, "/etc/hosts")
    assert tree["/etc/localtime"].target == "/usr/share/zoneinfo/Europe/Lisbon"
    assert content(tree, "/etc/fstab") == b"/dev/hd0s1\t/\text2\trw\t0\t1\n"
    assert content(tree, "/etc/resolv.conf") == b"nameserver 10.0.2.3\n"
    assert b"iface /dev/eth0 inet static\n    address 10.0.2.15\n" in content(
        tree, "/etc/network/interfaces"
    )


def test_the_network_is_told_as_data() -> None:
    tree = Tree()
    network = Network("static", "/dev/eth0", "10.0.2.15", "255.255.255.0", "10.0.2.2")
    write_system_files(tree, replace(NOWHERE, network=network), "/dev/hd0s1", TIME)
    text = content(tree, "/etc/drover/network.scm").decode()
    assert '(address . "10.0.2.15")' in text
    assert "(method . static)" in text
    assert read_one(text)


def test_a_time_zone_that_the_image_lacks_is_named() -> None:
    tree = tree_of({"/usr/share/zoneinfo/UTC": "TZif"})
    with pytest.raises(
        ConfigurationError, match=r"timezone: there is no .*/Mars/Base in the image$"
    ):
        write_system_files(tree, replace(NOWHERE, timezone="Mars/Base"), "/dev/hd0s1", TIME)
    with pytest.raises(ConfigurationError, match=r"no time zones at all \(package tzdata\)"):
        write_system_files(Tree(), replace(NOWHERE, timezone="Mars/Base"), "/dev/hd0s1", TIME)


def test_a_table_of_file_systems_is_kept_but_for_the_root() -> None:
    tree = tree_of({"/etc/fstab": "mine\n"})
    write_system_files(tree, NOWHERE, "/dev/hd0s1", TIME)
    assert content(tree, "/etc/fstab") == b"/dev/hd0s1\t/\text2\trw\t0\t1\nmine\n"


def test_extra_files_have_the_mode_and_the_owner_that_is_wanted(tmp_path: Path) -> None:
    tree = tree_of({"/bin": "-> usr/bin"})
    accounts = apply_users(tree, [User("ann", home="/home/ann", shell="/bin/bash")], TIME)
    (tmp_path / "site" / "sub").mkdir(parents=True)
    (tmp_path / "site" / "sub" / "page").write_text("page")
    (tmp_path / "tool").write_text("#!/bin/sh\n")
    (tmp_path / "tool").chmod(0o755)
    extra = (
        ExtraFile("/srv/site", tmp_path / "site", owner="ann", group="ann"),
        ExtraFile("/bin/tool", tmp_path / "tool"),
        ExtraFile("/etc/key", b"secret", 0o600, "12", "34"),
    )
    add_extra_files(tree, extra, accounts, TIME)
    page = tree["/srv/site/sub/page"]
    assert (page.uid, page.gid) == (1000, 1000)
    assert tree["/usr/bin/tool"].mode == 0o755
    key = tree["/etc/key"]
    assert (key.mode, key.uid, key.gid, key.content) == (0o600, 12, 34, b"secret")
    with pytest.raises(ConfigurationError, match=r"file\.owner: there is no owner zoe"):
        add_extra_files(tree, (ExtraFile("/x", b"", owner="zoe"),), accounts, TIME)
