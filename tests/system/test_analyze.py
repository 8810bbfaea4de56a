"""``herd analyze``: the boot chart of a real daemon, and what is derived from a chart."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from pid1.chart import KEPT, Chart
from pid1.herd.analyze import PAUSE, Boot
from pid1.herd.chart_svg import draw_chart
from pid1.service import Service
from pid1.sexp import write
from pid1.wire import read_datum
from tests.system.live import LiveDaemon, live_daemon

_CONFIGURATION = """
(register-services (list
  (service '(quick) #:start (const #t) #:stop (const #f))
  (service '(slow) #:start (lambda () (sleep 0.4) #t) #:stop (const #f))
  (service '(middle alias) #:requirement '(quick slow)
           #:start (lambda () (sleep 0.1) #t) #:stop (const #f))
  (service '(last) #:requirement '(alias) #:start (const #t) #:stop (const #f))
  (service '(once) #:one-shot? #t #:start (const #t))
  (service '(broken) #:start (const #f) #:stop (const #f))))
(start-in-the-background '(last once broken))
"""


@pytest.fixture(scope="module")
def daemon() -> Iterator[LiveDaemon]:
    with live_daemon(_CONFIGURATION) as running:
        running.wait_status("last", "running")
        yield running


def run(herd: Path, daemon: LiveDaemon, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [herd, "-s", daemon.socket, *arguments], capture_output=True, text=True,
        cwd=daemon.directory,
    )  # fmt: skip


def test_the_critical_path_is_the_chain_that_was_waited_for(herd: Path, daemon: LiveDaemon) -> None:
    done = run(herd, daemon, "analyze")
    assert (done.returncode, done.stderr) == (0, "")
    head, path, *others = done.stdout.split("\n\n")
    assert head.startswith("6 services in ")
    assert head.endswith("s after the daemon's start, the last one 'last'.")
    assert [line.split()[-1] for line in path.splitlines()[2:]] == ["slow", "middle", "last"]
    assert "Failed: broken" in others
    slowest = others[-1].splitlines()
    assert slowest[0] == "Slowest services:"
    assert [line.split()[-1] for line in slowest[2:4]] == ["slow", "middle"]
    assert float(slowest[2].split()[1].rstrip("s")) >= 0.4


def test_json_tells_the_start_of_each_service(herd: Path, daemon: LiveDaemon) -> None:
    boot = json.loads(run(herd, daemon, "--json", "analyze", "root").stdout)["boot"]
    starts = {start["service"]: start for start in boot["starts"]}
    assert boot["critical_path"] == ["slow", "middle", "last"]
    assert starts["middle"]["requires"] == ["quick", "slow"]
    assert starts["last"]["requires"] == ["middle"]
    assert starts["once"]["status"] == "stopped"
    assert starts["broken"]["status"] == "failed"
    assert starts["middle"]["begin"] >= starts["slow"]["end"] >= starts["slow"]["begin"] + 0.4
    assert boot["seconds"] == max(start["end"] for start in boot["starts"])


def test_the_chart_is_drawn_into_a_file(herd: Path, daemon: LiveDaemon, tmp_path: Path) -> None:
    file = tmp_path / "boot.svg"
    assert run(herd, daemon, "analyze", f"--svg={file}").returncode == 0
    root = ElementTree.fromstring(file.read_text())
    space = "{http://www.w3.org/2000/svg}"
    bars = {
        str(bar.findtext(f"{space}title")).split(" ")[0]: bar for bar in root.iter(f"{space}rect")
    }
    assert set(bars) == {"quick", "slow", "middle", "last", "once", "broken"}
    assert bars["slow"].get("class") == "running critical"
    assert bars["quick"].get("class") == "running"
    assert bars["broken"].get("class") == "failed"
    assert float(bars["slow"].get("width", "")) > float(bars["middle"].get("width", ""))


def test_a_file_that_cannot_be_written_is_named(herd: Path, daemon: LiveDaemon) -> None:
    done = run(herd, daemon, "analyze", "--svg=/nowhere/boot.svg")
    assert done.returncode == 1
    assert done.stderr == "herd: error: /nowhere/boot.svg: No such file or directory\n"


def test_only_the_daemon_has_a_chart(herd: Path, daemon: LiveDaemon) -> None:
    done = run(herd, daemon, "analyze", "quick")
    assert done.returncode == 1
    assert "does not have an action 'analyze'" in done.stderr


def test_it_survives_the_daemon_being_replaced(herd: Path) -> None:
    with live_daemon(_CONFIGURATION) as running:
        running.wait_status("last", "running")
        before = json.loads(run(herd, running, "--json", "analyze", "root").stdout)["boot"]
        assert run(herd, running, "reexec", "root").returncode == 0
        after = json.loads(run(herd, running, "--json", "analyze", "root").stdout)["boot"]
        assert after["starts"] == before["starts"]


def boot_of(chart: Chart, *services: Service) -> Boot:
    return Boot(read_datum(write(chart.to_wire(services)).encode()))


def chart_of(*changes: tuple[float, str, str]) -> Chart:
    chart = Chart()
    chart.adopt([0.0, 1.0, 0, [list(change) for change in changes]])
    return chart


def test_what_is_started_long_after_the_boot_is_not_part_of_it() -> None:
    boot = boot_of(
        chart_of(
            (0.1, "first", "starting"), (0.2, "first", "running"),
            (0.3, "second", "starting"), (60.0, "second", "running"),
            (60.0 + PAUSE, "third", "starting"), (66.0, "third", "running"),
            (67.0 + PAUSE, "late", "starting"), (90.0, "late", "running"),
        ),
    )  # fmt: skip
    assert [start.service for start in boot.starts] == ["first", "second", "third"]
    assert boot.duration == 66.0


def test_a_configuration_may_take_as_long_as_it_likes() -> None:
    """On a slow machine more time passes between root and the first service than ends a boot."""
    boot = boot_of(
        chart_of(
            (0.1, "root", "starting"),
            (0.1, "root", "running"),
            (0.2 + PAUSE, "first", "starting"),
            (0.3 + PAUSE, "first", "running"),
        )
    )
    assert [start.service for start in boot.starts] == ["first"]


def test_a_respawn_is_no_second_start() -> None:
    boot = boot_of(
        chart_of(
            (0.1, "a", "starting"), (0.2, "a", "running"), (0.3, "a", "stopped"),
            (0.4, "a", "starting"), (0.9, "a", "running"),
        )
    )  # fmt: skip
    assert [(start.begin, start.end) for start in boot.starts] == [(0.1, 0.2)]


def test_a_start_that_goes_on_is_shown_as_such() -> None:
    boot = boot_of(chart_of((0.1, "a<b", "starting")))
    assert boot.critical_path() == []
    assert boot.duration == 0.0
    assert "a&lt;b (still starting)" in draw_chart(boot)


def test_a_full_chart_counts_what_it_loses() -> None:
    chart = Chart()
    for _ in range(KEPT + 3):
        chart.record("a", "starting")
    assert boot_of(chart).lost == 3
