"""PID 1 of a namespace never dies: orphans, signals, errors, a loop that breaks."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from tests.system.live import (
    LiveDaemon,
    children,
    command,
    eventually,
    live_daemon,
    namespace_refusal,
    process_state,
)

pytestmark = pytest.mark.skipif(
    namespace_refusal() is not None, reason=f"no PID namespace here: {namespace_refusal()}"
)

_SLEEPERS = """
(define (sleeper name)
  (service (list name)
    #:respawn? #t
    #:start (make-forkexec-constructor '("sleep" "1000"))
    #:stop (make-kill-destructor)))
(register-services (list (sleeper 'one) (sleeper 'two)
  (service '(three) #:requirement '(one)
    #:start (make-forkexec-constructor '("sleep" "1000"))
    #:stop (make-kill-destructor))))
(start-in-the-background '(one two three))
"""


def _pids(daemon: LiveDaemon) -> dict[str, int | None]:
    for name in ("one", "two", "three"):
        daemon.wait_status(name, "running")
    return {name: daemon.main_pid(name) for name in ("one", "two", "three")}


def _orphanage(directory: Path, count: int) -> str:
    # Each orphan is the child of a subshell that does not wait for it.
    return f"""
(register-services (list
  (service '(orphans) #:one-shot? #t
    #:start (make-system-constructor
      "i=0; while [ $i -lt {count} ]; do (: &) ; i=$((i+1)); done; echo > {directory}/done"))))
"""


def test_ten_thousand_orphans_are_reaped() -> None:
    with live_daemon(_SLEEPERS + _orphanage(Path("@DIR@"), 10_000), namespace=True) as daemon:
        before = _pids(daemon)
        slowest = 0.0
        with daemon.connect(120) as client:
            client.sendall(command("start", "orphans"))
            while not (daemon.directory / "done").exists():
                begin = time.monotonic()
                assert daemon.alive()
                slowest = max(slowest, time.monotonic() - begin)
        eventually(lambda: not daemon.zombies(), what="all zombies are gone")
        assert slowest < 1.0, slowest
        assert _pids(daemon) == before
        # Only the three services are left.
        eventually(lambda: len(children(daemon.pid)) == 3, what="no orphan is left")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_request_to_stop_stops_services_in_order_and_reboots(number: int) -> None:
    with live_daemon(_SLEEPERS, namespace=True) as daemon:
        _pids(daemon)
        os.kill(daemon.pid, number)
        # The kernel ends a namespace whose init calls reboot(RB_AUTOBOOT) with SIGHUP.
        assert daemon.wait_end() == -signal.SIGHUP
        log = daemon.log()
        assert log.index("Service three is now stopped") < log.index("Stopping service one...")
        assert "Service two is now stopped" in log
        assert log.rstrip().endswith("Rebooting...")


@pytest.mark.parametrize(
    ("action", "number"), [("halt", signal.SIGINT), ("power-off", signal.SIGINT)]
)
def test_halting_ends_the_namespace_as_a_halt(action: str, number: int) -> None:
    with live_daemon(_SLEEPERS, namespace=True) as daemon:
        _pids(daemon)
        daemon.exchange_quietly(action)
        assert daemon.wait_end() == -number


def test_exit_of_a_configuration_stops_services_first() -> None:
    with live_daemon(_SLEEPERS, namespace=True) as daemon:
        _pids(daemon)
        daemon.exchange_quietly("eval", "root", "(exit 3)")
        assert daemon.wait_end() == -signal.SIGHUP
        assert "Service one is now stopped" in daemon.log()


def test_stubborn_service_is_killed_at_the_deadline_and_named() -> None:
    configuration = """
(register-services (list
  (service '(stubborn)
    #:start (make-forkexec-constructor
      '("sh" "-c" "trap '' TERM; echo ready; while :; do sleep 0.05; done"))
    #:stop (make-kill-destructor #:grace-period 100000))
  (service '(hanging)
    #:start (lambda () #t)
    #:stop (lambda (value) (sleep 100000) #f))
  (service '(mild)
    #:start (make-forkexec-constructor '("sleep" "1000"))
    #:stop (make-kill-destructor))))
(start-in-the-background '(stubborn hanging mild))
"""
    with live_daemon(configuration, namespace=True, options=["--shutdown-deadline=0.5"]) as daemon:
        daemon.wait_log("ready")
        daemon.wait_status("hanging", "running")
        daemon.wait_status("mild", "running")
        begin = time.monotonic()
        os.kill(daemon.pid, signal.SIGTERM)
        assert daemon.wait_end() == -signal.SIGHUP
        assert 0.5 <= time.monotonic() - begin < 10
        log = daemon.log()
        assert "Service stubborn did not stop in time; killing it." in log
        assert "Service hanging did not stop in time; killing it." in log
        assert "Service mild did not stop in time" not in log


@pytest.mark.unmeasured  # measuring takes one of the signals
def test_no_other_signal_ends_it() -> None:
    spared = {signal.SIGKILL, signal.SIGSTOP, *(signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    # From the namespace outside, as an administrator of the machine would send them.
    others = sorted(signal.valid_signals() - spared)
    with live_daemon(_SLEEPERS, namespace=True) as daemon:
        before = _pids(daemon)
        for _ in range(50):
            for number in others:
                os.kill(daemon.pid, number)
        assert daemon.alive()
        assert _pids(daemon) == before
        for number in others:
            inside = daemon.request("eval", "root", f"(kill 1 {int(number)})")
            assert inside.error is False
        assert daemon.alive()
        assert _pids(daemon) == before


_FAULTY = """
import asyncio
from pid1 import daemon as module

class Faulty(module.Daemon):
    async def _begin(self, ready):
        await super()._begin(ready)
        self.loop.call_soon(self._callback)
        self.supervisor.spawn_task(self._task(), name="the faulty task")
        self.loop.create_task(self._task())

    def _callback(self):
        raise ZeroDivisionError("a callback went wrong")

    async def _task(self):
        raise LookupError("a task went wrong")

module.Daemon = Faulty
"""


def test_unexpected_errors_are_logged_and_survived() -> None:
    with live_daemon(_SLEEPERS, namespace=True, hook=_FAULTY) as daemon:
        before = _pids(daemon)
        daemon.wait_log("ZeroDivisionError: a callback went wrong")
        daemon.wait_log("the faulty task: LookupError: a task went wrong")
        assert daemon.alive()
        assert _pids(daemon) == before


# Breaks the loop once, on SIGUSR2: in the image that was started first only.
_BREAKING = """
import os, signal
from pid1 import mainloop, daemon as module

first = "DROVER_REEXEC_FD" not in os.environ

class Breaking(mainloop.Selector):
    broken = False

    def select(self, timeout=None):
        if Breaking.broken:
            {effect}
        return super().select(timeout)

def break_it(number, frame):
    Breaking.broken = True

class Daemon(module.Daemon):
    def install_signal_handlers(self):
        super().install_signal_handlers()
        if first or {always}:
            signal.signal(signal.SIGUSR2, break_it)

mainloop.Selector = Breaking
module.Daemon = Daemon
"""


@pytest.mark.parametrize("namespace", [True, False])
def test_broken_loop_is_replaced_with_the_same_processes(namespace: bool) -> None:
    hook = _BREAKING.format(effect="raise OSError(9, 'the selector broke')", always=False)
    with live_daemon(_SLEEPERS, namespace=namespace, hook=hook) as daemon:
        before = _pids(daemon)
        process = daemon.pid
        os.kill(process, signal.SIGUSR2)
        daemon.wait_log("The event loop broke: OSError: [Errno 9] the selector broke")
        daemon.wait_log("Took over 3 services")
        assert _pids(daemon) == before
        assert daemon.pid == process
        # And they are supervised: one that ends comes back.
        os.kill(_outside(daemon, "one"), signal.SIGKILL)
        eventually(lambda: daemon.main_pid("one") not in (None, before["one"]), what="respawn")
        assert not daemon.zombies()


# What is asked of the loop from a signal's handler fails {times} times, as without memory for it.
_DEAF_LOOP = """
import os
from pid1 import daemon as module

left = {times}

class Daemon(module.Daemon):
    def install_signal_handlers(self):
        super().install_signal_handlers()
        ask = self.loop.call_soon_threadsafe

        def fail(*arguments, **options):
            global left
            left -= 1
            if left >= 0:
                os.write(2, b"refused")
                raise MemoryError
            return ask(*arguments, **options)

        self.loop.call_soon_threadsafe = fail

module.Daemon = Daemon
"""


def test_who_asks_once_more_for_the_end_gets_it() -> None:
    with live_daemon("", hook=_DEAF_LOOP.format(times=1)) as daemon:
        os.kill(daemon.pid, signal.SIGTERM)
        eventually(lambda: (daemon.directory / "stderr").read_text() == "refused")
        os.kill(daemon.pid, signal.SIGTERM)
        assert daemon.wait_end(10) == 0


def test_signals_only_take_a_note() -> None:
    with live_daemon(_SLEEPERS, hook=_DEAF_LOOP.format(times=1_000)) as daemon:
        before = _pids(daemon)
        os.kill(_outside(daemon, "one"), signal.SIGKILL)
        eventually(lambda: daemon.main_pid("one") not in (None, before["one"]), what="respawn")
        # What stops it is noted, and seen to with the next end of a child.
        os.kill(daemon.pid, signal.SIGTERM)
        os.kill(_outside(daemon, "two"), signal.SIGKILL)
        assert daemon.wait_end(10) == 0


# A stand-in for memory that has run out: the interpreter, too, may end where there is really none.
_NO_MEMORY = """
import time

class NoMemory:
    monotonic = time.monotonic
    missing = 3

    @staticmethod
    def sleep(seconds):
        NoMemory.missing -= 1
        if NoMemory.missing >= 0:
            Breaking.broken = True
            raise MemoryError

def fail(daemon):
    Breaking.broken = True
    raise MemoryError

mainloop.time = NoMemory
mainloop._re_execute = fail
"""


def test_loop_for_which_there_is_no_memory_and_none_to_mend_it() -> None:
    effect = "Breaking.broken = False; raise MemoryError"
    hook = _BREAKING.format(effect=effect, always=False) + _NO_MEMORY
    with live_daemon(_SLEEPERS, hook=hook) as daemon:
        before = _pids(daemon)
        os.kill(daemon.pid, signal.SIGUSR2)
        eventually(
            lambda: daemon.log().count("The event loop broke: MemoryError") > 1, what="break"
        )
        assert _pids(daemon) == before
        os.kill(_outside(daemon, "one"), signal.SIGKILL)
        eventually(lambda: daemon.main_pid("one") not in (None, before["one"]), what="respawn")


# A stand-in for a kernel that has no memory for a selector, or for what one watches, for a while.
_NO_SELECTOR = """
import errno, select

class Refusing:
    missing = 3

    def __new__(cls):
        cls.missing -= 1
        if cls.missing >= 0:
            raise OSError(errno.ENFILE, "no selector")
        return super().__new__(cls)

    def __init__(self):
        self._epoll = select.epoll()

    def __getattr__(self, name):
        return getattr(self._epoll, name)

    def register(self, *arguments):
        Refusing.missing -= 1
        if Refusing.missing in (-3, -6, -7):
            raise OSError(errno.ENOMEM, "no watch")
        self._epoll.register(*arguments)

def stay(daemon):
    Breaking._selector_cls = Refusing

mainloop._re_execute = stay
"""


def test_loop_hears_of_all_again_though_there_was_no_selector_for_a_while() -> None:
    effect = "Breaking.broken = False; raise OSError(9, 'the selector broke')"
    hook = _BREAKING.format(effect=effect, always=False) + _NO_SELECTOR
    with live_daemon(_SLEEPERS, hook=hook) as daemon:
        before = _pids(daemon)
        os.kill(daemon.pid, signal.SIGUSR2)
        for reason in ("the selector broke", "no selector", "no watch"):
            daemon.wait_log(reason)
        assert _pids(daemon) == before
        os.kill(_outside(daemon, "one"), signal.SIGKILL)
        eventually(lambda: daemon.main_pid("one") not in (None, before["one"]), what="respawn")


def test_loop_that_breaks_while_the_configuration_is_evaluated() -> None:
    configuration = """
(define (sleeper name)
  (service (list name)
    #:start (make-forkexec-constructor '("sleep" "1000")) #:stop (make-kill-destructor)))
(register-services (list (sleeper 'first) (sleeper 'second) (sleeper 'third)))
(start-service (lookup-service 'first))
(let loop () (unless (file-exists? "@DIR@/go") (sleep 0.02) (loop)))
(start-service (lookup-service 'second))
(register-services (list (sleeper 'fourth)))
(start-in-the-background '(fourth))
"""
    hook = _BREAKING.format(effect="raise OSError(9, 'the selector broke')", always=False)
    with live_daemon(configuration, hook=hook, ready=False) as daemon:
        eventually(daemon.socket.exists)
        first = daemon.wait_status("first", "running") and daemon.main_pid("first")
        daemon.request("stop", "third")
        os.kill(daemon.pid, signal.SIGUSR2)
        daemon.wait_log("again after re-execution")
        (daemon.directory / "go").touch()
        daemon.wait_log("Took over")
        daemon.wait_status("second", "running")
        daemon.wait_status("fourth", "running")
        assert daemon.main_pid("first") == first
        assert daemon.status("third")["status"].name == "stopped"


def _outside(daemon: LiveDaemon, service: str) -> int:
    """The number, outside of the namespace, of a service's main process."""
    wanted = daemon.main_pid(service)
    for pid in children(daemon.pid):
        numbers = Path(f"/proc/{pid}/status").read_text().split("NSpid:")[1].splitlines()[0].split()
        if int(numbers[-1]) == wanted:
            return pid
    raise AssertionError(f"{service} has no process")


@pytest.mark.parametrize("namespace", [True, False])
def test_where_reexecution_fails_too_the_loop_goes_on(namespace: bool) -> None:
    # The selector is dead for good, until it is made anew; and execve is refused.
    effect = "Breaking.broken = False; self._selector.close()"
    hook = (
        _BREAKING.format(effect=effect, always=True)
        + """
def refuse(*arguments):
    raise OSError(12, "no memory for that")
os.execve = refuse
"""
    )
    with live_daemon(_SLEEPERS, namespace=namespace, hook=hook) as daemon:
        before = _pids(daemon)
        for times in range(1, 4):
            os.kill(daemon.pid, signal.SIGUSR2)
            daemon.wait_log("Going on in the same process.", times)
            assert _pids(daemon) == before
        assert "Cannot re-execute: [Errno 12] no memory for that" in daemon.log()
        victim = _outside(daemon, "two")
        os.kill(victim, signal.SIGKILL)
        eventually(lambda: daemon.main_pid("two") not in (None, before["two"]), what="respawn")
        assert process_state(victim) is None
        os.kill(daemon.pid, signal.SIGTERM)
        assert daemon.wait_end() == (-signal.SIGHUP if namespace else 0)


def test_children_that_end_while_the_loop_does_not_run_are_seen_to_when_it_does() -> None:
    effect = """
            Breaking.broken = False
            import time
            with open(f"/proc/self/task/{os.getpid()}/children") as file:
                for pid in file.read().split():
                    os.kill(int(pid), 9)
            time.sleep(0.1)
            raise OSError(9, "the selector broke")
"""
    refusal = "\ndef refuse(*arguments):\n    raise OSError(12, 'no memory')\nos.execve = refuse\n"
    hook = _BREAKING.format(effect=effect.strip(), always=True) + refusal
    with live_daemon(_SLEEPERS, namespace=True, hook=hook) as daemon:
        before = _pids(daemon)
        os.kill(daemon.pid, signal.SIGUSR2)
        daemon.wait_log("Going on in the same process.")
        for name in ("one", "two"):
            eventually(lambda name=name: daemon.main_pid(name) not in (None, before[name]))
        assert daemon.status("three")["enabled?"] is False
        assert not daemon.zombies()
        assert "Unexpected error" not in daemon.log()


_ELSEWHERE = """
import sys
place = sys.argv.index("-s") + 1
sys.argv[place] = sys.argv[place] + ".d/socket"
"""


def test_a_control_socket_that_cannot_be_opened_yet_is_opened_later() -> None:
    with live_daemon(_SLEEPERS, namespace=True, hook=_ELSEWHERE, ready=False) as daemon:
        directory = daemon.directory / "socket.d"
        daemon.wait_log("Cannot open the control socket: cannot access directory of socket")
        daemon.wait_log("Service three has been started")
        directory.mkdir(0o700)
        daemon.wait_log(f"Listening on '{directory}/socket'.")
        os.symlink(directory / "socket", daemon.directory / "socket")
        assert set(daemon.all_services()) == {"root", "one", "two", "three"}
