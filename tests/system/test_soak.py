"""A short soak, and that it finds what it is for; tests/system/soak has the long form."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.live import ROOT, eventually
from tests.system.soak import soak as soaking
from tests.system.soak import watching
from tests.system.soak.arena import Arena, arena, refusal
from tests.system.soak.catalogue import BASE
from tests.system.soak.invariants import Invariants, bad_lines
from tests.system.soak.logs import Logs
from tests.system.soak.soak import soak
from tests.system.soak.trend import Sample, slope

pytestmark = [
    pytest.mark.skipif(refusal() is not None, reason=f"no soak here: {refusal()}"),
    pytest.mark.unmeasured,  # what measures has its own files and memory, and no room for either
]

# Seconds of the short form; `python -m tests.system.soak` is the long one.
SECONDS = float(os.environ.get("DROVER_SOAK_SECONDS", "12"))


def test_random_operations_with_faults_leave_everything_in_order(tmp_path: Path) -> None:
    # A new seed each time: a failure names it.
    seed = int(os.environ.get("DROVER_SOAK_SEED", random.randrange(1_000_000)))
    result = soak(seed, tmp_path, SECONDS, image=400)
    print(result.report())
    assert result.operations.total() > 50
    assert result.looks >= 2
    assert result.lines > 1000
    # Too few samples for a slope: of descriptors, there are as many as before.
    descriptors = [sample.figure for sample in result.samples["descriptors"]]
    assert abs(descriptors[-1] - descriptors[0]) <= 4


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arena]:
    with arena(tmp_path_factory.mktemp("soak"), control_groups=False) as running:
        running.daemon.wait_log("in the background")
        yield running


@pytest.fixture
def looks(place: Arena) -> Iterator[Invariants]:
    found = Invariants(place, {one.mark: one for one in BASE})
    eventually(lambda: not found.broken(), what="all is in order")
    yield found
    eventually(lambda: not found.broken(), what="all is in order again")


def test_a_process_of_no_service_is_found(place: Arena, looks: Invariants) -> None:
    place.daemon.request("eval", "root", '(fork+exec-command \'("sleep" "1000"))')
    eventually(lambda: any("sleep 1000) belongs to no service" in one for one in looks.broken()))
    for one in watching.processes(place.daemon.pid).values():
        if one.command == "sleep 1000":
            os.kill(one.pid, signal.SIGKILL)


def test_a_service_that_runs_without_what_it_requires_is_found(
    place: Arena, looks: Invariants
) -> None:
    # Its end by itself does not end what requires it, and nobody has noted it as such an end.
    place.daemon.request("disable", "base-family")
    for one in watching.processes(place.daemon.pid).values():
        if one.service == "base-family":
            os.kill(one.pid, signal.SIGKILL)
    place.daemon.wait_status("base-family", "stopped")
    eventually(lambda: "base-top runs without base-family, which it requires" in looks.broken())
    place.daemon.request("enable", "base-family")
    place.daemon.request("start", "base-family")


def test_a_socket_without_its_service_is_found(place: Arena, looks: Invariants) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(place.sockets / "d1"))
        listener.listen()
        assert "d1 has 1 listening sockets in place of 0" in looks.broken()
    (place.sockets / "d1").unlink()


def test_a_zombie_is_found(place: Arena, looks: Invariants) -> None:
    # The daemon's own are waited for at once; this one has another parent, which does not.
    place.daemon.request(
        "eval", "root", '(fork+exec-command \'("sh" "-c" "true & exec sleep 1000"))'
    )
    eventually(lambda: any("is a zombie" in one for one in looks.broken()))
    for one in watching.processes(place.daemon.pid).values():
        if one.command == "sleep 1000":
            os.kill(one.pid, signal.SIGKILL)


def test_files_that_are_left_are_found(place: Arena, looks: Invariants) -> None:
    for path in (place.place / "tmp" / "left", place.disk / "core", place.place / "state" / "x"):
        path.touch()
        assert any(path.name in one for one in looks.broken()), path
        path.unlink()


def test_lines_that_tell_of_a_defect_are_found() -> None:
    good = "2026-01-01 00:00:00 Service a has been started.\n"
    bad = "2026-01-01 00:00:00 Unexpected error in task x: ValueError: y"
    assert bad_lines(good + bad + "\n" + good) == [bad]


def test_lines_are_compared_whenever_they_are_seen(tmp_path: Path) -> None:
    log, journal = tmp_path / "a.log", tmp_path / "journal" / "a"
    journal.parent.mkdir()
    logs = Logs(tmp_path, journal.parent)
    # One was lost, one is found before it is noted, one is being written.
    journal.write_text("a:0 7 up\n")
    log.write_text("2026-01-01 00:00:00 a:0 8 up\n2026-01-01 00:00:00 a:0")
    logs.read()
    assert logs.missing() == ["a:0 7 up"]
    logs.forget()
    with log.open("a") as file:
        file.write(" 9 up\n")
    journal.write_text("a:0 7 up\na:0 8 up\na:0 9 up\na:0 10 up\n")
    logs.read()
    assert logs.missing() == ["a:0 10 up"]
    assert logs.lines == 2


def test_the_slope_is_that_within_the_images_of_the_daemon() -> None:
    # Each image begins at its own height, warms up, and grows by 5 per 1,000 operations.
    samples = [
        Sample(image, 20_000 * image + operations, 100 * image + operations * 0.005 + warm)
        for image in (1, 2, 3)
        for operations, warm in zip(range(0, 15_000, 1000), [70, 40, 20] * 2 + [0] * 9, strict=True)
    ]
    found = slope(samples)
    assert found is not None
    assert found == pytest.approx(5)
    assert slope(samples[:5]) is None


def test_the_same_seed_gives_the_same_operations(tmp_path: Path) -> None:
    traces = []
    soak(4711, tmp_path / "first", most=20)
    done = subprocess.run(
        [
            str(ROOT / "scripts" / "soak"),
            "--operations", "20", "--seed", "4711", "--keep", str(tmp_path / "second"),
        ],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "seed 4711: 20 operations" in done.stdout
    for attempt in ("first", "second"):
        lines = (tmp_path / attempt / "operations.jsonl").read_text().splitlines()
        entries = map(json.loads, lines)
        traces.append([entry["operation"] for entry in entries if "operation" in entry])
    assert len(traces[0]) == 20
    assert traces[0] == traces[1]


def test_a_broken_invariant_is_told_with_the_seed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(soaking, "_BOUND", 1.0)
    with arena(tmp_path, control_groups=True) as place:
        running = soaking.Soak(place, 5, tmp_path, soaking.REEXECUTE)
        (place.place / "tmp" / "leaked").touch()
        with pytest.raises(soaking.Broken, match="seed 5, after 0 operations: leaked was left"):
            running.look()


def test_the_tests_that_the_page_names_exist() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", (ROOT / "docs/reliability.md").read_text())
    for file, name in named:
        assert f"def {name}(" in (ROOT / file).read_text(), f"{file}::{name}"
