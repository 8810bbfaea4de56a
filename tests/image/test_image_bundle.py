"""The bundle of drover's modules in an image: imported where its tree is, and made on first boots.

The trees are for the Python that runs the tests, and at a place of this machine, so that what is
made for them can be imported.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from image.bundle import make_bundle
from image.bytecode import find_interpreter
from image.cache import Cache
from image.install import _HERE
from image.second_stage import STATE, add_second_stage
from image.target_python import TargetPython
from image.tree import Node, Tree
from pid1.launchers import site_directories
from tests.image.archive import MINOR

EPOCH = 1_750_000_000
PYTHON = getattr(sys, "_base_executable", sys.executable)
ROOMS = ("boot", "hurd", "pid1", "services")
TAG = f"cpython-3{MINOR}"

_SHOW = """
import sys
sys.path[:0] = {path!r}
from boot import bundled
print(bundled.install({bundle!r}))
import boot.shepherd, pid1.usage, asyncio.events
for module in (boot.shepherd, pid1.usage, asyncio.events):
    print(type(module.__spec__.loader).__name__, module.__file__)
"""


def show(library: Path, python_library: Path, bundle: Path) -> tuple[str, list[list[str]]]:
    """Whether a bundle is taken, and from where some modules come."""
    path = [str(library), *site_directories(), str(python_library)]
    done = subprocess.run(
        [PYTHON, "-I", "-S", "-B", "-c", _SHOW.format(path=path, bundle=str(bundle))],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    taken, *lines = done.stdout.splitlines()
    return taken, [line.split() for line in lines]


class Unpacked:
    """A system's modules: as a tree, and unpacked at the same place with the same times."""

    def __init__(self, root: Path) -> None:
        self.library = root / "drover"
        self.python_library = root / "python"
        self.tree = Tree()
        self.sources = {}
        for room in ROOMS:
            for file in (_HERE / room).rglob("*.py"):
                self.sources[f"{self.library}/{file.relative_to(_HERE)}"] = file
        for path, file in self.sources.items():
            self.tree.add(path, Node("file", mtime=EPOCH, content=file))
        asyncio = Path(sysconfig.get_path("stdlib")) / "asyncio"
        for file in asyncio.glob("*.py"):
            path = f"{self.python_library}/asyncio/{file.name}"
            # Files of the system are newer than drover's: in the image they are not.
            self.tree.add(path, Node("file", mtime=EPOCH + 5, content=file.read_bytes()))
        self.write(root)

    def write(self, root: Path) -> None:
        for path, node in self.tree.items():
            if node.kind == "directory":
                Path(path).mkdir(parents=True, exist_ok=True)
            else:
                Path(path).parent.mkdir(parents=True, exist_ok=True)
                content = node.content
                assert content is not None
                data = content.read_bytes() if isinstance(content, Path) else content
                Path(path).write_bytes(data)
        for path in self.tree:
            if Path(path).is_relative_to(root):
                os.utime(path, (EPOCH, EPOCH))

    def bundle(self, cache: Cache, target: Path) -> Path:
        interpreter = find_interpreter(MINOR, None)
        assert interpreter is not None
        python = TargetPython(PYTHON, MINOR, str(self.python_library), (), None)
        data = make_bundle(
            self.tree, python, str(self.library), self.sources, interpreter, cache, EPOCH
        )
        target.write_bytes(data)
        return target


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Unpacked:
    return Unpacked(tmp_path_factory.mktemp("system"))


