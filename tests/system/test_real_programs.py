"""Programs of Debian, unchanged, started in each way that a service can start one."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from running import free_port

from tests.system.live import eventually, live_daemon, process_state


def needs(*programs: str) -> Any:
    """Skip a test whose programs are not installed."""
    missing = [program for program in programs if shutil.which(program) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")


def converse(path: Path, text: bytes, end: bool = True) -> bytes:
    """Send `text` to a Unix socket; what comes back until the end, or the first of it."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(10)
        sock.connect(str(path))
        sock.sendall(text)
        if not end:
            return sock.recv(4096)
        sock.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: sock.recv(4096), b""))


# inetd


def test_cat_as_an_inetd_service() -> None:
    configuration = """
    (register-services
     (list (service '(echo)
             #:start (make-inetd-constructor
                      '("/bin/cat")
                      (list (endpoint (make-socket-address AF_UNIX "@DIR@/echo"))))
             #:stop (make-inetd-destructor))))
    (start-service (lookup-service 'echo))
    """
    with live_daemon(configuration) as daemon:
        for text in (b"one\n", b"two\n" * 1000):
            assert converse(daemon.directory / "echo", text) == text


@needs("busybox")
def test_the_web_server_of_busybox_as_an_inetd_service() -> None:
    port = free_port()
    configuration = f"""
    (register-services
     (list (service '(web)
             #:start (make-inetd-constructor
                      '("busybox" "httpd" "-i" "-h" "@DIR@/www")
                      (list (endpoint (make-socket-address AF_INET INADDR_LOOPBACK {port}))))
             #:stop (make-inetd-destructor))))
    (start-service (lookup-service 'web))
    """
    with live_daemon(configuration) as daemon:
        (daemon.directory / "www").mkdir()
        (daemon.directory / "www/page.txt").write_text("hello\n")
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        for _ in range(3):
            with opener.open(f"http://127.0.0.1:{port}/page.txt", timeout=10) as answer:
                assert answer.read() == b"hello\n"
        daemon.wait_log("0 connections still in use")
        assert daemon.request("stop", "web").result
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))


# Sockets that are inherited


def greet_bus(path: Path) -> bytes:
    """Begin to authenticate, as every client of D-Bus does."""
    uid = str(os.getuid()).encode().hex().encode()
    return converse(path, b"\0AUTH EXTERNAL " + uid + b"\r\n", end=False)


@needs("dbus-daemon")
@pytest.mark.parametrize("lazy", [True, False])
def test_the_bus_takes_the_socket_that_it_is_given(lazy: bool) -> None:
    configuration = f"""
    (register-services
     (list (service '(bus)
             #:respawn? #t
             #:start (make-systemd-constructor
                      '("dbus-daemon" "--session" "--address=systemd:" "--nofork" "--nopidfile")
                      (list (endpoint (make-socket-address AF_UNIX "@DIR@/bus")))
                      #:lazy-start? {"#t" if lazy else "#f"})
             #:stop (make-systemd-destructor))))
    (start-service (lookup-service 'bus))
    """
    with live_daemon(configuration) as daemon:
        assert (daemon.main_pid("bus") is None) == lazy
        assert greet_bus(daemon.directory / "bus").startswith(b"OK ")
        first = daemon.main_pid("bus")
        assert first
        assert greet_bus(daemon.directory / "bus").startswith(b"OK ")
        assert daemon.main_pid("bus") == first
        # Nobody is refused while it is started again.
        os.kill(first, signal.SIGKILL)
        assert greet_bus(daemon.directory / "bus").startswith(b"OK ")
        assert daemon.main_pid("bus") != first


# Readiness


@needs("dbus-daemon")
def test_the_bus_says_when_it_is_ready() -> None:
    configuration = """
    (register-services
     (list (service '(bus)
             #:start (make-forkexec-constructor
                      '("dbus-daemon" "--session" "--address=unix:path=@DIR@/bus"
                        "--nofork" "--nopidfile")
                      #:notify 'sd)
             #:stop (make-kill-destructor))
           (service '(client) #:requirement '(bus)
             #:start (make-system-constructor "test -S @DIR@/bus"))))
    """
    with live_daemon(configuration) as daemon:
        # Without waiting: running means ready.
        assert daemon.request("start", "client").result
        assert greet_bus(daemon.directory / "bus").startswith(b"OK ")
        pid = daemon.main_pid("bus")
        assert pid
        os.kill(pid, signal.SIGHUP)
        daemon.wait_log("Service bus has reloaded.")
        # The next image of the daemon still listens to it.
        daemon.reexecute()
        assert daemon.main_pid("bus") == pid
        os.kill(pid, signal.SIGHUP)
        daemon.wait_log("Service bus has reloaded.", 2)
        assert daemon.request("stop", "bus").result


