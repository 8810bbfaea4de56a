"""Every module can be imported on any system; the one it runs on is chosen by its name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import _cffi_backend
import pytest

TOP = Path(__file__).parents[2]

EVERYTHING = """
import sys
sys.platform, *paths = sys.argv[1:]
sys.path[:0] = paths
import importlib, pkgutil, hurd
names = [module.name for module in pkgutil.walk_packages(hurd.__path__, "hurd.")]
for name in names:
    if not name.endswith("__main__"):
        importlib.import_module(name)
from hurd.system import system
print(type(system).__name__, len(names))
"""


@pytest.mark.parametrize(
    ("platform", "kind"),
    [
        ("linux", "LinuxSystem"),
        ("gnu0", "HurdSystem"),
        ("darwin", "PosixSystem"),
        ("freebsd14", "PosixSystem"),
    ],
)
def test_everything_can_be_imported_anywhere(platform: str, kind: str) -> None:
    paths = [str(TOP), str(Path(_cffi_backend.__file__).parent)]
    made = subprocess.run(
        [sys.executable, "-I", "-S", "-c", EVERYTHING, platform, *paths],
        capture_output=True,
        text=True,
    )
    assert made.stderr == ""
    found, count = made.stdout.split()
    assert found == kind
    modules = {*(TOP / "hurd").rglob("*.py")} - {TOP / "hurd/__init__.py"}
    assert int(count) == len(modules)
