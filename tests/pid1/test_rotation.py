"""Log rotation with real files, services and compressors."""

from __future__ import annotations

import asyncio
import gzip
import os
import subprocess
import time
from pathlib import Path

import pytest
from running import eventually

from pid1.capture import Capture
from pid1.errors import KeyedError
from pid1.log import FileDestination, Output, client_output, the_log
from pid1.rotation import Rotation
from pid1.service import Service
from pid1.supervisor import Supervisor


class Printer:
    """A service whose output a test writes itself."""

    def __init__(self, manager: Supervisor, name: str, path: Path) -> None:
        self.service = Service((name,))
        manager.register([self.service])
        self.capture = Capture(name, str(path))
        manager.attach_output(self.service, self.capture)
        reader, self.writer = os.pipe()
        self.capture.add(reader)
        os.set_blocking(self.writer, False)

    def print(self, text: str) -> None:
        os.write(self.writer, text.encode())

    def close(self) -> None:
        os.close(self.writer)


def lines(path: Path) -> list[str]:
    """The lines that services printed, without dates and the notice of rotation."""
    data = path.read_text() if path.exists() else ""
    stamped = [line[20:] for line in data.splitlines()]
    return [line for line in stamped if line and line != "Rotating log."]


async def test_the_current_file_becomes_number_one(
    manager: Supervisor, tmp_path: Path, log: list[str]
) -> None:
    path = tmp_path / "x.log"
    printer = Printer(manager, "x", path)
    printer.print("one\n" * 20)
    await eventually(lambda: len(lines(path)) == 20)
    await Rotation(threshold=100)()
    printer.print("two\n")
    await eventually(lambda: lines(path) == ["two"])
    old = gzip.decompress((tmp_path / "x.log.1.gz").read_bytes()).decode()
    assert old.count(" one\n") == 20
    assert old.splitlines()[-2] == ""
    assert old.splitlines()[-1].endswith(" Rotating log.")
    assert path.stat().st_mode & 0o777 == 0o640
    assert f"Rotating '{path}' to '{path}.1'." in log
    assert f"Rotated '{path}'." in log
    printer.close()


def moved(base: Path, expiry: float) -> dict[str, str]:
    """What the directory holds after old copies have been moved."""
    Rotation(expiry=expiry).move_old(str(base))
    return {path.name: path.read_text() for path in base.parent.iterdir()}


async def test_old_copies_move_up_and_expire(tmp_path: Path, log: list[str]) -> None:
    base = tmp_path / "x.log"
    for name in ("1.gz", "2", "7.zst", "10.xz", "foo", "1.bak", "2.gz.tmp", "03x"):
        (tmp_path / f"x.log.{name}").write_text(name)
    (tmp_path / "x.log2.1").write_text("another")
    os.utime(tmp_path / "x.log.2", (0, time.time() - 7200))
    assert moved(base, 1000) == {
        "x.log.2.gz": "1.gz",
        "x.log.8.zst": "7.zst",
        "x.log.11.xz": "10.xz",
        "x.log.foo": "foo",
        "x.log.1.bak": "1.bak",
        "x.log.2.gz.tmp": "2.gz.tmp",
        "x.log.03x": "03x",
        "x.log2.1": "another",
    }
    assert log == [f"Deleting old log file '{base}.2'."]


async def test_files_of_others_are_copied_and_truncated(
    manager: Supervisor, tmp_path: Path, log: list[str]
) -> None:
    path = tmp_path / "external"
    path.write_text("text\n" * 100)
    path.chmod(0o604)
    missing, small, device = tmp_path / "missing", tmp_path / "small", tmp_path / "fifo"
    small.write_text("x" * 100)
    os.mkfifo(device)
    with path.open("a") as writer:
        await Rotation(map(str, [path, missing, small, device]), threshold=100)()
        writer.write("more\n")
    copy = tmp_path / "external.1.gz"
    assert gzip.decompress(copy.read_bytes()) == b"text\n" * 100
    assert copy.stat().st_mode & 0o777 == 0o604
    assert path.read_text() == "more\n"
    assert f"Log file '{missing}' is inaccessible; not rotating." in log
    assert f"Not rotating '{small}', which is below the 100 B threshold." in log
    assert f"Not rotating '{device}', which is not a regular file." in log


