"""Structures and constants are those of a Hurd's own headers.

DROVER_HURD_HEADERS names the folder of an i386 Hurd's C headers (glibc, Hurd and gnumach); the
compiler of this machine only lays out what they declare.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from hurd import codes, constants
from hurd.rpc import build
from hurd.structures import STRUCTURES

VARIABLE = "DROVER_HURD_HEADERS"
HEADERS = (
    "mach.h mach/gnumach.h mach/notify.h mach/default_pager_types.h mach/task_special_ports.h "
    "device/device_types.h hurd.h hurd/hurd_types.h sys/stat.h sys/statfs.h sys/utsname.h "
    "sys/resource.h sys/wait.h sys/file.h sys/reboot.h errno.h fcntl.h signal.h stdint.h"
)

# The header's name of each structure, where it is not the one the routines are declared with.
NAMES = {
    "timespec_t": "struct timespec",
    "io_statbuf_t": "struct stat64",
    "fsys_statfsbuf_t": "struct statfs64",
    "flock_t": "struct flock64",
    "timeval_t": "struct timeval",
    "rusage_t": "struct rusage",
    "utsname_t": "struct utsname",
    "task_basic_info_t": "struct task_basic_info",
    "task_events_info_t": "struct task_events_info",
    "thread_basic_info_t": "struct thread_basic_info",
    "thread_sched_info_t": "struct thread_sched_info",
    "procinfo_header_t": "struct procinfo",
    "host_basic_info_t": "struct host_basic_info",
    "host_load_info_t": "struct host_load_info",
}
# Their fields have no names in C, or are an array.
SIZE_ONLY = ("host_load_info_t",)
# Names that some version of the headers leaves out.
UNNAMED = {"ED", "EWOULDBLOCK"}


@pytest.fixture(scope="module")
def compiler() -> list[str]:
    folder = os.environ.get(VARIABLE)
    if not folder:
        pytest.skip(f"{VARIABLE} is not set")
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    assert (Path(folder) / "hurd" / "hurd_types.h").is_file(), f"{folder} holds no Hurd headers"
    own = subprocess.run(
        ["gcc", "-print-file-name=include"], capture_output=True, text=True, check=True
    ).stdout.strip()
    system = ["-U__linux__", "-U__linux", "-Ulinux", "-D__gnu_hurd__", "-D__GNU__", "-D__MACH__"]
    paths = ["-nostdinc", "-isystem", own, "-isystem", folder]
    return ["gcc", "-m32", "-w", "-fgnu89-inline", "-D_GNU_SOURCE", *system, *paths]


def complaints(compiler: list[str], lines: list[str], folder: Path) -> list[str]:
    source = folder / "check.c"
    source.write_text("\n".join([*(f"#include <{name}>" for name in HEADERS.split()), *lines, ""]))
    made = subprocess.run(
        [*compiler, "-c", "-o", folder / "check.o", source], capture_output=True, text=True
    )
    return [line for line in made.stderr.splitlines() if "error" in line]


def test_structures(compiler: list[str], tmp_path: Path) -> None:
    lines = []
    for name in STRUCTURES:
        declared = build.structure(name)
        for other in STRUCTURES:
            declared = declared.replace(f"{other} ", f"our_{other} ")
        lines.append(declared.replace(f"}} {name};", f"}} our_{name};"))
    for name, made in STRUCTURES.items():
        if name == "procinfo_thread_t":
            real = "sizeof(((struct procinfo *) 0)->threadinfos[0])"
            lines.append(f'_Static_assert({real} == sizeof(our_{name}), "{name}");')
            continue
        real = NAMES.get(name, name)
        lines.append(f'_Static_assert(sizeof({real}) == sizeof(our_{name}), "{name}");')
        for field in () if name in SIZE_ONLY else made.__annotations__:
            places = [f"__builtin_offsetof({kind}, {field})" for kind in (real, f"our_{name}")]
            sizes = [f"sizeof((({kind} *) 0)->{field})" for kind in (real, f"our_{name}")]
            for pair in (places, sizes):
                lines.append(f'_Static_assert({" == ".join(pair)}, "{name}.{field}");')
    assert complaints(compiler, lines, tmp_path) == []


@pytest.mark.parametrize("module", [codes, constants], ids=["codes", "constants"])
def test_constants(compiler: list[str], module: object, tmp_path: Path) -> None:
    lines = [
        f'_Static_assert((uint32_t) ({name}) == {value & 0xFFFFFFFF}u, "{name}");'
        for name, value in vars(module).items()
        if name.isupper() and isinstance(value, int) and name not in UNNAMED
    ]
    assert len(lines) > 100
    assert complaints(compiler, lines, tmp_path) == []
