"""A real GNU/Hurd that pages to a second disk, and programs on it that crash."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from vm import Hurd, build

_FSTAB = "/dev/hd0s1 / ext2 rw 0 1\n/dev/hd1 none swap sw 0 0\n"
_MEMORY = 256  # MiB; the system itself takes about 40
_SWAP = 512
_WANTED = 300

# Fills more memory than the machine has, and reads all of it again.
_FILL = f"""
import hashlib
blocks = [bytearray(hashlib.sha256(b"%d" % i).digest() * 32768) for i in range({_WANTED})]
print(sum(b[:32] == b[-32:] == hashlib.sha256(b"%d" % i).digest() for i, b in enumerate(blocks)))
"""
_MACHINE = """
from hurd.system import system
memory = system.memory()
print(system.swap_devices(), memory.swap_total >> 20, memory.swap_total - memory.swap_free >> 20)
"""


@pytest.fixture(scope="module")
def small(disk: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hurd]:
    mkswap = shutil.which("mkswap", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if mkswap is None:
        pytest.skip("mkswap is not installed")
    directory = tmp_path_factory.mktemp("memory")
    second = directory / "swap.img"
    with second.open("wb") as file:
        file.truncate(_SWAP << 20)
    second.chmod(0o600)
    subprocess.run([mkswap, second], check=True, capture_output=True)
    fstab, path = directory / "fstab", directory / "small.img"
    fstab.write_text(_FSTAB)
    programs = []
    for name, text in (("fill", _FILL), ("machine", _MACHINE)):
        file = directory / f"{name}.py"
        file.write_text(text)
        programs.append(f"--file={file}:/root/{name}.py")
    build(path, f"--file={fstab}:/etc/fstab", *programs)
    drive = f"file={second},format=raw,cache=unsafe,index=1"
    with Hurd(path, "-drive", drive, memory=_MEMORY) as machine:
        machine.login()
        machine.run("sleep 10")
        yield machine


def _machine(small: Hurd) -> str:
    return small.run("PYTHONPATH=/usr/lib/drover python3 /root/machine.py")


def test_stopping_the_service_brings_all_back(small: Hurd) -> None:
    """Before anything is paged: what has been in use, the default pager may not give back."""
    devices, total, _ = _machine(small).split()
    assert devices == "['/dev/hd1']"
    assert _SWAP - 2 <= int(total) <= _SWAP
    assert small.run_with_status("herd stop swap")[1] == 0
    assert _machine(small).split()[0] == "[]"
    assert small.run_with_status("herd start swap")[1] == 0
    assert _machine(small).split()[0] == "['/dev/hd1']"


def test_more_memory_than_there_is_goes_to_the_disk(small: Hurd) -> None:
    assert "+ swap" in small.run("herd status")
    small.type("python3 /root/fill.py; echo f'illed'\n")
    small.until(f"{_WANTED}\n", 400)
    small.until("filled\n")
    status = small.run("herd status")
    assert "+ term-console" in status
    assert "- procfs" not in status


def test_a_program_that_crashes_is_ended_by_the_crash_server(small: Hurd) -> None:
    assert small.run("showtrans /servers/crash-kill").strip() == "/hurd/crash --kill"
    assert small.run_with_status("bash -c 'kill -SEGV $$'")[1] == 128 + 11
    assert small.run_with_status("python3 -c 'import os; os.abort()'")[1] == 128 + 6
    assert "/hurd/crash --kill" in small.run("ps -A -w")
    assert "--action=kill" in small.run("fsysopts /servers/crash-kill")
