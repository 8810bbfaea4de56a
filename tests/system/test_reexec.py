"""`herd reexec root`: a fresh image of the daemon goes on where the old one was."""

from __future__ import annotations

import os
import socket
import threading
import time

import pytest

from pid1.sexp import Symbol
from tests.system.live import (
    LiveDaemon,
    Reply,
    children,
    command,
    eventually,
    live_daemon,
    main_pid,
    namespace_refusal,
    process_state,
    receive,
)
from tests.system.reexecution import KINDS, UP, comparable, set_up


@pytest.mark.parametrize("namespace", [True, False])
def test_every_kind_of_service_is_as_it_was(namespace: bool) -> None:
    if namespace and namespace_refusal():
        pytest.skip(f"no PID namespace here: {namespace_refusal()}")
    with live_daemon(KINDS, namespace=namespace) as daemon:
        set_up(daemon)
        before = comparable(daemon.all_services())
        assert {name for name in before if before[name]["status"].name == "running"} == {
            "root", *UP,
        }  # fmt: skip
        for _ in range(3):
            daemon.reexecute()
            assert comparable(daemon.all_services()) == before
        for name in ("plain", "needs-plain", "respawned", "forked", "once"):
            assert (daemon.directory / f"starts-{name}").read_text() == "\n", name
        # And they are services still: they end, are stopped, come back, go away.
        old = daemon.main_pid("respawned")
        daemon.request("eval", "root", f"(kill {old} SIGKILL)")
        eventually(lambda: daemon.main_pid("respawned") not in (None, old), what="respawn")
        stopped = daemon.request("stop", "plain").result
        assert [name.name for name in stopped] == ["plain", "needs-plain"]
        assert daemon.request("start", "needs-plain").result
        daemon.request("stop", "passing")
        assert "passing" not in daemon.all_services()
        assert daemon.request("stop", "forked").error is False
        assert not daemon.zombies()
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(daemon.directory / "listening"))
            client.sendall(b"there you are")
            client.shutdown(socket.SHUT_WR)
            assert receive(client) == b"there you are"
        assert daemon.request("stop", "listening").error is False


def test_output_goes_on_without_a_gap() -> None:
    with live_daemon(KINDS) as daemon:
        set_up(daemon)
        log = daemon.directory / "talker.log"
        for _ in range(3):
            eventually(lambda: log.stat().st_size > 200)
            daemon.reexecute()
        size = log.stat().st_size
        eventually(lambda: log.stat().st_size > size + 200)
        numbers = [int(line.split()[-1]) for line in log.read_text().splitlines()]
        assert numbers == list(range(len(numbers)))
        assert daemon.status("talker")["log-files"] == [str(log)]


_EXITING = """
(define (exiting n)
  (service (list (string->symbol (format #f "e~a" n)))
    #:start (make-forkexec-constructor
      (list "sh" "-c" (format #f "while [ ! -e @DIR@/go ]; do sleep 0.02; done
                                  exec 0<&- 1>&- 2>&-; sleep 0.0~a; exit ~a" (modulo n 10) n)))
    #:stop (make-kill-destructor)))
(define all (map exiting (iota 60 1)))
(register-services all)
(start-in-the-background (map service-canonical-name all))
"""


@pytest.mark.parametrize("namespace", [True, False])
def test_no_exit_status_is_lost(namespace: bool) -> None:
    if namespace and namespace_refusal():
        pytest.skip(f"no PID namespace here: {namespace_refusal()}")
    with live_daemon(_EXITING, namespace=namespace) as daemon:
        daemon.wait_log("Successfully started 60 services")
        # All of them end while the images change.
        with daemon.connect() as client:
            client.sendall(command("reexec"))
            (daemon.directory / "go").touch()
            assert Reply(receive(client)).result
        daemon.wait_log("Took over")
        daemon.wait_log("has been disabled", 60)
        found = daemon.all_services()
        for number in range(1, 61):
            statuses = [entry[0] for entry in found[f"e{number}"]["exit-statuses"]]
            assert statuses == [number << 8], number
        assert not daemon.zombies()


