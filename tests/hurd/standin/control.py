"""Compiles the stand-in, and what a test can tell it and ask it."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from cffi import FFI

SOURCES = Path(__file__).parent
CONTROLS = """
    void standin_fail(const char *routine, int code, int times);
    int standin_calls(const char *routine);
    long standin_references(void);
    long standin_memory(void);
    int standin_tasks(void);
    void standin_become(uint32_t user);
    int standin_rebooted(void);
    int standin_notify_shutdown(void *reply);
    extern char standin_console[];
    extern char standin_note[];
    extern int standin_length;
    extern uint64_t standin_last_message[8];
"""


class Standin:
    """What a test can tell the stand-in, and ask it."""

    def __init__(self, path: Path) -> None:
        self.ffi = FFI()
        self.ffi.cdef(CONTROLS)
        self.lib: Any = self.ffi.dlopen(str(path))

    def fail(self, routine: str, code: int, times: int = 1) -> None:
        """The next `times` calls of `routine` return `code` and do nothing."""
        self.lib.standin_fail(routine.encode(), code, times)

    def calls(self, routine: str) -> int:
        """How often `routine` was called."""
        return int(self.lib.standin_calls(routine.encode()))

    def references(self) -> int:
        """How many references to rights this task has."""
        return int(self.lib.standin_references())

    def memory(self) -> int:
        """How many bytes came with messages and were not given back."""
        return int(self.lib.standin_memory())

    def tasks(self) -> int:
        """How many tasks there are."""
        return int(self.lib.standin_tasks())

    def become(self, user: int) -> None:
        """Act as that user from now on."""
        self.lib.standin_become(user)

    def note(self) -> str:
        """What the last routine without a meaning of its own got."""
        return bytes(self.ffi.string(self.lib.standin_note)).decode()


def compile_library(folder: Path, sources: list[Path]) -> Path:
    """A shared library of the sources, in `folder`, named after the first."""
    target = folder / f"{sources[0].stem}.so"
    warnings = ["-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter"]
    warnings.append("-Wno-missing-field-initializers")
    command = ["gcc", "-std=gnu11", "-g", *warnings, f"-I{folder}", f"-I{SOURCES}"]
    # Threads of one test's copy may still be waiting in it when it is closed.
    command += ["-shared", "-fPIC", "-Wl,-z,nodelete", "-o", str(target), *map(str, sources)]
    subprocess.run([*command, "-lpthread"], check=True)
    return target
