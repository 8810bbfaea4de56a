"""The bundle of the daemon's modules: what comes from it, and when it is not used."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from boot import bundle, bundled
from pid1.launchers import site_directories

ROOT = Path(__file__).resolve().parents[2]
PYTHON = [getattr(sys, "_base_executable", sys.executable), "-I", "-S", "-c"]
# A copy whose sources may be changed.
COPIED = ("boot", "hurd", "pid1", "services")

SHOW = """
import sys
sys.path[:0] = {path!r}
from boot import bundled
print(bundled.install({target!r}))
import boot.shepherd, pid1.usage, _socket
for name in ("boot.shepherd", "pid1.usage", "asyncio.events", "pid1"):
    module = __import__(name, fromlist=["x"])
    print(name, type(module.__spec__.loader).__name__, module.__file__)
print(boot.shepherd.banner().split()[0], len(getattr(bundled.the_bundle, "hot", ())) > 0)
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tree")
    for room in COPIED:
        shutil.copytree(ROOT / room, root / room, ignore=shutil.ignore_patterns("__pycache__"))
    return root


def build(tree: Path, *words: str) -> Path:
    environment = {"PYTHONPATH": os.pathsep.join([str(tree), *site_directories()])}
    done = subprocess.run(
        [PYTHON[0], "-m", "boot.bundle", *words],
        env=environment, cwd=tree, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return Path(done.stdout.rpartition(":")[0])


@pytest.fixture(scope="module")
def built(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tree, str(tmp_path_factory.mktemp("built") / "bundle"))


@pytest.fixture
def target(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(built, tmp_path))


def show(tree: Path, target: Path | None) -> list[list[str]]:
    path = [str(tree), *site_directories()]
    code = SHOW.format(path=path, target=target and str(target))
    done = subprocess.run([*PYTHON, code], capture_output=True, text=True, check=True)
    return [line.split() for line in done.stdout.splitlines()]


def loaders(lines: list[list[str]]) -> list[str]:
    return [line[1] for line in lines[1:5]]


def test_modules_come_from_the_bundle_and_know_their_files(tree: Path) -> None:
    target = build(tree)
    assert target.parent == tree / "boot" / "__pycache__"
    lines = show(tree, None)  # it is found where it is by default
    assert lines[0] == ["True"]
    assert loaders(lines) == ["Bundle"] * 4
    assert lines[1][2] == str(tree / "boot/shepherd.py")
    assert lines[4][2] == str(tree / "pid1/__init__.py")
    assert lines[5] == ["drover", "True"]


def test_a_changed_source_is_read_instead(tree: Path, target: Path) -> None:
    source = tree / "pid1" / "usage.py"
    text, status = source.read_text(), source.stat()
    try:
        source.write_text(text + "\n# changed\n")
        assert loaders(show(tree, target)) == ["Bundle", "SourceFileLoader", "Bundle", "Bundle"]
        # Of the same size, in place, a moment later.
        source.write_text(text.replace("usage", "USAGE"))
        assert loaders(show(tree, target))[1] == "SourceFileLoader"
        source.write_text(text)
        os.utime(source, ns=(status.st_atime_ns, status.st_mtime_ns))
        assert loaders(show(tree, target))[1] == "Bundle"
    finally:
        source.write_text(text)


def test_a_sealed_one_is_refused_as_a_whole_when_files_were_replaced(
    tree: Path, tmp_path: Path
) -> None:
    target = build(tree, "--sealed", str(tmp_path / "bundle"))
    assert loaders(show(tree, target)) == ["Bundle"] * 4
    source = tree / "pid1" / "usage.py"
    replacement = source.with_suffix(".new")
    shutil.copyfile(source, replacement)
    replacement.replace(source)
    lines = show(tree, target)
    assert lines[0] == ["False"]
    assert loaders(lines) == ["SourceFileLoader"] * 4


@pytest.mark.parametrize("length", [0, 20, 100, -1])
def test_a_truncated_one_is_ignored(tree: Path, target: Path, length: int) -> None:
    target.write_bytes(target.read_bytes()[:length])
    lines = show(tree, target)
    assert lines[0] == ["False"]
    assert loaders(lines) == ["SourceFileLoader"] * 4


def test_one_of_another_interpreter_is_ignored(tree: Path, target: Path) -> None:
    data = bytearray(target.read_bytes())
    data[len(b"drover bundle 3\n")] ^= 1  # the magic number
    target.write_bytes(data)
    assert show(tree, target)[0] == ["False"]
    data[len(b"drover bundle 3\n")] ^= 1
    data[len(b"drover bundle 3\n") + 8] ^= 1  # the version
    target.write_bytes(data)
    assert show(tree, target)[0] == ["False"]


def test_without_one_everything_is_imported_as_ever(tree: Path, tmp_path: Path) -> None:
    lines = show(tree, tmp_path / "nowhere")
    assert lines[0] == ["False"]
    assert loaders(lines) == ["SourceFileLoader"] * 4


def test_code_that_cannot_be_read_is_imported_from_its_source(tree: Path, target: Path) -> None:
    data = bytearray(target.read_bytes())
    one = bundled.Bundle(str(target))
    del one.hot["pid1.daemon"]
    assert one.find_spec("pid1.reexec").loader is one
    *_, offset, _length = one.index["pid1.reexec"]
    data[one._base + one._index_length + offset] = 0x7F  # no type of marshalled object
    target.write_bytes(data)
    assert bundled.Bundle(str(target)).find_spec("pid1.reexec") is None
    data[one._base] = 0x7F  # the index
    target.write_bytes(data)
    assert loaders(show(tree, target)) == ["Bundle", "SourceFileLoader", "Bundle", "Bundle"]
    data[one._base - 1] = 0x7F  # what is needed to start
    data[len(bundled.head()) + 24] = 0x7F
    target.write_bytes(data)
    assert show(tree, target)[0] == ["False"]


def test_what_is_not_needed_to_start_is_not_loaded_and_not_kept(target: Path) -> None:
    one = bundled.Bundle(str(target))
    assert {"pid1.daemon", "services.api.service"} <= one.hot.keys()
    assert one._index is None
    assert "pid1.reexec" not in one.hot
    assert one.find_spec("pid1.reexec") is not None
    one.started()
    assert not one.hot
    assert one.find_spec("pid1.daemon") is not None


SOURCE = '''"""A module's."""
class One:
    """A class's."""
    def first(self): "A function's."
    def second(self): return "no docstring"
    def third(self):
        """Used, too."""
        return """Used, too."""
def fourth(one=lambda: "no docstring"): return one()
text = """A module's, again."""
'''


def test_documentation_is_left_out_and_nothing_else() -> None:
    space: dict[str, Any] = {"__name__": "module"}
    code = bundle.without_docstrings(compile(SOURCE, "module.py", "exec"))
    exec(code, space)
    one = space["One"]
    assert [space["__doc__"], one.__doc__, one.first.__doc__] == [None] * 3
    assert (one().first(), one().second(), one().third()) == (None, "no docstring", "Used, too.")
    assert (space["fourth"](), space["text"]) == ("no docstring", "A module's, again.")
    assert space["fourth"].__code__.co_firstlineno == 9


def test_bad_words_are_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert bundle.main(["--unknown"]) == 1
    assert bundle.main(["a", "b"]) == 1
    assert "Usage:" in capsys.readouterr().err
    (tmp_path / "file").touch()
    assert bundle.main([str(tmp_path / "file" / "bundle")]) == 1
    assert "bundle: error:" in capsys.readouterr().err
