"""What the console of a machine shows of the log, and what the system log is given of it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from boot import boot_log, running
from boot.boot_log import KEPT, BootLog, is_routine
from pid1.service import RUNNING, STARTING, Service


class _Registry(dict[str, Service]):
    """The services of a daemon by their names."""

    def __iter__(self) -> Any:
        return iter(self.values())


class Machine:
    """A daemon's services, and what is on the console."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.console: list[str] = []
        self.registry = _Registry()
        self.daemon = SimpleNamespace(
            ending=None, supervisor=SimpleNamespace(registry=self.registry)
        )
        monkeypatch.setattr(running, "daemon", self.daemon)
        monkeypatch.setattr(boot_log, "print_line", self.console.append)

    def add(self, name: str, value: object = True) -> None:
        service = Service((name,))
        service.transition(STARTING)
        service.value = value
        service.transition(RUNNING)
        self.registry[name] = service


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


_ROUTINE = [
    "drover 0.1.0 (Python 3.13.5, i686-AT386), compatible with GNU Shepherd 1.0.9",
    "Starting service procfs...", "Service procfs started.", "Service procfs has been started.",
    "Service procfs running with value #<<process> id: 14>.", "Stopping service swap...",
    "Service swap is now stopped.", "Successfully started 3 services in the background.",
]  # fmt: skip
_MATTERS = [
    "Service procfs failed to start.", "Service procfs could not be started.",
    "Cannot mount '/dev/hd0s2' on '/home': Input/output error.",
    "Service term-console did not stop in time; killing it.",
    "Nobody can log in: starting a shell on the console.",
    "Checking '/dev/hd0s1': fsck.ext2 ended with status 4.",
]  # fmt: skip


@pytest.mark.parametrize("line", _ROUTINE)
def test_what_goes_well_is_not_on_the_console(machine: Machine, line: str) -> None:
    BootLog(False).append("", [line])
    assert machine.console == []
    assert is_routine("", line)


@pytest.mark.parametrize("line", _MATTERS)
def test_what_goes_wrong_is_on_the_console(machine: Machine, line: str) -> None:
    BootLog(False).append("", [line])
    assert machine.console == [line]


def test_of_what_programs_print_only_the_checks_are_shown(machine: Machine) -> None:
    log = BootLog(False)
    log.append("[procfs] ", ["something"])
    log.append("[fsck.ext2] ", ["FILE SYSTEM WAS MODIFIED"])
    assert machine.console == ["[fsck.ext2] FILE SYSTEM WAS MODIFIED"]


def test_the_console_shows_everything_if_that_is_asked_for(machine: Machine) -> None:
    machine.add("system-log")
    machine.add("term-console")
    log = BootLog(True)
    log.append("", _ROUTINE)
    log.append("[procfs] ", ["something"])
    assert machine.console == [*_ROUTINE, "[procfs] something"]


def test_early_lines_are_given_to_the_system_log(machine: Machine) -> None:
    taken: list[str] = []
    log = BootLog(False)
    log.append("", ["one"])
    log.append("[a] ", ["two"])
    assert taken == []
    machine.add("system-log", SimpleNamespace(accept=taken.append))
    log.append("", ["three"])
    assert [line.partition("]: ")[2] for line in taken] == ["one", "[a] two", "three"]
    log.append("", ["four"])
    assert len(taken) == 4


def test_what_was_too_much_to_keep_is_counted(machine: Machine) -> None:
    taken: list[str] = []
    log = BootLog(False)
    log.append("", [f"line {number}" for number in range(KEPT + 5)])
    machine.add("system-log", SimpleNamespace(accept=taken.append))
    log.hand_over()
    assert taken[0] == "shepherd[1]: 5 line(s) lost."
    assert taken[1].endswith("]: line 5")
    assert len(taken) == KEPT + 1


def test_nobody_is_disturbed_at_work(machine: Machine) -> None:
    machine.add("system-log", SimpleNamespace(accept=lambda _line: None))
    log = BootLog(False)
    log.append("", ["Cannot do one thing."])
    machine.add("term-console")
    log.append("", ["Cannot do another."])
    machine.daemon.ending = "halt"
    log.append("", ["Cannot stop it."])
    assert machine.console == ["Cannot do one thing.", "Cannot stop it."]
