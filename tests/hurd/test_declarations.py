"""The C declarations: generated as committed, and of the sizes that i686 and x86_64 Hurds have.

The figures were computed from the headers of the Hurd, of glibc and of gnumach; cffi works out the
layout for the machine it runs on, so the other one's is checked with a C compiler.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hurd import structures
from hurd.rpc import build
from hurd.rpc._hurd_abi import ffi

# Sizes and offsets in bytes: i686, x86_64.
SIZES = {
    "timespec_t": (8, 16),
    "time_value_t": (8, 16),
    "time_value64_t": (16, 16),
    "io_statbuf_t": (128, 176),
    "fsys_statfsbuf_t": (88, 112),
    "rusage_t": (72, 144),
    "task_basic_info_t": (88, 120),
    "task_events_info_t": (28, 56),
    "thread_basic_info_t": (100, 128),
    "thread_sched_info_t": (32, 32),
    "procinfo_header_t": (152, 216),
    # HURD-RPC.md has 136 for i686: two ints, 100 bytes of basic and 32 of scheduling information.
    "procinfo_thread_t": (140, 168),
    # HURD-RPC.md has 6144: but the Hurd's struct utsname has no domain, five strings of 1024 bytes.
    "utsname_t": (5120, 5120),
    "flock_t": (28, 32),
    "mach_port_status_t": (36, 36),
    "vm_statistics_data_t": (52, 52),
    "vm_cache_statistics_data_t": (44, 44),
    "host_basic_info_t": (20, 24),
    "default_pager_info_t": (12, 24),
    "default_pager_object_t": (8, 16),
    "default_pager_page_t": (4, 8),
}
OFFSETS = {
    "io_statbuf_t": """st_fstype 0/0 st_fsid 4/8 st_ino 12/16 st_gen 20/24 st_rdev 24/32
        st_mode 28/40 st_nlink 32/48 st_uid 36/56 st_gid 40/60 st_size 44/64 st_atim 52/72
        st_mtim 60/88 st_ctim 68/104 st_blksize 76/120 st_blocks 80/128 st_author 88/136
        st_flags 92/140""",
    "fsys_statfsbuf_t": """f_type 0/0 f_bsize 4/8 f_blocks 8/16 f_bfree 16/24 f_bavail 24/32
        f_files 32/40 f_ffree 40/48 f_fsid 48/56 f_namelen 56/64 f_favail 60/72 f_frsize 68/80
        f_flag 72/88""",
    "task_basic_info_t": """suspend_count 0/0 base_priority 4/4 virtual_size 8/8
        resident_size 12/16 user_time 16/24 system_time 24/40 creation_time 32/56
        user_time64 40/72 system_time64 56/88 creation_time64 72/104""",
    "procinfo_header_t": """state 0/0 owner 4/4 ppid 8/8 pgrp 12/12 session 16/16
        logincollection 20/20 exitstatus 24/24 sigcode 28/28 nthreads 32/32 taskinfo 36/40
        taskevents 124/160""",
}
NATIVE = 1 if ffi.sizeof("uintptr_t") == 8 else 0


def offsets(name: str) -> dict[str, tuple[int, int]]:
    words = OFFSETS[name].split()
    pairs = zip(words[::2], words[1::2], strict=True)
    return {field: (int(at.split("/")[0]), int(at.split("/")[1])) for field, at in pairs}


@pytest.mark.parametrize("name", SIZES)
def test_sizes_here(name: str) -> None:
    assert ffi.sizeof(name) == SIZES[name][NATIVE]


@pytest.mark.parametrize("name", OFFSETS)
def test_offsets_here(name: str) -> None:
    assert {field: ffi.offsetof(name, field) for field in offsets(name)} == {
        field: at[NATIVE] for field, at in offsets(name).items()
    }


@pytest.mark.parametrize("machine", [0, 1], ids=["i686", "x86_64"])
def test_sizes_and_offsets_by_compiler(machine: int, tmp_path: Path) -> None:
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    # The C library's headers of the other machine need not be there.
    signs = {"int": "INT", "uint": "UINT"}
    lines = [
        f"typedef __{made}{bits}_TYPE__ {name}{bits}_t;"
        for bits in (32, 64)
        for name, made in signs.items()
    ]
    lines.append("typedef __UINTPTR_TYPE__ uintptr_t;")
    lines += [build.structure(name) for name in structures.STRUCTURES]
    for name, sizes in SIZES.items():
        lines.append(f'_Static_assert(sizeof({name}) == {sizes[machine]}, "{name}");')
    for name in OFFSETS:
        for field, at in offsets(name).items():
            place = f"__builtin_offsetof({name}, {field}) == {at[machine]}"
            lines.append(f'_Static_assert({place}, "{name}.{field}");')
    source = tmp_path / "layout.c"
    source.write_text("\n".join(lines))
    flag = "-m64" if machine else "-m32"
    made = subprocess.run(
        ["gcc", flag, "-c", "-o", tmp_path / "layout.o", source], capture_output=True, text=True
    )
    if "unrecognized" in made.stderr or "not supported" in made.stderr:
        pytest.skip(f"this gcc has no {flag}")
    assert made.returncode == 0, made.stderr


def test_regenerating_gives_the_committed_declarations(tmp_path: Path) -> None:
    made = tmp_path / "abi.py"
    build.write(made)
    assert made.read_text() == build.TARGET.read_text(), "run python -m hurd.rpc.build"


MODULES = (
    "argz auth codes constants default_pager device errors exec fs fsys io layouts lookup mach "
    "mach_host memory message msg notification password ports process process_groups process_info "
    "startup structures term"
)

# Imports everything twice over, first what Python itself needs, and prints what it cost.
COST = f"""
import sys, time, importlib
modules = {MODULES!r}.split()
importlib.import_module("hurd")
start = time.process_time()
for name in modules:
    importlib.import_module("hurd." + name)
print((time.process_time() - start) * 1000)
foreign = sorted(set(sys.modules) & {{"_cffi_backend", "cffi", "typing", "dataclasses", "enum",
    "re", "collections", "asyncio", "threading", "ctypes", "hurd.rpc._hurd_abi"}})
print(*foreign)
"""


def test_importing_everything_is_cheap_and_loads_no_library() -> None:
    root = Path(build.__file__).parents[2]
    script = f"import sys; sys.path.insert(0, {str(root)!r})\n{COST}"
    times = []
    for _ in range(5):
        # As the daemon starts: no site-packages.
        made = subprocess.run(
            [sys.executable, "-I", "-S", "-c", script],
            capture_output=True,
            text=True,
            check=True,
        )
        cost, foreign = made.stdout.split("\n")[:2]
        assert foreign == ""
        times.append(float(cost))
    # Some 4 ms of the processor are usual with compiled modules at hand.
    assert min(times) < 15
