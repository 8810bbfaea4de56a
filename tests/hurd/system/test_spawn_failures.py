"""Starting programs: each failure by its step, and nothing left behind."""

from __future__ import annotations

import errno
import os
import resource
import signal
import sys
import time
from pathlib import Path

import pytest
from spawning import (
    EASY,
    FORKED,
    PATH,
    both_ways,
    failure,
    in_child,
    needs_root,
    open_descriptors,
)

from hurd.system import SpawnError, SpawnSpec, system


@both_ways
@pytest.mark.parametrize(
    ("command", "code"),
    [
        (["/no/such/program"], errno.ENOENT),
        (["no-such-program"], errno.ENOENT),
        (["/etc/passwd"], errno.EACCES),
        (["/etc/passwd/x"], errno.ENOTDIR),
        (["/"], errno.EACCES),
        ([""], errno.ENOENT),
        ([], errno.EINVAL),
        (["true", "nul\0inside"], errno.EINVAL),
        (["true", "x" * (1 << 18)], errno.E2BIG),
    ],
)
def test_failed_exec_is_reported(way, command, code):
    error = failure(command, **way)
    assert (error.step, error.errno) == ("exec", code)
    if command:
        assert error.detail == command[0]


def test_message_says_what_and_why():
    assert str(failure(["/no/such/cmd"])) == (
        'exec of "/no/such/cmd" failed: No such file or directory'
    )
    assert str(failure(user="nosuchuser")).startswith('failed to change to user "nosuchuser": ')


@both_ways
def test_failed_chdir_is_reported_and_the_parent_stays(way, tmp_path):
    before = os.getcwd()
    for directory, code in (
        ("/no/such", errno.ENOENT),
        ("/etc/passwd", errno.ENOTDIR),
        ("nul\0", errno.EINVAL),
    ):
        error = failure(directory=directory, umask=0, **way)
        assert (error.step, error.errno, error.detail) == ("chdir", code, directory)
    assert os.getcwd() == before


@both_ways
def test_directory_and_umask_are_restored_when_exec_fails(way, tmp_path):
    before = os.getcwd(), os.umask(0o027)
    try:
        failure(["/no/such"], directory=str(tmp_path), umask=0o077, **way)
        assert os.getcwd() == before[0]
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(before[1])


def test_unknown_names_are_found_before_a_process_exists(monkeypatch):
    monkeypatch.setattr(os, "fork", lambda: pytest.fail("forked"))
    assert failure(user="nosuchuser").step == "user"
    assert failure(group="nosuchgroup").step == "group"
    assert failure(group=0, supplementary_groups=["nosuchgroup"]).detail == "nosuchgroup"
    assert failure(resource_limits=[("nosuch", 1, 1)]).step == "rlimit"


def test_limit_that_contradicts_itself_is_refused():
    error = failure(resource_limits=[("core", 0, 0), ("nofile", 20, 10)])
    assert (error.step, error.errno, error.detail) == ("rlimit", errno.EINVAL, "nofile")


@both_ways
def test_closed_descriptor_is_reported(way):
    error = failure(stdin=5000, **way)
    assert (error.step, error.errno) == ("descriptors", errno.EBADF)


def test_terminal_that_is_none_is_reported(tmp_path):
    with (tmp_path / "file").open("w") as file:
        error = failure(tty=file.fileno())
    assert (error.step, error.errno) == ("tty", errno.ENOTTY)


# Limits of the daemon itself


@both_ways
def test_no_descriptor_left_to_use(way):
    def body() -> None:
        # Other tests in this process may have left files open.
        limit = max(map(int, open_descriptors())) + 60
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
        held = []
        while True:
            try:
                held.append(os.open("/dev/null", os.O_RDONLY))
            except OSError:
                break
        for left in range(6):
            fields: dict = {"directory": "/tmp", **way}
            try:
                pid = system.spawn(SpawnSpec(["true"], [PATH], **fields))
            except SpawnError as e:
                assert (e.step, e.errno) == ("descriptors", errno.EMFILE), (left, e)
            else:
                assert left >= 2, left
                os.waitpid(pid, 0)
            # Exactly `left` descriptors are free again.
            free = []
            while True:
                try:
                    free.append(os.dup(0))
                except OSError:
                    break
            assert len(free) == left
            for fd in free:
                os.close(fd)
            os.close(held.pop())

    in_child(body)


