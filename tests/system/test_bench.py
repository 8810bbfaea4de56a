"""The benchmarks run: one short round each, with the GNU Shepherd where there is one."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def bench(*arguments: str) -> str:
    done = subprocess.run(
        [ROOT / "bench/run", "--quick", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def figures(output: str, title: str) -> list[float]:
    """The numbers of the first row of that title: N, the GNU Shepherd's if any, drover's, …"""
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


EVERYTHING = ("start", "memory", "idle", "herd", "requests", "cycles", "respawn", "stop",
              "shutdown", "endless")  # fmt: skip


@pytest.mark.interop
def test_both_daemons_are_measured_in_turn(shepherd_chroot: Path) -> None:
    output = bench("--only", "memory", "-n", "1", "3")
    assert "GNU Shepherd: shepherd (GNU Shepherd) 1.0.9" in output
    count, theirs, ours, ratio, *_ = figures(output, "memory (PSS, alone), KiB")
    assert count == 1
    assert theirs > 0 and ours > 0
    assert ratio == pytest.approx(ours / theirs, rel=0.01)
