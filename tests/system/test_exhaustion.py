"""What runs out makes a request fail with its reason, and nothing else."""

from __future__ import annotations

import os
import re
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.system.disk import small_disk
from tests.system.live import (
    ROOT,
    LiveDaemon,
    Reply,
    children,
    command,
    eventually,
    live_daemon,
    main_pid,
    namespace_refusal,
)

_PROGRAM = """
(register-services (list
  (service '(there)
    #:start (make-forkexec-constructor '("sleep" "1000"))
    #:stop (make-kill-destructor))
  (service '(wanted)
    #:start (make-forkexec-constructor '("sleep" "1000"))
    #:stop (make-kill-destructor))
  (service '(careful)
    #:start (make-forkexec-constructor '("sleep" "1000") #:resource-limits '((nofile 64 64)))
    #:stop (make-kill-destructor))))
(start-in-the-background '(there))
"""


def _limit(daemon: LiveDaemon, which: int, soft: int) -> tuple[int, int]:
    old = resource.prlimit(daemon.pid, which)
    resource.prlimit(daemon.pid, which, (soft, old[1]))
    return old


def _refused(reply: Reply, reason: str) -> None:
    assert reply.result is False
    assert reason in f"{reply.messages} {reply.error}", reply


def _ordinary_user() -> int | None:
    """Root may exceed the limit of processes; another user may not."""
    return 64321 if os.geteuid() == 0 else None


# Nobody but the process itself may raise its limits, unless it has the privilege.
_SWITCH = """
import resource, signal
limits = resource.getrlimit(resource.RLIMIT_NPROC)
def limit(number, frame):
    soft = 1 if number == signal.SIGUSR1 else limits[0]
    resource.setrlimit(resource.RLIMIT_NPROC, (soft, limits[1]))
signal.signal(signal.SIGUSR1, limit)
signal.signal(signal.SIGUSR2, limit)
"""


def _limited(daemon: LiveDaemon, number: int) -> None:
    file = Path(f"/proc/{daemon.pid}/limits")
    before = file.read_text()
    os.kill(daemon.pid, number)
    eventually(lambda: file.read_text() != before, what="the limit has changed")


@pytest.mark.parametrize("service", ["wanted", "careful"])
def test_start_fails_when_no_process_can_be_created(service: str) -> None:
    with live_daemon(_PROGRAM, user=_ordinary_user(), hook=_SWITCH) as daemon:
        daemon.wait_status("there", "running")
        before = daemon.main_pid("there")
        _limited(daemon, signal.SIGUSR1)
        for _ in range(20):
            _refused(daemon.request("start", service), "Resource temporarily unavailable")
        assert daemon.alive()
        assert daemon.main_pid("there") == before
        _limited(daemon, signal.SIGUSR2)
        assert daemon.request("start", service).result
        assert daemon.status(service)["status"].name == "running"


def _open_files(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


@pytest.mark.parametrize("service", ["wanted", "careful"])
def test_start_fails_when_no_file_can_be_opened_and_clients_are_answered(service: str) -> None:
    with live_daemon(_PROGRAM) as daemon:
        daemon.wait_status("there", "running")
        before = daemon.main_pid("there")
        # At every distance from the limit: each step of a start is the one that fails.
        idle = _open_files(daemon.pid)
        highest = max(int(fd.name) for fd in Path(f"/proc/{daemon.pid}/fd").iterdir())
        old = resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE)
        refused = 0
        for limit in range(highest + 6, highest - 1, -1):
            resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (limit, old[1]))
            reply = daemon.request("start", service)
            if reply.result is False:
                refused += 1
                _refused(reply, "Too many open files")
            else:
                assert daemon.request("stop", service).error is False
            assert daemon.main_pid("there") == before
        assert refused >= 5
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, old)
        assert daemon.request("start", service).result
        assert daemon.request("stop", service).result
        eventually(lambda: _open_files(daemon.pid) == idle, what="no descriptor has leaked")


