"""On a real GNU/Hurd, drover's tools do what the Hurd's own do, and leave nothing behind.

One boot runs everything (`guest_program`); each test looks at one part of what it found.
"""

from __future__ import annotations

from typing import Any

import guest_cases
import pytest

pytestmark = pytest.mark.slow

# Where drover differs on purpose, and why; the status and the nodes are compared nevertheless.
OTHER_WORDS: dict[tuple[str, int], str] = {}
# Where the native tool is at fault; only that ours does what is right is checked.
NATIVE_FAULTS: dict[tuple[str, int], str] = {}

NAMES = [*guest_cases.CASES, *guest_cases.USER_CASES]


def comparable(step: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in step.items() if key != "seconds"}


@pytest.mark.parametrize("name", NAMES)
def test_the_tools_do_what_the_native_ones_do(name: str, result: dict[str, Any]) -> None:
    case = result["cases"][name]
    assert len(case["native"]) == len(case["ours"]) > 0
    for number, (native, ours) in enumerate(zip(case["native"], case["ours"], strict=True)):
        assert ours["status"] != "hangs"
        if (name, number) in NATIVE_FAULTS:
            continue
        expected, got = comparable(native), comparable(ours)
        if (name, number) in OTHER_WORDS:
            for part in ("stdout", "stderr"):
                del expected[part], got[part]
        assert got == expected, f"step {number}: {native['command']}"


@pytest.mark.parametrize("how", ["kill", "terminate", "goaway"])
def test_a_death_is_heard_of_within_a_second(how: str, result: dict[str, Any]) -> None:
    death = result["deaths"][how]
    assert not death["early"]
    assert not death["alive"]
    assert death["seconds"] < 1.0


def test_starts_and_ends_leave_no_port_and_no_task(result: dict[str, Any]) -> None:
    cycles = result["cycles"]
    assert cycles["count"] > 0
    assert cycles["after"] == cycles["before"]
    assert cycles["after_failures"] == cycles["before"]


def test_the_root_becomes_readonly_and_writable_again(result: dict[str, Any]) -> None:
    found = result["readonly_root"]
    assert [comparable(step) for step in found["ours"]] == [
        comparable(step) for step in found["native"]
    ]
    for steps in found.values():
        assert [step["status"] for step in steps] == [0] * 5
        assert "--readonly" in steps[2]["stdout"]
        assert "--writable" in steps[4]["stdout"]
        assert [step["writable"] is True for step in steps] == [True, False, False, True, True]