@pytest.fixture(scope="module")
def bundle(system: Unpacked, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("bundle")
    return system.bundle(Cache(place / "cache"), place / "bundle")


def test_bytecode_that_python_writes_in_the_system_leaves_the_bundle_valid(tmp_path: Path) -> None:
    system = Unpacked(tmp_path / "system")
    bundle = system.bundle(Cache(tmp_path / "cache"), tmp_path / "bundle")
    system.write(tmp_path / "system")
    code = f"import sys; sys.path.insert(0, {str(system.python_library)!r}); import asyncio.queues"
    subprocess.run([PYTHON, "-I", "-S", "-c", code], check=True)
    assert list((system.python_library / "asyncio/__pycache__").iterdir())
    assert show(system.library, system.python_library, bundle)[0] == "True"


def test_modules_come_from_the_bundle_where_its_tree_is_unpacked(
    system: Unpacked, bundle: Path
) -> None:
    taken, modules = show(system.library, system.python_library, bundle)
    assert taken == "True"
    assert modules == [
        ["Bundle", f"{system.library}/boot/shepherd.py"],
        ["Bundle", f"{system.library}/pid1/usage.py"],
        ["Bundle", f"{system.python_library}/asyncio/events.py"],
    ]


@pytest.mark.parametrize("place", ["drover/pid1", "drover/services/api", "python/asyncio"])
def test_it_is_refused_when_a_directory_has_changed(
    system: Unpacked, bundle: Path, place: str
) -> None:
    directory = system.library.parent / place
    new = directory / "new"
    try:
        new.touch()
        taken, modules = show(system.library, system.python_library, bundle)
    finally:
        new.unlink()
        os.utime(directory, (EPOCH, EPOCH))
    assert taken == "False"
    assert [loader for loader, _ in modules] == ["SourceFileLoader"] * 3
    assert show(system.library, system.python_library, bundle)[0] == "True"


def test_the_same_tree_gives_the_same_bundle(
    system: Unpacked, bundle: Path, tmp_path: Path
) -> None:
    again = system.bundle(Cache(tmp_path / "cache"), tmp_path / "bundle")
    assert again.read_bytes() == bundle.read_bytes()


def first_boot(directory: Path, library: Path) -> subprocess.CompletedProcess[str]:
    """Run the second stage of an image whose modules are in ``library``, and nothing else."""
    words = (sys.executable, str(library))
    tree = Tree()
    add_second_stage(tree, (), words, EPOCH, service=False, bundle=words)
    state = directory / "state"
    state.mkdir(exist_ok=True)
    for path in tree.children(STATE):
        content = tree[path].content
        assert content is not None
        data = content.read_bytes() if isinstance(content, Path) else content
        file = state / path.rpartition("/")[2]
        file.write_bytes(data.replace(STATE.encode(), bytes(state)))
    return subprocess.run(
        ["/bin/sh", state / "run"], capture_output=True, text=True, env={},
        stdin=subprocess.DEVNULL,
    )  # fmt: skip


def test_the_first_boot_compiles_drover_and_makes_its_bundle(tmp_path: Path) -> None:
    library = tmp_path / "drover"
    for room in ROOMS:
        shutil.copytree(_HERE / room, library / room, ignore=shutil.ignore_patterns("__pycache__"))
    done = first_boot(tmp_path, library)
    assert (done.returncode, done.stderr) == (0, "")
    assert (library / "pid1" / "__pycache__" / f"wire.{TAG}.pyc").exists()
    assert (tmp_path / "state" / "done").exists()
    bundle = library / "boot" / "__pycache__" / f"daemon.{TAG}.bundle"
    taken, modules = show(library, tmp_path / "nothing", bundle)
    assert taken == "True"
    assert modules[0] == ["Bundle", f"{library}/boot/shepherd.py"]
    assert modules[2][0] == "Bundle"
    # It is done once.
    again = first_boot(tmp_path, library)
    assert (again.returncode, again.stdout) == (0, "")


def test_a_first_boot_that_fails_is_tried_again(tmp_path: Path) -> None:
    library = tmp_path / "drover"
    shutil.copytree(_HERE / "boot", library / "boot")
    (library / "boot" / "bundle.py").write_text("raise SystemExit(1)\n")
    done = first_boot(tmp_path, library)
    assert done.returncode == 1
    assert f"second-stage: the modules in {library} could not be put into one file" in done.stderr
    assert not (tmp_path / "state" / "done").exists()
