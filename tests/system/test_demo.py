"""`scripts/demo` shows what it promises, with and without a terminal."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]


def _demo(command: list[str], typed: str = "") -> str:
    done = subprocess.run(
        command,
        cwd=ROOT,
        input=typed,
        env=os.environ | {"TERM": "dumb"},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.replace("\r\n", "\n")


def _processes() -> str:
    return subprocess.run(["ps", "axww", "-o", "args="], capture_output=True, text=True).stdout


def test_demo_shows_the_system_and_ends_cleanly() -> None:
    shown = _demo(["scripts/demo"])
    tour, _, stopping = shown.partition("herd stop store")
    _, _, up = tour.partition("herd status\n")
    assert up.partition("Stopped:")[0].count("\n + ") >= 10
    assert "<h1>It works</h1>" in tour
    assert "Hello from process" in tour
    order = [
        name for name in ("report", "counter", "store") if f"Stopping service {name}" in stopping
    ]
    assert order == ["report", "counter", "store"]
    assert stopping.index("service report") < stopping.index("service counter")
    assert " - counter\n" in stopping
    assert "Last respawned" in stopping
    assert shown.rstrip().endswith("Everything has ended.")
    assert "examples/system/programs" not in _processes()


def test_demo_leaves_a_shell_with_herd_at_a_terminal() -> None:
    shown = _demo(
        ["script", "--quiet", "--return", "--command", "scripts/demo", "/dev/null"],
        typed="herd status root | grep Provides\nexit\n",
    )
    assert "Provides: root shepherd" in shown
    assert "Everything has ended." in shown
    assert "examples/system/programs" not in _processes()
