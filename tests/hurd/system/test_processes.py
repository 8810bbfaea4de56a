"""The process table, and finding and killing what a service leaves behind, with real processes."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from spawning import PATH, in_child

from hurd.system import SpawnSpec, processes, system
from hurd.system.base import Process
from hurd.system.containment import TableContainment
from hurd.system.posix import PosixSystem

# One line for each process it starts; the last two left their session, one also its parent.
FAMILY = """
sleep 1000 & echo $!
setsid sh -c 'echo $$; sleep 1000' &
sh -c 'setsid sh -c "echo \\$\\$; exec sleep 1000" & wait'
"""


def start(script: str, lines: int, **fields) -> tuple[int, list[int]]:
    """A shell running `script` and the numbers it printed."""
    reader, writer = os.pipe()
    spec = SpawnSpec(["/bin/sh", "-c", script], [PATH], stdout=writer, **fields)
    pid = system.spawn(spec)
    os.close(writer)
    with os.fdopen(reader) as file:
        return pid, [int(file.readline()) for _ in range(lines)]


def gone(pid: int) -> bool:
    """Whether the process is dead, waited for or not."""
    process = system.process_table().get(pid)
    return process is None or process.state == "Z"


def wait_until(condition, seconds: float = 5) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def reap_all() -> None:
    end = time.monotonic() + 30
    while True:
        assert time.monotonic() < end, "children are left"
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                time.sleep(0.005)
        except ChildProcessError:
            return


def test_a_process_exists_until_it_was_waited_for():
    pid = system.spawn(SpawnSpec(["sleep", "1000"], [PATH]))
    assert system.process_exists(pid)
    system.kill(pid, signal.SIGKILL)
    wait_until(lambda: gone(pid))
    assert system.process_exists(pid)
    assert system.process_command(pid) == []
    assert system.reap() == (pid, signal.SIGKILL)
    assert not system.process_exists(pid)
    assert system.process_command(pid) is None
    assert system.process_group(pid) is None
    assert system.reap() is None


@pytest.mark.parametrize("pid", [0, -1, 1 << 22, 1 << 70])
def test_numbers_that_are_no_process(pid):
    assert not system.process_exists(pid)


def test_command_line_is_split_as_it_was_given():
    command = ["sh", "-c", "sleep 1000; :", "a b", "", "é)"]
    pid = system.spawn(SpawnSpec(command, [PATH]))
    wait_until(lambda: system.process_command(pid) != [])  # Linux lays it out after exec began
    assert system.process_command(pid) == command
    os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def test_table_survives_a_program_with_a_malicious_name(tmp_path):
    program = tmp_path / "x) Z 1 1 ("
    program.symlink_to("/bin/sleep")
    pid = system.spawn(SpawnSpec([str(program), "1000"], [PATH]))
    process = system.process_table()[pid]
    assert (process.parent, process.group, process.session) == (os.getpid(), pid, pid)
    system.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def test_ps_gives_the_same_table_as_proc(monkeypatch):
    pid, (child,) = start("sleep 1000 & echo $!; wait", 1)
    while system.process_command(child) != ["sleep", "1000"]:
        time.sleep(0.001)  # its number is known before it has executed the program
    known = system.process_table()
    commands = [system.process_command(p) for p in (pid, child)]
    monkeypatch.setattr(processes, "have_proc", lambda: False)
    plain = PosixSystem()
    table = plain.process_table()
    for p in (pid, child, os.getpid()):
        ours, theirs = known[p], table[p]
        assert (ours.parent, ours.group, ours.session) == (
            theirs.parent,
            theirs.group,
            theirs.session,
        )
    assert plain.descendants(pid) == [child]
    # ps does not keep the words of a command line apart.
    assert [plain.process_command(p) for p in (pid, child)] == [
        " ".join(c or []).split() for c in commands
    ]
    assert plain.process_command(1 << 22) is None
    os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


@pytest.mark.skipif(system.name != "linux", reason="Linux only")
def test_kernel_threads_are_told_from_programs():
    kthreadd = [p for p in system.process_table() if system.is_kernel_thread(p)]
    assert os.getpid() not in kthreadd
    for pid in kthreadd:
        assert system.process_command(pid) == []
    if Path("/proc/2/comm").exists() and Path("/proc/2/comm").read_text() == "kthreadd\n":
        assert system.is_kernel_thread(2)


def test_descendants_come_parents_first():
    pid, (inner,) = start("sh -c 'sleep 1000 & echo $$; wait'; :", 1)
    wait_until(lambda: len(system.descendants(pid)) == 2)
    found = system.descendants(pid)
    assert found[0] == inner
    assert system.process_table()[found[1]].parent == inner
    table = system.process_table()
    assert {p for p in table if table[p].session == pid} == {pid, *found}
    os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


@pytest.mark.skipif(system.name != "linux", reason="Linux only")
def test_orphans_become_children_of_a_subreaper():
    def body() -> None:
        assert system.become_subreaper()
        pid, (orphan,) = start("setsid sleep 1000 & echo $!", 1)
        assert os.waitpid(pid, 0) == (pid, 0)
        wait_until(lambda: system.process_table()[orphan].parent == os.getpid())
        os.kill(orphan, signal.SIGKILL)
        assert os.waitpid(orphan, 0) == (orphan, signal.SIGKILL)

    in_child(body)


def contained(control_group: bool):
    containment = system.containment("tests of drover/é", control_group=control_group)
    if control_group and type(containment).__name__ != "GroupContainment":
        pytest.skip("no writable control group")
    return containment


either_way = pytest.mark.parametrize("control_group", [False, True])


@either_way
def test_everything_is_found_and_killed_while_the_main_process_lives(control_group):
    def body() -> None:
        system.become_subreaper()
        containment = contained(control_group)
        pid, others = start(FAMILY, 3, control_group=containment.entrance())
        containment.add(pid)
        assert {pid, *others} <= set(containment.members())
        assert containment.members()[0] == pid
        assert containment.kill(signal.SIGKILL) >= 4
        wait_until(lambda: all(gone(p) for p in [pid, *others]))
        reap_all()
        assert containment.members() == []
        containment.close()

    contained(control_group).close()
    in_child(body)


def test_what_left_the_session_is_remembered_from_before_the_main_process_died():
    def body() -> None:
        system.become_subreaper()
        containment = contained(False)
        pid, others = start(FAMILY, 3)
        containment.add(pid)
        containment.members()
        os.kill(pid, signal.SIGTERM)
        os.waitpid(pid, 0)
        containment.discard(pid)
        assert set(others) <= set(containment.members())
        assert pid not in containment.members()
        containment.kill(signal.SIGKILL)
        wait_until(lambda: all(gone(p) for p in others))
        reap_all()

    in_child(body)


def test_session_of_a_main_process_that_died_unseen_is_found():
    def body() -> None:
        system.become_subreaper()
        containment = contained(False)
        pid, (left,) = start("sleep 1000 & echo $!", 1)
        containment.add(pid)
        os.waitpid(pid, 0)
        containment.discard(pid)
        assert containment.members() == [left]
        containment.kill(signal.SIGKILL)
        reap_all()

    in_child(body)


def test_a_number_used_again_does_not_belong_to_the_service():
    containment = system.containment("reused")
    pid = system.spawn(SpawnSpec(["sleep", "1000"], [PATH]))
    containment.add(pid)
    containment.discard(pid)  # as if it had died: the process is now somebody else's
    assert containment.members() == []
    assert containment.kill(signal.SIGKILL) == 0
    assert not gone(pid)
    system.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def test_service_in_our_own_session_does_not_take_us_with_it():
    def body() -> None:
        os.setsid()
        containment = contained(False)
        bystander = system.spawn(SpawnSpec(["sleep", "1000"], [PATH], create_session=False))
        pid = system.spawn(SpawnSpec(["sleep", "1000"], [PATH], create_session=False))
        containment.add(pid)
        assert containment.members() == [pid]
        assert containment.kill(signal.SIGKILL) == 1
        os.waitpid(pid, 0)
        assert not gone(bystander)
        os.kill(bystander, signal.SIGKILL)
        os.waitpid(bystander, 0)

    in_child(body)


class Moments:
    """Process tables one after the other: a fake, since nobody can order such a moment."""

    def __init__(self, *tables: dict[int, str]) -> None:
        self.tables = list(tables)
        self.killed: list[int] = []

    def process_table(self) -> dict[int, Process]:
        states = self.tables.pop(0) if len(self.tables) > 1 else self.tables[0]
        return {
            pid: Process(pid, 50 if pid > 50 else 1, pid, pid, state, str(pid))
            for pid, state in states.items()
        }

    def kill(self, pid: int, number: int) -> None:
        if number == signal.SIGKILL:
            self.killed.append(pid)


@pytest.mark.parametrize(
    "moments",
    [
        # It forks although it was told to stop, or while the table was being read.
        [{50: "R"}, {50: "R"}, {50: "T", 51: "R"}, {50: "T", 51: "T"}],
        [{50: "R"}, {50: "T"}, {50: "T", 51: "R"}, {50: "T", 51: "T"}],
        [{50: "R"}, {50: "R"}, {50: "R"}, {50: "T"}, {50: "T", 51: "R"}, {50: "T", 51: "T"}],
    ],
)
def test_what_is_forked_by_one_that_is_being_stopped_is_killed(moments):
    machine = Moments(*moments)
    containment = TableContainment(machine)
    containment.add(50)
    assert containment.kill(signal.SIGKILL) == 2
    assert machine.killed == [50, 51]


def test_one_that_cannot_be_stopped_does_not_hold_up_the_others():
    machine = Moments({50: "D", 51: "T"})
    containment = TableContainment(machine)
    containment.add(50)
    assert containment.kill(signal.SIGKILL) == 2


def test_what_forks_all_the_time_is_killed():
    def body() -> None:
        system.become_subreaper()
        containment = contained(False)
        # Each child leaves the session at once.
        pid, _ = start("echo $$; while :; do setsid sleep 1000 & done", 1)
        containment.add(pid)
        time.sleep(0.05)
        assert containment.kill(signal.SIGKILL) > 1
        os.waitpid(pid, 0)
        containment.discard(pid)
        reap_all()  # ends only if none is left: all orphans are ours

    in_child(body)
