"""The benchmarks run: one short round each, with the other programs where there are some."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from bench import debian, metrics, page, results
from bench.peers import PACKAGES, PEERS, dinit, s6

ROOT = Path(__file__).resolve().parents[2]
EVERYTHING = ("start", "memory", "idle", "herd", "requests", "cycles", "respawn", "stop",
              "shutdown", "endless", "bindings")  # fmt: skip


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROOT / "bench/run", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def bench(*arguments: str) -> str:
    done = run("--quick", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def figures(output: str, title: str) -> list[float]:
    """The numbers of the first row of that title: N, drover's, the GNU Shepherd's if any, …"""
    row = re.search(rf"^{re.escape(title)}.*?  +(.*)$", output, re.M)
    assert row, output
    return [float(cell.replace(",", "")) for cell in re.findall(r"[\d.,]*\d", row.group(1))]


def test_a_quick_run_measures_everything_of_drover() -> None:
    output = bench("--alone", *[word for name in EVERYTHING for word in ("--only", name)])
    for title in (
        "exec to all running, ms",
        "stop all, through a common requirement, ms",
        "ordered shutdown of the daemon",
        "`herd status SERVICE`, whole process, ms",
        "SIGKILL to replacement running",
        "memory (PSS, alone), KiB",
        "start + stop on the socket, per s",
        "status of one on the socket, per s",
        "status while a start loops for ever, median",
    ):
        count, value, *_ = figures(output, title)
        assert count == 1
        assert value > 0
    assert figures(output, "importing the bindings of the Hurd")[0] > 0


@pytest.mark.interop
def test_both_daemons_are_measured_in_turn(shepherd_chroot: Path) -> None:
    output = bench("--only", "memory", "-n", "1", "3")
    assert "GNU Shepherd: shepherd (GNU Shepherd) 1.0.9" in output
    count, ours, theirs, ratio, *_ = figures(output, "memory (PSS, alone), KiB")
    assert count == 1
    assert theirs > 0 and ours > 0
    assert ratio == pytest.approx(ours / theirs, rel=0.01)


@pytest.mark.interop
def test_other_managers_are_measured_beside_drover(tmp_path: Path) -> None:
    try:
        debian.peers(PACKAGES)
    except debian.Unavailable as unavailable:
        pytest.skip(f"no chroot with the service managers of Debian: {unavailable}")
    file = tmp_path / "raw"
    bench("--only", "peers", "-n", "2", f"--results={file}")
    measured = results.load(file)["peers"].results
    # Debian has no package of it.
    names = set(PEERS) - {"dinit"}
    assert names <= set(measured.candidates())
    for name in names:
        for metric in metrics.PEERS:
            if metric.name not in ("per-service", "idle"):
                value = measured.get(metric.name, 2, name)
                assert value is not None and value > 0, (name, metric.name)
    # Each of the two has its supervisor in memory twice, and supervisord one interpreter.
    assert (measured.get("memory", 2, "s6") or 0) < (measured.get("memory", 2, "supervisord") or 0)


@pytest.fixture
def without_dinit(tmp_path: Path) -> str:
    """A PATH on which the machine's dinit, if it has one, is not the first."""
    broken = tmp_path / "bin"
    broken.mkdir()
    for name in ("dinit", "dinitctl"):
        (broken / name).write_text("#!/bin/sh\necho 'Dinit version 1.'\nexit 1\n")
        (broken / name).chmod(0o755)
    return f"{broken}:{os.environ['PATH']}"


def test_a_manager_that_fails_leaves_the_others_measured(without_dinit: str) -> None:
    done = run("--quick", "--only", "peers", "--peers", "dinit", PATH=without_dinit)
    if "drover is measured alone" in done.stderr:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 1, done.stderr
    failure = "failed: dinit beside the others, 1 services: RuntimeError: dinit does not get ready"
    assert failure in done.stderr
    assert "Versions: dinit 1" in done.stdout
    assert figures(done.stdout, "status of one, whole command")[1] > 0