@pytest.mark.parametrize("method", ["zstd", "none", "procedure", "suspending"])
async def test_other_ways_to_compress(manager: Supervisor, tmp_path: Path, method: str) -> None:
    path = tmp_path / "x"
    path.write_text("text\n" * 100)
    seen: list[str] = []

    async def later(name: str) -> None:
        await asyncio.sleep(0)
        seen.append(name)

    compression = {"procedure": seen.append, "suspending": later}.get(method, method)
    await Rotation([str(path)], compression, threshold=1)()
    if method == "zstd":
        command = ["zstd", "-dc", f"{path}.1.zst"]
        unpacked = await asyncio.to_thread(subprocess.run, command, capture_output=True)
        assert unpacked.stdout == b"text\n" * 100
        assert not (tmp_path / "x.1").exists()
    else:
        assert (tmp_path / "x.1").read_text() == "text\n" * 100
        assert seen == ([f"{path}.1"] if method in ("procedure", "suspending") else [])


async def test_a_compressor_that_fails_is_told(
    manager: Supervisor, tmp_path: Path, log: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pid1.rotation._PROGRAMS", {"gzip": ["sh", "-c", "exit 3"]})
    path = tmp_path / "x"
    path.write_text("text\n" * 100)
    await Rotation([str(path)], threshold=1)()
    assert f'Compression command "sh" "-c" "exit 3" "{path}.1" failed with status 768.' in log


async def test_one_file_that_fails_does_not_hinder_the_others(
    manager: Supervisor, tmp_path: Path
) -> None:
    bad, good = tmp_path / "bad", tmp_path / "good"
    for path in (bad, good):
        path.write_text("x" * 100)
    (tmp_path / "bad.1").mkdir()
    (tmp_path / "bad.2").mkdir()
    (tmp_path / "bad.2" / "x").write_text("")

    def fail(name: str) -> None:
        if "bad" in name:
            raise KeyedError("oops", [])

    with pytest.raises(KeyedError):
        await Rotation([str(bad), str(good)], fail, threshold=1)()
    assert (tmp_path / "good.1").exists()


async def test_services_that_share_a_file_all_go_on_in_the_new_one(
    manager: Supervisor, tmp_path: Path
) -> None:
    path = tmp_path / "shared"
    printers = [Printer(manager, name, path) for name in ("a", "b")]
    for printer in printers:
        printer.print("before\n")
    await eventually(lambda: len(lines(path)) == 2)
    await Rotation(threshold=1)()
    for printer in printers:
        printer.print("after\n")
    await eventually(lambda: len(lines(path)) == 2)
    for printer in printers:
        printer.close()


async def test_the_daemons_own_log_is_rotated(manager: Supervisor, tmp_path: Path) -> None:
    destination = FileDestination(str(tmp_path / "own"))
    the_log.destinations.append(destination)
    try:
        the_log.write("a line")
        await Rotation(threshold=1, compression="none")()
        the_log.write("another")
    finally:
        the_log.destinations.remove(destination)
    assert lines(tmp_path / "own.1")[0] == "a line"
    assert lines(tmp_path / "own")[-1] == "another"


async def test_files_are_listed(manager: Supervisor, tmp_path: Path) -> None:
    printer = Printer(manager, "x", tmp_path / "x.log")
    output = Output()
    client_output.set(output)
    Rotation(["/external"]).show_files()
    assert output.lines == [f"{tmp_path}/x.log\tx", "/external\t(external)"]
    printer.close()


async def test_no_line_is_lost_while_rotating(manager: Supervisor, tmp_path: Path) -> None:
    """A service prints a million lines; the file is rotated meanwhile."""
    count = 1_000_000
    program = "for i in 0 1 2 3 4 5 6 7 8 9; do seq ${i}00000 ${i}99999; sleep 0.02; done"
    path = tmp_path / "x.log"
    service = Service(("x",))
    manager.register([service])
    capture = Capture("x", str(path))
    manager.attach_output(service, capture)
    reader, writer = os.pipe()
    seq = await asyncio.create_subprocess_exec("sh", "-c", program, stdout=writer)
    os.close(writer)
    capture.add(reader)
    rotation = Rotation(threshold=1)
    turns = 0
    while capture.pipes():
        await asyncio.sleep(0.01)
        await rotation()
        turns += 1
    await seq.wait()
    assert turns > 2
    seen: list[str] = []
    for number in range(turns, 0, -1):
        packed = tmp_path / f"x.log.{number}.gz"
        if packed.exists():
            text = gzip.decompress(packed.read_bytes()).decode()
            seen += [line[20:] for line in text.splitlines() if line[20:].isdigit()]
    seen += lines(path)
    assert list(map(int, seen)) == list(range(count))
