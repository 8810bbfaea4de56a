"""What users leave for the next boot, and for the end of the machine, does no harm there."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from boot.steps import cleaning, upkeep
from hurd.system import system
from hurd.system.fake import FakeSystem


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []
    for module in (cleaning, upkeep):
        monkeypatch.setattr(module, "log", found.append)
    return found


def test_directories_nested_deeply_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: list[str]
) -> None:
    """More of them than calls of a function may be nested; and what leads out is left alone."""
    monkeypatch.setattr(cleaning, "system", fake := FakeSystem())
    monkeypatch.setattr(fake, "lstat", os.lstat)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").touch()
    place = tmp_path / "tmp"
    subprocess.run(["mkdir", "-p", place / "/".join("a" * 1200)], check=True)
    (place / "a/link").symlink_to(outside)
    assert cleaning.clean_directory(str(place)) == 1201
    assert list(place.iterdir()) == []
    assert (outside / "file").exists()
    assert lines == []


def test_the_name_of_a_file_is_no_line_of_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: list[str]
) -> None:
    monkeypatch.setattr(cleaning, "system", fake := FakeSystem())
    monkeypatch.setattr(fake, "lstat", os.lstat)

    def refuse(path: str) -> None:
        raise PermissionError(1, "Operation not permitted", path)

    monkeypatch.setattr(os, "unlink", refuse)
    (tmp_path / "x\n2001-01-01 Forged.\033[2J").touch()
    cleaning.clean_directory(str(tmp_path))
    assert lines == [
        rf"Cannot remove '{tmp_path}/x\x0a2001-01-01 Forged.\x1b[2J': Operation not permitted."
    ]


def test_the_words_of_a_process_are_no_line_of_the_log(
    monkeypatch: pytest.MonkeyPatch, lines: list[str]
) -> None:
    script = "import signal, time; signal.signal(15, 1); print(flush=True); time.sleep(99)"
    words = ["x\nForged.\033[2J", "-c", script]
    process = subprocess.Popen(words, executable=sys.executable, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    monkeypatch.setattr(type(system), "processes_to_end", lambda _self: [process.pid])
    begin = time.monotonic()
    assert asyncio.run(upkeep.end_processes(0.2)) == 1
    assert time.monotonic() - begin < 5
    process.wait(10)
    process.stdout.close()
    assert lines[0].startswith(rf"Killing process {process.pid} (x\x0aForged.\x1b[2J -c import")
    assert "\n" not in lines[0]