_RESPAWNING = """
(define (sleeper n)
  (service (list (string->symbol (format #f "r~a" n)))
    #:respawn? #t #:respawn-delay (if (even? n) 0.2 0)
    #:start (make-forkexec-constructor
      (list "sh" "-c" (format #f "echo >>@DIR@/r~a; exec sleep 1000" n)))
    #:stop (make-kill-destructor)))
(define all (map sleeper (iota 40)))
(register-services all)
(start-in-the-background (map service-canonical-name all))
"""


def test_services_killed_meanwhile_are_respawned_once() -> None:
    with live_daemon(_RESPAWNING) as daemon:
        daemon.wait_log("Successfully started 40 services")
        before = {name: main_pid(found) for name, found in daemon.all_services().items()}
        victims = [pid for name, pid in before.items() if name != "root" and pid is not None]
        with daemon.connect() as client:
            client.sendall(command("reexec"))
            for pid in victims:
                os.kill(pid, 9)
                time.sleep(0.004)  # spread over the change of images
            assert Reply(receive(client)).result
        daemon.wait_log("Took over")
        eventually(
            lambda: all(
                main_pid(found) not in (None, before[name])
                for name, found in daemon.all_services().items()
                if name != "root"
            ),
            what="all are back",
        )
        found = daemon.all_services()
        for number in range(40):
            assert (daemon.directory / f"r{number}").read_text() == "\n\n"
            assert [entry[0] for entry in found[f"r{number}"]["exit-statuses"]] == [9]
        assert len(children(daemon.pid)) == 40


_LISTENING = """
(use-modules (shepherd service system-log))
(define (at name) (list (endpoint (make-socket-address AF_UNIX (string-append "@DIR@/" name)))))
(define (program name) (list "sh" "-c" (string-append "echo >>@DIR@/began-" name "; sleep 1000")))
(register-services (list
  (service '(lazy)
    #:start (make-systemd-constructor (program "lazy") (at "lazy"))
    #:stop (make-systemd-destructor))
  (service '(eager)
    #:start (make-systemd-constructor (program "eager") (at "eager") #:lazy-start? #f)
    #:stop (make-systemd-destructor))
  (service '(connected)
    #:start (make-inetd-constructor '("cat") (at "connected"))
    #:stop (make-inetd-destructor))
  (system-log-service
    (list (endpoint (make-socket-address AF_UNIX "@DIR@/log-socket") #:style SOCK_DGRAM))
    #:message-destination (lambda (message) (list "@DIR@/messages"))
    #:kernel-log-file #f)))
(start-in-the-background '(lazy eager connected system-log))
"""


def test_what_listens_goes_on_listening() -> None:
    with live_daemon(_LISTENING) as daemon:
        daemon.wait_log("Successfully started 4 services")
        eager = daemon.main_pid("eager")
        # A connection in use, a message before and one after, and one that nobody reads.
        with (
            socket.socket(socket.AF_UNIX) as used,
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log,
        ):
            used.connect(str(daemon.directory / "connected"))
            used.sendall(b"one ")
            assert used.recv(10) == b"one "
            log.connect(str(daemon.directory / "log-socket"))
            log.send(b"<13>first")
            for _ in range(2):
                daemon.reexecute()
            log.send(b"<13>second")
            used.sendall(b"two")
            used.shutdown(socket.SHUT_WR)
            assert receive(used) == b"two"
        messages = daemon.directory / "messages"
        eventually(lambda: "second" in messages.read_text())
        assert messages.read_text().index("first") < messages.read_text().index("second")
        assert daemon.main_pid("eager") == eager
        assert daemon.main_pid("lazy") is None
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(daemon.directory / "lazy"))
            began = daemon.directory / "began-lazy"
            eventually(
                lambda: daemon.main_pid("lazy") and began.exists() and began.read_text(),
                what="it is started",
            )
        for service in ("lazy", "eager", "connected", "system-log"):
            assert daemon.request("stop", service).error is False
        for name in ("lazy", "eager"):
            assert (daemon.directory / f"began-{name}").read_text() == "\n"
        eventually(lambda: not children(daemon.pid))


