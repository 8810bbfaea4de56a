"""Records of boot and shutdown, as who(1) and last(1) read them."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from hurd.system import utmp


def written(path) -> list[tuple]:
    data = path.read_bytes()
    assert len(data) % 384 == 0
    return [utmp.RECORD.unpack(data[i : i + 384]) for i in range(0, len(data), 384)]


def test_boot_and_shutdown_are_recorded(tmp_path):
    assert utmp.RECORD.size == 384  # bits/utmp.h
    now, history = tmp_path / "utmp", tmp_path / "wtmp"
    now.touch()
    history.touch()
    for _ in range(2):
        utmp.write(utmp.BOOT_TIME, "reboot", utmp=str(now), wtmp=str(history))
        utmp.write(utmp.RUN_LEVEL, "shutdown", utmp=str(now), wtmp=str(history))
    assert [record[0] for record in written(now)] == [2, 1]  # one of each kind
    assert [record[0] for record in written(history)] == [2, 1, 2, 1]
    boot = written(history)[0]
    assert boot[4].rstrip(b"\0") == b"reboot"
    assert boot[5].rstrip(b"\0").decode() == os.uname().release


def test_records_of_logins_stay(tmp_path):
    now = tmp_path / "utmp"
    login = utmp.RECORD.pack(7, 99, b"tty1", b"1", b"me", b"", 0, 0, 99, 5, 5, b"", b"")
    now.write_bytes(login + login)
    utmp.write(utmp.BOOT_TIME, "reboot", utmp=str(now), wtmp=str(tmp_path / "none"))
    assert [record[0] for record in written(now)] == [7, 7, 2]
    assert not (tmp_path / "none").exists()


def test_no_file_is_made(tmp_path):
    utmp.write(utmp.BOOT_TIME, "x", utmp=str(tmp_path / "u"), wtmp=str(tmp_path / "w"))
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(not shutil.which("who"), reason="needs who(1)")
def test_who_reads_it(tmp_path):
    now = tmp_path / "utmp"
    now.touch()
    utmp.write(utmp.BOOT_TIME, "reboot", utmp=str(now), wtmp=str(tmp_path / "none"))
    done = subprocess.run(["who", "-b", str(now)], capture_output=True, text=True, check=True)
    assert "system boot" in done.stdout