def test_clients_that_hold_every_descriptor_do_not_shut_others_out() -> None:
    with live_daemon(_PROGRAM) as daemon:
        daemon.wait_status("there", "running")
        highest = max(int(fd.name) for fd in Path(f"/proc/{daemon.pid}/fd").iterdir())
        _limit(daemon, resource.RLIMIT_NOFILE, highest + 20)
        silent = [daemon.connect() for _ in range(60)]
        assert daemon.alive()
        for client in silent:
            client.close()
        # Those that are waited for cannot be dropped: the reserve is for one more.
        daemon.request(
            "eval", "root",
            "(register-services (list (service '(slow) #:start (lambda () (sleep 1000) #t))))",
        )  # fmt: skip
        starting = []
        for _ in range(40):
            client = daemon.connect()
            client.sendall(command("start", "slow"))
            starting.append(client)
        assert daemon.alive()
        assert daemon.request("status", "there").result
        daemon.request("stop", "slow")
        for client in starting:
            client.close()
        eventually(daemon.alive)
        assert daemon.request("start", "wanted").result


def test_reexecution_works_at_the_limit_of_descriptors() -> None:
    with live_daemon(_PROGRAM) as daemon:
        daemon.wait_status("there", "running")
        before = daemon.main_pid("there")
        highest = max(int(fd.name) for fd in Path(f"/proc/{daemon.pid}/fd").iterdir())
        old = _limit(daemon, resource.RLIMIT_NOFILE, highest + 1)
        refused = daemon.request("reexec")
        if refused.error is not False:
            assert "Too many open files" in str(refused.error)
        assert daemon.main_pid("there") == before
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, old)
        daemon.reexecute()
        assert daemon.main_pid("there") == before


def test_command_that_needs_too_much_memory_fails_alone() -> None:
    with live_daemon(_PROGRAM) as daemon:
        daemon.wait_status("there", "running")
        before = daemon.main_pid("there")
        used = int(Path(f"/proc/{daemon.pid}/statm").read_text().split()[0]) * 4096
        _limit(daemon, resource.RLIMIT_AS, used + (24 << 20))
        for expression in (
            "(length (let loop ((l '())) (loop (cons (make-string 10000 #\\b) l))))",
            "(make-string 20000000 #\\a)",
            "(string-append (make-string 9000000 #\\a) (make-string 9000000 #\\b))",
        ):
            answer = daemon.exchange_quietly("eval", "root", expression)
            # It may be that there was no memory for the client either.
            assert not answer or Reply(answer).error is not False, expression
        assert daemon.alive()
        assert daemon.main_pid("there") == before
        # What was freed may be kept by the C library, and a new process needs some, too.
        _limit(daemon, resource.RLIMIT_AS, used + (64 << 20))
        assert daemon.request("start", "wanted").result


def test_the_stack_is_there_before_memory_runs_out() -> None:
    with live_daemon(_PROGRAM) as daemon:
        maps = Path(f"/proc/{daemon.pid}/maps").read_text()
    [(begin, end)] = re.findall(r"^([0-9a-f]+)-([0-9a-f]+) .*\[stack\]$", maps, re.MULTILINE)
    assert int(end, 16) - int(begin, 16) > 400 << 10


@pytest.mark.parametrize("limit", ["100", "700", "unlimited"])
def test_a_daemon_may_have_a_small_stack_only(limit: str) -> None:
    prefix = ["sh", "-c", f'ulimit -s {limit} && exec "$@"', "sh"]
    with live_daemon(_PROGRAM, prefix=prefix) as daemon:
        assert daemon.request("start", "wanted").result


_RESERVE = """
import resource, selectors
from pid1.mainloop import _RESERVE, Selector, _Rescue

def resident():
    with open("/proc/self/smaps_rollup") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Rss:"))

if {limited}:
    with open("/proc/self/statm") as file:
        used = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + _RESERVE // 2, -1))
before = resident()
rescue = _Rescue(None, Selector(), 0.0)
print(resident() - before < _RESERVE // 1024 // 2, len(rescue._reserve) == _RESERVE)
"""


@pytest.mark.parametrize("limited", [False, True])
def test_the_memory_kept_for_a_broken_loop_takes_none_and_need_not_be_there(limited: bool) -> None:
    script = _RESERVE.format(limited=limited)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert (done.stdout, done.stderr) == (f"True {not limited}\n", "")


_TALKATIVE = """
(register-services (list
  (service '(talker)
    #:start (make-forkexec-constructor
      '("sh" "-c"
        "i=0; while :; do echo line $i of many; i=$((i+1)); [ $((i%50)) != 0 ] || sleep 0.01; done")
      #:log-file "@DISK@/talker.log")
    #:stop (make-kill-destructor))))
(start-in-the-background '(talker))
"""