class _Client(threading.Thread):
    """Starts, stops, restarts and looks at one service, over and over."""

    def __init__(self, daemon: LiveDaemon, service: str) -> None:
        super().__init__()
        self.daemon_process = daemon
        self.service = service
        self.end = threading.Event()
        self.unanswered: list[str] = []
        self.replies = 0

    def run(self) -> None:
        while not self.end.is_set():
            for action in ("start", "status", "restart", "stop", "status"):
                with self.daemon_process.connect() as client:
                    client.sendall(command(action, self.service))
                    answer = receive(client)
                if not answer or Reply(answer).error is not False:
                    self.unanswered.append(f"{action} {self.service}: {answer!r}")
                self.replies += 1


def _let_work(clients: list[_Client]) -> None:
    """Wait until each has carried out a few more commands."""
    goals = [(client, client.replies + 5) for client in clients]
    eventually(lambda: all(client.replies >= goal for client, goal in goals))


def test_every_client_is_answered_under_load() -> None:
    with live_daemon(KINDS) as daemon:
        set_up(daemon)
        before = comparable(daemon.all_services())
        clients = [_Client(daemon, f"c{number}") for number in range(6)]
        for client in clients:
            client.start()
        try:
            for _ in range(4):
                _let_work(clients)
                daemon.reexecute()
        finally:
            for client in clients:
                client.end.set()
            for client in clients:
                client.join(60)
        assert not [line for client in clients for line in client.unanswered]
        assert comparable(daemon.all_services()) == before
        for number in range(6):
            daemon.request("stop", f"c{number}")
        # Nothing was started twice and forgotten.
        expected = {main_pid(found) for found in daemon.all_services().values()} - {
            None,
            daemon.pid,
        }
        eventually(lambda: set(children(daemon.pid)) == expected, what="only known children")


def test_only_what_still_counts_is_evaluated_again() -> None:
    with live_daemon(KINDS) as daemon:
        evaluated = daemon.directory / "evaluated"

        def register(mark: str, name: str, requirement: str = "") -> Reply:
            return daemon.request(
                "eval", "root",
                f'(begin (system "echo {mark} >>{evaluated}") (register-services (list '
                f"(service '({name}) #:requirement '({requirement}) "
                f'#:documentation "{mark}" #:start (const #t) #:stop (const #f)))))',
            )  # fmt: skip

        for number in range(20):
            assert register(f"first-{number}", "first").error is False
            if number == 10:
                assert daemon.request("start", "first").result
        assert register("second", "second", "first").error is False
        # Refused, so the one before it is still wanted.
        assert register("circular", "first", "second").error is not False
        assert register("gone", "gone").error is False
        daemon.request("unload", "root", "gone")
        evaluated.unlink()
        daemon.reexecute()
        assert evaluated.read_text().split() == ["first-19", "second"]
        assert daemon.request("restart", "first").result
        assert "first-19" in str(daemon.request("doc", "first"))


def test_a_replacement_of_another_kind_is_started_in_place_of_what_it_cannot_stop() -> None:
    with live_daemon(KINDS) as daemon:
        set_up(daemon)
        program = daemon.main_pid("plain")
        sleeper = (
            '#:start (make-forkexec-constructor \'("sleep" "1000")) #:stop (make-kill-destructor)'
        )
        for name, keys in (
            ("plain", "#:start (const 'up) #:stop (const #f)"),
            ("value", sleeper),
            ("listening", sleeper),
            ("respawned", sleeper),
            ("talker", '#:start (lambda () (error "not today"))'),
        ):
            text = f"(register-services (list (service '({name}) {keys})))"
            assert daemon.request("eval", "root", text).error is False
        kept = daemon.main_pid("respawned")
        daemon.reexecute()
        for name in ("value", "listening"):
            eventually(lambda name=name: daemon.main_pid(name), what=f"{name} runs")
        eventually(lambda: daemon.status("plain")["running"] == Symbol("up"))
        assert process_state(program or 0) is None
        with socket.socket(socket.AF_UNIX) as client, pytest.raises(ConnectionRefusedError):
            client.connect(str(daemon.directory / "listening"))
        daemon.wait_log("Exception caught while starting talker")
        assert "Unexpected error" not in daemon.log()
        # It may go on: the replacement knows how to stop it.
        assert daemon.main_pid("respawned") == kept
        assert "could not be carried over" not in daemon.log()
        assert "cannot take" not in daemon.log()