@needs("dbus-daemon")
def test_a_bus_that_cannot_begin_fails_its_start() -> None:
    configuration = """
    (register-services
     (list (service '(bus)
             #:start (make-forkexec-constructor
                      '("dbus-daemon" "--session" "--address=unix:path=/no/such/bus" "--nofork")
                      #:notify 'sd)
             #:stop (make-kill-destructor))))
    """
    with live_daemon(configuration) as daemon:
        reply = daemon.request("start", "bus")
        assert reply.messages == [
            "Service bus exited with 1 before it was ready.",
            "Service bus could not be started.",
        ]


@needs("systemd-notify")
@pytest.mark.parametrize("user", [None, "nobody"])
def test_systemd_notify_speaks_for_a_shell_script(user: str | None) -> None:
    if user is not None and os.geteuid() != 0:
        pytest.skip("only root can run programs of others")
    configuration = """
    (register-services
     (list (service '(script)
             #:start (make-forkexec-constructor
                      '("sh" "-c" "systemd-notify --status='warming up'
                                   sleep 0.3
                                   systemd-notify --ready --status=ready
                                   exec sleep 1000")
                      #:notify 'sd @USER@)
             #:stop (make-kill-destructor))))
    """.replace("@USER@", f'#:user "{user}"' if user else "")
    with live_daemon(configuration) as daemon:
        before = time.monotonic()
        assert daemon.request("start", "script").result
        assert time.monotonic() - before > 0.3
        shown = daemon.status("script")["recent-messages"]
        assert [line for _, line in shown] == ["ready", "warming up"]
        assert "is not part of it" not in daemon.log()


@needs("systemd-notify")
def test_a_script_that_falls_silent_is_started_again() -> None:
    configuration = """
    (register-services
     (list (service '(script)
             #:respawn? #t
             #:start (make-forkexec-constructor
                      '("sh" "-c" "systemd-notify --ready
                                   for i in 1 2 3 4; do
                                       sleep 0.1; systemd-notify WATCHDOG=1
                                   done
                                   echo tired; exec sleep 1000")
                      #:notify 'sd #:watchdog 0.4)
             #:stop (make-kill-destructor))))
    """
    with live_daemon(configuration) as daemon:
        assert daemon.request("start", "script").result
        first = daemon.main_pid("script")
        assert first
        daemon.wait_log("has been silent for 0.4 seconds; killing it.")
        assert "tired" in daemon.log()
        eventually(lambda: daemon.main_pid("script") not in (None, first), what="a respawn")
        assert process_state(first) is None


# Timers


def test_timers_follow_the_real_clock() -> None:
    configuration = """
    (use-modules (shepherd service timer))
    (register-services
     (list (service '(ticks)
             #:start (make-timer-constructor
                      (calendar-event #:seconds (iota 60))
                      (command '("sh" "-c" "date +%s.%N >>@DIR@/ticks")))
             #:stop (make-timer-destructor))))
    (start-service (lookup-service 'ticks))
    """
    with live_daemon(configuration) as daemon:
        ticks = daemon.directory / "ticks"
        eventually(lambda: ticks.exists() and ticks.read_text().count("\n") >= 3, what="ticks")
        times = [float(line) for line in ticks.read_text().split()][:3]
        seconds = [int(moment) for moment in times]
        assert seconds == [seconds[0] + n for n in range(3)]
        assert all(moment % 1 < 0.5 for moment in times)


@pytest.mark.slow
def test_a_line_of_a_cron_table_follows_the_real_clock() -> None:
    configuration = """
    (use-modules (shepherd service timer))
    (register-services
     (list (service '(minutely)
             #:start (make-timer-constructor
                      (cron-string->calendar-event "*/1 * * jan-dec mon-7")
                      (command '("sh" "-c" "date +%s.%N >>@DIR@/ticks")))
             #:stop (make-timer-destructor))))
    (start-service (lookup-service 'minutely))
    """
    with live_daemon(configuration) as daemon:
        ticks = daemon.directory / "ticks"
        eventually(lambda: ticks.exists() and ticks.read_text().endswith("\n"), 65, "a tick")
        assert float(ticks.read_text()) % 60 < 1