@needs_root
@both_ways
def test_no_process_left_to_create(way):
    def body() -> None:
        os.setgroups([])
        os.setgid(54322)
        os.setuid(54322)  # nobody else runs as this user
        resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
        before = open_descriptors()
        error = failure(**way)
        assert (error.step, error.errno) == ("fork", errno.EAGAIN)
        assert len(open_descriptors()) == len(before)

    in_child(body)


@both_ways
def test_thousand_starts_and_failures_leave_no_descriptor(way):
    # The fork is slower, and nothing about it changes from the hundredth to the thousandth.
    count = 1000 if way is EASY else 150
    before = open_descriptors()
    for _ in range(count):
        os.waitpid(system.spawn(SpawnSpec(["/bin/true"], [], directory="/", **way)), 0)
        with pytest.raises(SpawnError):
            system.spawn(SpawnSpec(["/no/such"], [], directory="/", **way))
    assert open_descriptors() == before
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_open_descriptors_do_not_slow_a_start():
    """Nothing is closed one by one: as good as equal with 15,000 more open descriptors."""

    def best() -> float:
        times = []
        for _ in range(30):
            start = time.perf_counter()
            pid = system.spawn(SpawnSpec(["/bin/true"], []))
            times.append(time.perf_counter() - start)
            os.waitpid(pid, 0)
        return min(times)

    few = best()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 16000:
        pytest.skip("needs a limit of 16,000 descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (16000, hard))
    held = [os.open("/dev/null", os.O_RDONLY) for _ in range(15000)]
    try:
        many = best()
    finally:
        for fd in held:
            os.close(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    # Copying and dropping the table costs the kernel some 0.1 µs a descriptor, a call for each
    # would cost 0.3 µs and more in C, 1 µs in Python.
    assert many - few < 15000 * 0.3e-6


def test_signal_to_the_group_during_a_fork_does_not_run_our_handlers():
    """The child must not write to the wake-up descriptor it shares with the daemon."""

    def body() -> None:
        os.setsid()
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        os.set_blocking(reader, False)
        signal.signal(signal.SIGUSR1, lambda *_: None)
        signal.set_wakeup_fd(writer)
        killer = os.fork()
        if killer == 0:
            signal.signal(signal.SIGUSR1, signal.SIG_IGN)
            parent = os.getppid()
            for _ in range(2000):
                try:
                    os.killpg(parent, signal.SIGUSR1)
                except OSError:
                    break
            os._exit(0)
        seen = 0
        for _ in range(60):
            spec = SpawnSpec(["/bin/true"], [], create_session=False, **FORKED)
            status = os.waitpid(system.spawn(spec), 0)[1]
            # Killed by the default action, or through; never an exception of our handler.
            assert status in (0, signal.SIGUSR1)
            seen += 1
        os.kill(killer, signal.SIGKILL)
        os.waitpid(killer, 0)
        assert seen == 60

    in_child(body)


def test_inherited_descriptors_are_adopted():
    script = (
        "import os, sys; sys.path[:0] = [sys.argv[1]]\n"
        "from hurd.system import system, SpawnSpec\n"
        "assert os.get_inheritable(9)\n"
        "system.adopt_descriptors()\n"
        "assert not os.get_inheritable(9) and os.get_inheritable(2)\n"
    )
    root = str(Path(__file__).parents[3])
    shell = ["/bin/sh", "-c", 'exec 9</dev/null; exec "$0" "$@"']
    pid = system.spawn(SpawnSpec([*shell, sys.executable, "-I", "-c", script, root], [PATH]))
    assert os.waitpid(pid, 0)[1] == 0
