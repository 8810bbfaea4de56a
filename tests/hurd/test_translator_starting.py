"""Programs are started as translators, and nothing is left of those that fail."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable

import pytest
from standin.control import Standin

from hurd import codes, constants, fs, lookup, mach
from hurd.errors import HurdError
from hurd.ports import Port
from hurd.translator import (
    Translator,
    TranslatorError,
    attach,
    goaway_flags,
    open_node,
    reap,
    start_for_node,
    start_translator,
)


def settle(condition: Callable[[], bool]) -> bool:
    """Wait until a thread of the stand-in has done its part."""
    deadline = time.monotonic() + 5
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.001)
    return True


def give_motd(flags: int, _pid: int) -> Port:
    return lookup.file_name_lookup("/etc/motd", flags | constants.O_NOTRANS)


def start(*argv: str, timeout: float | None = 5) -> Translator:
    return start_translator(argv, give_motd, timeout=timeout)


def test_a_translator_tells_its_control_port_and_has_a_process(standin: Standin) -> None:
    tasks = standin.tasks()
    with start("/hurd/hello", "--contents=hi") as translator:
        assert translator.argv == ("/hurd/hello", "--contents=hi")
        assert translator.pid > 0
        assert translator.alive
        assert translator.options() == ["/hurd/hello", "--contents=hi"]
        assert standin.tasks() == tasks + 1
        assert lookup.task2pid(translator.task) == translator.pid
        translator.goaway()
        assert not translator.alive
        assert settle(lambda: standin.tasks() == tasks)


def test_starting_and_ending_leaves_no_right(standin: Standin) -> None:
    start("/hurd/hello").abandon()
    before, memory = standin.references(), standin.memory()
    for _ in range(100):
        with start("/hurd/hello") as translator:
            translator.goaway()
    assert standin.references() == before
    assert standin.memory() == memory


def test_the_node_is_opened_with_the_flags_that_the_translator_asks_for(standin: Standin) -> None:
    asked: list[tuple[int, bool]] = []

    def give(flags: int, pid: int) -> Port:
        asked.append((flags, pid > 0))
        return give_motd(flags, pid)

    start_translator(["/hurd/hello"], give).abandon()
    start_translator(["/hurd/tmpfs", "1M"], give).abandon()
    assert asked == [(0, True), (constants.O_READ, True)]


@pytest.mark.parametrize(
    ("program", "code"),
    [
        ("/hurd/nothing", codes.ENOENT),
        ("/bin/true", codes.EDIED),
        ("/hurd/exits", codes.EDIED),
        ("/hurd/babbles", codes.MIG_BAD_ID),
    ],
)
def test_a_program_that_is_no_translator_is_named_and_leaves_nothing(
    program: str, code: int, standin: Standin
) -> None:
    before, tasks = standin.references(), standin.tasks()
    with pytest.raises(TranslatorError) as caught:
        start(program, "word")
    assert caught.value.errno == code
    assert caught.value.subject == program
    assert caught.value.filename == program
    assert str(caught.value) == f"{program}: {caught.value.strerror}"
    assert standin.references() == before
    assert settle(lambda: standin.tasks() == tasks)


def test_one_that_never_answers_is_ended_at_the_timeout(standin: Standin) -> None:
    before, tasks = standin.references(), standin.tasks()
    begin = time.monotonic()
    with pytest.raises(TranslatorError) as caught:
        start("/hurd/silent", timeout=0.2)
    assert 0.15 < time.monotonic() - begin < 2
    assert caught.value.errno == codes.MACH_RCV_TIMED_OUT
    assert caught.value.subject == "/hurd/silent"
    assert standin.references() == before
    assert settle(lambda: standin.tasks() == tasks)


def test_the_error_of_opening_the_node_is_raised_and_told(standin: Standin) -> None:
    before, tasks = standin.references(), standin.tasks()
    with pytest.raises(TranslatorError) as caught:
        start_for_node("/nowhere/node", ["/hurd/hello"])
    assert caught.value.errno == codes.ENOENT
    assert caught.value.subject == "/nowhere/node"
    assert standin.references() == before
    assert settle(lambda: standin.tasks() == tasks)


@pytest.mark.parametrize(
    "routine",
    [
        "task_create",
        "task_priority",
        "proc_child",
        "proc_task2pid",
        "proc_task2proc",
        "proc_setowner",
        "file_exec_paths",
        "mach_port_allocate",
        "mach_port_request_notification",
    ],
)
def test_a_step_that_fails_leaves_nothing(routine: str, standin: Standin) -> None:
    start("/hurd/hello").abandon()
    before, tasks = standin.references(), standin.tasks()
    standin.fail(routine, codes.EIO)
    with pytest.raises(TranslatorError) as caught:
        start("/hurd/hello")
    assert (caught.value.errno, caught.value.routine) == (codes.EIO, routine)
    assert standin.references() == before
    assert settle(lambda: standin.tasks() == tasks)


def test_an_older_file_system_is_asked_in_the_older_way(standin: Standin) -> None:
    standin.fail("file_exec_paths", codes.MIG_BAD_ID)
    start("/hurd/hello").abandon()
    assert standin.calls("file_exec") == 1


def test_an_error_of_the_caller_ends_the_translator_too(standin: Standin) -> None:
    start("/hurd/hello").abandon()
    before, tasks = standin.references(), standin.tasks()

    def give(_flags: int, _pid: int) -> Port:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        start_translator(["/hurd/hello"], give)
    assert standin.references() == before
    assert settle(lambda: standin.tasks() == tasks)


def test_signal_handlers_run_while_a_translator_is_waited_for(standin: Standin) -> None:
    seen: list[int] = []
    old = signal.signal(signal.SIGUSR1, lambda number, _frame: seen.append(number))
    try:
        timer = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGUSR1))
        timer.start()
        with pytest.raises(TranslatorError):
            start("/hurd/silent", timeout=1.0)
        assert seen == [signal.SIGUSR1]
    finally:
        signal.signal(signal.SIGUSR1, old)


@pytest.mark.parametrize("argv", [[], [""]])
def test_no_program_is_refused(argv: list[str], standin: Standin) -> None:
    with pytest.raises(ValueError, match="program"):
        start_translator(argv, give_motd)


def test_another_identity_is_given_to_the_process(standin: Standin) -> None:
    from hurd import auth

    start("/hurd/hello").abandon()
    before = standin.references()
    with (
        lookup.getauth() as ours,
        auth.auth_makeauth(ours, [], [1000], [1000], [1000], [1000]) as theirs,
        start_translator(["/hurd/hello"], give_motd, auth=theirs, owner=1000) as translator,
    ):
        assert translator.alive
        assert standin.calls("proc_reauthenticate") == 1
        assert standin.calls("auth_user_authenticate") == 1
        assert standin.calls("proc_reauthenticate_complete") == 1
        translator.goaway()
    assert standin.references() == before


def test_a_closed_descriptor_is_no_file_of_the_translator(standin: Standin) -> None:
    start("/hurd/hello").abandon()
    before = standin.references()
    translator = start_translator(["/hurd/hello"], give_motd, descriptors=(None, 77, 2))
    translator.abandon()
    assert standin.references() == before


def test_goaway_of_one_in_use_is_refused_unless_forced(standin: Standin) -> None:
    with start("/hurd/tmpfs", "1M") as translator:
        with open_node("/mnt") as node:
            attach(node, (), translator, active=True)
        with lookup.file_name_lookup("/mnt"):
            with pytest.raises(HurdError) as caught:
                translator.goaway()
            assert caught.value.errno == codes.EBUSY
            assert translator.alive
            translator.goaway(goaway_flags(force=True))
        assert not translator.alive
        translator.goaway()


def test_one_that_will_not_go_is_killed_when_it_is_abandoned(standin: Standin) -> None:
    tasks = standin.tasks()
    translator = start("/hurd/hello")
    standin.fail("fsys_goaway", codes.EBUSY)
    translator.abandon()
    assert standin.calls("task_terminate") == 1
    assert standin.tasks() == tasks


def test_killing_twice_is_fine(standin: Standin) -> None:
    with start("/hurd/hello") as translator:
        translator.kill()
        translator.kill()
        assert not translator.alive
    assert not translator.alive


@pytest.mark.parametrize(
    ("options", "flags"),
    [
        ({}, 0),
        ({"nowait": True}, 1),
        ({"nosync": True}, 2),
        ({"force": True}, 4),
        ({"unlink": True}, 8),
        ({"recursive": True}, 16),
        ({"recursive": True, "force": True, "nosync": True}, 22),
    ],
)
def test_options_of_goaway_are_flags(options: dict[str, bool], flags: int) -> None:
    assert goaway_flags(**options) == flags


def test_options_and_sync_go_to_the_control_port(standin: Standin) -> None:
    with start("/hurd/tmpfs", "1M") as translator:
        translator.set_options(["--readonly"])
        assert translator.options() == ["/hurd/tmpfs", "--readonly", "1M"]
        with pytest.raises(HurdError) as caught:
            translator.set_options(["--no-such-option"], recursive=True)
        assert caught.value.errno == codes.EINVAL
        translator.sync()
        assert standin.calls("fsys_syncfs") == 1
        translator.goaway()


def test_an_ended_child_is_reaped_once() -> None:
    child = os.fork()
    if not child:
        os._exit(3)
    status = reap(child)
    assert status is not None
    assert os.waitstatus_to_exitcode(status) == 3
    assert reap(child) is None


def test_one_that_does_not_end_is_not_waited_for_long() -> None:
    child = os.fork()
    if not child:
        time.sleep(30)
        os._exit(0)
    try:
        assert reap(child, timeout=0.05) is None
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_the_translator_below_gets_a_right_of_its_own(standin: Standin) -> None:
    node, translator = start_for_node("/etc/motd", ["/hurd/hello"])
    with node, translator:
        assert fs.file_check_access(node) is not None
        references = mach.mach_port_get_refs(
            mach.mach_task_self(), node.name, constants.MACH_PORT_RIGHT_SEND
        )
        assert references == 1
        translator.goaway()