# Logs


@needs("logger")
def test_logger_writes_to_the_system_log() -> None:
    configuration = """
    (use-modules (shepherd service system-log))
    (register-services
     (list (system-log-service
             (list (endpoint (make-socket-address AF_UNIX "@DIR@/devlog") #:style SOCK_DGRAM))
             #:kernel-log-file #f
             #:message-destination
             (lambda (message)
               (list (if (<= (system-log-message-priority message) (system-log-priority error))
                         "@DIR@/errors" "@DIR@/messages"))))))
    (start-service (lookup-service 'system-log))
    """
    with live_daemon(configuration) as daemon:
        options = ["logger", "--socket", str(daemon.directory / "devlog"), "--socket-errors=on"]
        for words in (
            ["--tag", "tester", "-p", "daemon.notice", "plain text"],
            ["--rfc5424", "--tag", "tester", "-p", "user.info", "new header"],
            ["--tag", "tester", "-p", "daemon.err", "--id=42", "a failure"],
        ):
            subprocess.run([*options, *words], check=True, timeout=30)
        messages, errors = daemon.directory / "messages", daemon.directory / "errors"
        eventually(lambda: errors.exists() and errors.read_text(), what="the last message")
        lines = messages.read_text().splitlines()
        assert lines[0].endswith("tester: plain text")
        assert "tester" in lines[1]
        assert lines[1].endswith("new header")
        assert len(lines) == 2
        assert errors.read_text().endswith("tester[42]: a failure\n")


@pytest.mark.parametrize("method", ["gzip", "zstd"])
def test_compressors_read_back_what_rotation_wrote(method: str) -> None:
    """A service prints a million lines while its log is rotated."""
    if shutil.which(method) is None:
        pytest.skip(f"not installed: {method}")
    count = 1_000_000
    configuration = f"""
    (use-modules (shepherd service log-rotation))
    (register-services
     (list (service '(printer)
             #:start (make-forkexec-constructor
                      '("sh" "-c" "for i in 1 2 3 4; do
                                       test $i = 1 || read line <@DIR@/fifo
                                       seq $(( (i-1)*{count // 4}+1 )) $(( i*{count // 4} ))
                                   done; read line <@DIR@/fifo; echo end; exec sleep 1000")
                      #:log-file "@DIR@/printer.log")
             #:stop (make-kill-destructor))
           (log-rotation-service #:compression '{method} #:rotation-size-threshold 1)))
    (start-service (lookup-service 'log-rotation))
    """
    with live_daemon(configuration) as daemon:
        os.mkfifo(daemon.directory / "fifo")
        daemon.request("start", "printer")
        log = daemon.directory / "printer.log"
        suffix = {"gzip": ".gz", "zstd": ".zst"}[method]

        def copies() -> int:
            """How many there are; 0 while one is not complete."""
            names = [path.name for path in daemon.directory.glob("printer.log.*")]
            return len(names) if all(name.endswith(suffix) for name in names) else 0

        for number in range(1, 5):
            if number > 1:
                (daemon.directory / "fifo").write_text("go\n")
            eventually(lambda: log.stat().st_size > 1000, what="some lines")
            daemon.request("trigger", "log-rotation")
            names = {f"printer.log.{n}{suffix}" for n in range(1, number + 1)}
            eventually(
                lambda names=names: (
                    {p.name for p in daemon.directory.glob("printer.log.*")} == names
                ),
                what=f"{number} copies",
            )
        (daemon.directory / "fifo").write_text("go\n")
        eventually(lambda: log.read_text().endswith(" end\n"), what="the last line")
        files = [daemon.directory / f"printer.log.{n}{suffix}" for n in (4, 3, 2, 1)]
        for file in files:
            subprocess.run([method, "-t", "-q", file], check=True)
        unpacked = subprocess.run([method, "-dc", *files], check=True, capture_output=True)
        text = unpacked.stdout.decode() + log.read_text()
        numbers = [int(line[20:]) for line in text.splitlines() if line[20:].isdigit()]
        assert numbers == list(range(1, count + 1))
