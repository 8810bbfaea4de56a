"""The stand-in for the Hurd: compiled once, loaded afresh for every test that asks for it."""

from __future__ import annotations

import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from standin import generic
from standin.control import SOURCES, Standin, compile_library

from hurd import codes, message
from hurd.errors import HurdError
from hurd.layouts import Layout
from hurd.rpc import build, library
from hurd.tools import run


@pytest.fixture(scope="session")
def standin_libraries(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The compiled libraries: "world" with everything, "generic" with ports and messages only."""
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed; the stand-in cannot be compiled")
    folder = tmp_path_factory.mktemp("standin")
    declarations = f"#include <stdint.h>\n{build.declarations()}"
    (folder / "declarations.h").write_text(declarations)
    (folder / "generic.c").write_text(generic.source())
    kernel, made = SOURCES / "kernel.c", folder / "generic.c"
    world = [SOURCES / f"{name}.c" for name in ("world", "nodes", "translators", "processes")]
    return {
        "generic": compile_library(folder, [made, kernel]),
        "world": compile_library(folder, [*world, kernel, made]),
    }


@pytest.fixture
def load_standin(
    standin_libraries: dict[str, Path], tmp_path: Path
) -> Iterator[Callable[[str], Standin]]:
    """Loads one of the libraries, which every call goes to until the end of the test."""
    before = set(threading.enumerate())

    def load(name: str) -> Standin:
        # The system takes a copy for another library, with its own state.
        path = tmp_path / f"standin-{name}.so"
        shutil.copy(standin_libraries[name], path)
        library.use_stand_in(str(path))
        return Standin(path)

    yield load
    # A thread that goes on would give back its rights in the next test's library, where other
    # ports have these names: what waits for them there would wait for ever.
    left = [thread for thread in threading.enumerate() if thread not in before]
    for thread in left:
        thread.join(5)
    library.use_stand_in(None)
    assert not [thread for thread in left if thread.is_alive()], "threads outlive their test"


@pytest.fixture
def standin(load_standin: Callable[[str], Standin]) -> Standin:
    """The stand-in with its tree of nodes, translators and processes."""
    return load_standin("world")


@pytest.fixture
def unreadable(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Told when a message 999 fails to be read; the kernel lets in none that really does."""
    unpack, read = message.unpack, threading.Event()

    def failing(raw: bytes, layout: Layout) -> message.Message:
        made = unpack(raw, layout)
        if made.id == 999:
            made.close()
            read.set()
            raise HurdError(codes.MIG_BAD_ARGUMENTS, "mach_msg")
        return made

    monkeypatch.setattr(message, "unpack", failing)
    return read


@pytest.fixture
def tool(capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs a tool of `hurd.tools`: its status, output and messages."""

    def call(name: str, *words: str) -> tuple[int, str, str]:
        sys.stdout.flush()
        capfd.readouterr()
        status = run(name, words)
        sys.stdout.flush()
        captured = capfd.readouterr()
        return status, captured.out, captured.err

    return call