def _check_numbers(text: str) -> None:
    """Every number from 0 on is there, or counted as lost."""
    expected = 0
    lost = 0
    for line in text.splitlines():
        if "line(s) lost." in line:
            lost = int(line.split()[-3])
            continue
        if " line " not in line or not line.endswith(" of many"):
            # Cut off where the disk was full: counted as lost, too.
            continue
        number = int(line.split()[-3])
        assert number == expected + lost, line
        expected, lost = number + 1, 0


def test_full_disk_loses_lines_and_counts_them() -> None:
    with small_disk() as disk:
        ballast = disk / "ballast"
        with live_daemon(
            _TALKATIVE.replace("@DISK@", str(disk)), options=["-l", str(disk / "daemon.log")],
            ready=False,
        ) as daemon:  # fmt: skip
            daemon.log_file = disk / "daemon.log"
            daemon.wait_ready()
            log = disk / "talker.log"
            eventually(lambda: log.exists() and log.stat().st_size > 1000)
            with suppress_full(), open(ballast, "wb", buffering=0) as file:  # noqa: PTH123
                while True:
                    file.write(bytes(1000))
            before = daemon.main_pid("talker")

            def seen() -> int:
                return int(daemon.status("talker")["recent-messages"][0][-1].split()[1])

            full = seen()
            eventually(lambda: seen() > full + 3000, what="the service goes on printing")
            # The daemon's own log cannot be written either.
            for _ in range(100):
                assert daemon.request("eval", "root", "(+ 1 1)").result == [2]
            assert daemon.main_pid("talker") == before
            ballast.unlink()
            eventually(lambda: "line(s) lost." in log.read_text(), what="the loss is told")
            eventually(lambda: log.read_text().endswith(" of many\n"))
            _check_numbers(log.read_text())
            assert daemon.request("eval", "root", "(+ 1 1)").result == [2]
            daemon.wait_log("line(s) lost.")


class suppress_full:  # noqa: N801 - used like a function
    """Ends the block when the disk is full."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: object, trace: object) -> bool:
        return isinstance(error, OSError)


def test_log_file_on_a_file_system_that_became_read_only() -> None:
    with small_disk() as disk, live_daemon(_TALKATIVE.replace("@DISK@", str(disk))) as daemon:
        log = disk / "talker.log"
        eventually(lambda: log.exists() and log.stat().st_size > 1000)
        daemon.request("stop", "talker")
        done = subprocess.run(
            ["mount", "-o", "remount,ro", str(disk)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            pytest.skip(f"cannot remount: {done.stderr.strip()}")
        _refused(daemon.request("start", "talker"), "Read-only file system")
        assert daemon.alive()
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
        assert daemon.request("start", "talker").result


@pytest.mark.parametrize("namespace", [False, True])
def test_all_services_killed_at_once_come_back(namespace: bool) -> None:
    if namespace and namespace_refusal():
        pytest.skip(f"no PID namespace here: {namespace_refusal()}")
    configuration = """
(define (sleeper n)
  (service (list (string->symbol (string-append "s" (number->string n))))
    #:respawn? (not (= 0 (modulo n 10)))
    #:start (make-forkexec-constructor '("sleep" "1000"))
    #:stop (make-kill-destructor)))
(define all (map sleeper (iota 100)))
(register-services all)
(start-in-the-background (map service-canonical-name all))
"""
    with live_daemon(configuration, namespace=namespace) as daemon:
        daemon.wait_log("Successfully started 100 services")
        before = {name: main_pid(s) for name, s in daemon.all_services().items() if name != "root"}
        assert None not in before.values()
        for pid in children(daemon.pid):
            os.kill(pid, 9)

        def back() -> bool:
            found = daemon.all_services()
            return all(
                main_pid(found[name]) not in (None, before[name])
                if int(name[1:]) % 10
                else found[name]["enabled?"] is False
                for name in before
            )

        eventually(back, what="all that shall be respawned are back")
        found = daemon.all_services()
        assert all(found[name]["exit-statuses"][0][0] == 9 for name in before)
        assert len({main_pid(found[name]) for name in before}) == 91
        assert not daemon.zombies()