def test_a_manager_that_is_not_there_is_named() -> None:
    if shutil.which("dinit"):
        pytest.skip("dinit is installed")
    assert dinit.Dinit(Path("/")).missing() == (
        "dinit: there is no dinit and dinitctl on PATH, and Debian has no package of it"
    )
    assert s6.S6(Path("/nonexistent")).missing() == (
        "s6: there is no /usr/bin/s6-svscan in /nonexistent"
    )


def samples() -> dict[str, object]:
    """Raw results in which one target is missed and one is met."""
    ready = [("drover", 20.0), ("GNU Shepherd", 100.0), ("floor", 11.0)]
    stop = [("drover", 1.0), ("GNU Shepherd", 100.0)]
    return {
        "daemons": {
            "conditions": ["conditions of the test"],
            "samples": [
                {"metric": metric, "count": 1000, "of": of, "values": [value, value, 1e6]}
                for metric, values in (("ready", ready), ("stop", stop))
                for of, value in values
            ]
            + [{"metric": "nuisance", "count": 100, "of": "drover", "values": [None]}],
        }
    }


def test_tables_are_made_from_raw_results_without_measuring(tmp_path: Path) -> None:
    file = tmp_path / "raw"
    file.write_text(json.dumps(samples()))
    done = run(f"--from={file}")
    assert done.returncode == 0, done.stderr
    assert "conditions of the test" in done.stdout
    assert re.search(r"all running, ms +1,000 +20\.0 +100\.0 +0\.2 +≤ 0\.15 +no", done.stdout)
    assert re.search(r"requirement, ms +1,000 +1\.0 +100\.0 +0\.01 +≤ 0\.02 +yes", done.stdout)
    missed = done.stdout.partition("Missed:\n")[2]
    assert "exec to all running, N = 1,000: 0.2 (20.0 ms), target ≤ 0.15" in missed
    assert "floor 11.0 (0.11)" in missed
    assert "stop all" not in missed
    assert re.search(r"never finish, .*: no answer, target ≤ 200 ms; no floor", missed)


def test_the_page_gets_the_tables_of_the_results(tmp_path: Path) -> None:
    raw, copy = tmp_path / "raw", tmp_path / "page.md"
    raw.write_text(json.dumps(samples()))
    text = page.PAGE.read_text()
    copy.write_text(text)
    page.write(copy, results.load(raw))
    written = copy.read_text()
    assert "| exec to all running, ms | 1,000 | 20.0 | 100.0 | 0.2 | ≤ 0.15 | **no** |" in written
    begin, end = page.markers("images")
    # Other sections and the prose stay.
    assert (
        written.partition(begin)[2].partition(end)[0] == text.partition(begin)[2].partition(end)[0]
    )
    assert written.endswith(text.rpartition(page.markers("boot")[1])[2])
    copy.write_text(text.replace(page.markers("missed")[0], ""))
    with pytest.raises(ValueError, match="no markers for missed"):
        page.write(copy, results.load(raw))


def test_the_page_shows_the_samples_beside_it(tmp_path: Path) -> None:
    if not page.RAW.exists():
        pytest.skip("there is no record of a complete run")
    copy = tmp_path / "page.md"
    copy.write_text(page.PAGE.read_text())
    page.write(copy, results.load(page.RAW))
    assert copy.read_text() == page.PAGE.read_text(), (
        "write the tables again: bench/run --from docs/performance.json --update"
    )


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--update", "--only", "memory"], "--update writes whole sections"),
        (["--only", "boot"], "DROVER_HURD_ROOT is not set"),
        (["--only", "walking"], "walking"),
        (["--peers", "systemd"], "systemd"),
        (["-n", "0"], "'0' is not a positive whole number"),
        (["--from", "/nonexistent"], "/nonexistent"),
        (["--from", __file__], "does not hold results of bench/run"),
    ],
)
def test_a_wrong_command_line_is_refused(words: list[str], complaint: str) -> None:
    done = run(*words, DROVER_HURD_ROOT="")
    assert done.returncode != 0
    assert complaint in done.stderr
