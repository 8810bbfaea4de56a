"""On a real GNU/Hurd, drover's tools do what the Hurd's own do, and leave nothing behind.

One boot runs everything (`guest_program`); each test looks at one part of what it found.
"""

from __future__ import annotations

import re
from typing import Any

import guest_cases
import pytest

pytestmark = pytest.mark.slow

# Where drover says something else, and why; the status and the nodes are compared nevertheless.
OTHER_WORDS = {
    ("mount-tmpfs", 2): "native mount does not see what is mounted below an ordinary directory",
    ("mount-tmpfs", 3): "the same",
    ("mount-from-fstab", 1): "the same",
    ("mount-from-fstab", 2): "the same",
    ("mount-from-fstab", 3): "the same",
    ("mount-several-entries", 1): "native umount -a means to sort by directory but does not",
    ("help", 6): "native mount and umount have no --version",
    ("help", 7): "the same",
    ("help", 8): "the same",
    ("help", 9): "the same",
    ("user-mount", 0): "as mount-tmpfs: so it does not ask, either, what a user may not know",
}
# Where the native tool is at fault: the status, and how what is printed begins, that are right.
NATIVE_FAULTS = {
    # ext2fs refuses a record that is shorter than the one before, and native settrans tells so.
    ("passive-replaced-by-a-shorter-one", 1): (0, "", ""),
    ("passive-replaced-by-a-shorter-one", 2): (0, "/hurd/hello -c other\n", ""),
    ("passive-replaced-by-a-shorter-one", 3): (0, "other", ""),
    # It takes a translator that ends without an answer to fsys_goaway for an error.
    ("chroot", 0): (0, "the node's own text\n", ""),
    ("chroot", 1): (3, "", "settrans: Error 3 for child N\n"),
    ("chroot", 2): (137, "", "settrans: Killed for child N\n"),
    ("chroot", 3): (8, "", "settrans: cannot execute no-such-command: No such file or directory"),
    ("chroot", 4): (8, "", "settrans: /nowhere: No such file or directory\n"),
    ("chroot", 6): (0, "/tmp\n", ""),
    # See OTHER_WORDS.
    ("mount-from-fstab", 4): (0, "", ""),
    # A source that is no file is none that could go away.
    ("mount-from-fstab", 5): (0, "settrans -ag /tmp/case/directory\n", ""),
}

NAMES = [*guest_cases.CASES, *guest_cases.USER_CASES]


def comparable(step: dict[str, Any]) -> dict[str, Any]:
    """A step without its time, and without what a translator says if it is not ended in time.

    `--help` of the native tools ends with the address for reports on the Hurd.
    """
    found = {key: value for key, value in step.items() if key != "seconds"}
    lines = found["stderr"].splitlines(keepends=True)
    found["stderr"] = "".join(line for line in lines if ": trivfs_startup: " not in line)
    found["stdout"] = re.sub(r"\nReport bugs to .*\.\n\Z", "", found["stdout"])
    return found


@pytest.mark.parametrize("name", NAMES)
def test_the_tools_do_what_the_native_ones_do(name: str, result: dict[str, Any]) -> None:
    case = result["cases"][name]
    assert len(case["native"]) == len(case["ours"]) > 0
    for number, (native, ours) in enumerate(zip(case["native"], case["ours"], strict=True)):
        assert ours["status"] != "hangs"
        fault = NATIVE_FAULTS.get((name, number))
        if fault is not None:
            assert ours["status"] == fault[0]
            assert ours["stdout"].startswith(fault[1])
            assert ours["stderr"].startswith(fault[2])
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
    for steps in (found["ours"], found["native"]):
        assert [step["status"] for step in steps] == [0] * 5
        assert "--readonly" in steps[2]["stdout"]
        assert "--writable" in steps[4]["stdout"]
    assert (found["--readonly"], found["--writable"]) == ("EROFS", "done")
