"""From the command line to the exit: options, files, states of services, the end."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from tests.system.live import (
    LiveDaemon,
    Reply,
    command,
    eventually,
    import_path,
    live_daemon,
    namespace_refusal,
    process_state,
    receive,
)

_STATES = """
(register-services (list
  (service '(idle) #:start (const #t) #:stop (const #f))
  (service '(up)
    #:start (make-forkexec-constructor '("sleep" "1000")) #:stop (make-kill-destructor))
  (service '(up-too) #:requirement '(up)
    #:start (make-forkexec-constructor '("sleep" "1000")) #:stop (make-kill-destructor))
  (service '(starting) #:start (lambda () (sleep 1000) #t) #:stop (const #f))
  (service '(computing) #:start (lambda () (let loop () (loop))) #:stop (const #f))
  (service '(waiting) #:start (lambda () (system* "sleep" "1000")) #:stop (const #f))
  (service '(stopping)
    #:start (make-forkexec-constructor
      '("sh" "-c" "trap '' TERM; echo ready; while :; do sleep 0.05; done"))
    #:stop (make-kill-destructor #:grace-period 0.5))
  (service '(once) #:one-shot? #t #:start (const #t))
  (service '(broken) #:start (const #t) #:stop (lambda (value) (error "no way")))
  (service '(gone) #:respawn? #f
    #:start (make-forkexec-constructor '("false")) #:stop (make-kill-destructor))))
(start-in-the-background '(up-too stopping once broken gone))
"""


def _stop(daemon: LiveDaemon, service: str) -> list[str]:
    reply = daemon.request("stop", service)
    assert reply.error is False, reply
    return [name.name for name in reply.result]


def test_stop_in_every_state() -> None:
    with live_daemon(_STATES) as daemon:
        daemon.wait_log("ready")
        daemon.wait_log("Service gone has been disabled.")
        assert _stop(daemon, "idle") == []
        assert _stop(daemon, "once") == []
        assert _stop(daemon, "gone") == []
        for service in ("starting", "computing", "waiting"):
            with daemon.connect() as client:
                client.sendall(command("start", service))
                daemon.wait_status(service, "starting")
                assert _stop(daemon, service) == [service]
                assert Reply(receive(client)).result is False
            assert daemon.status(service)["status"].name == "stopped"
        # Two stop at once; both wait for the end.
        results: list[list[str]] = []
        threads = [
            threading.Thread(target=lambda: results.append(_stop(daemon, "stopping")))
            for _ in range(2)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert results == [["stopping"]] * 2
        assert daemon.status("stopping")["status"].name == "stopped"
        assert "no way" in str(daemon.request("stop", "broken").error)
        assert daemon.status("broken")["status"].name == "stopped"
        assert daemon.request("disable", "up").error is False
        assert _stop(daemon, "up") == ["up", "up-too"]
        assert _stop(daemon, "up") == []
        assert daemon.alive()
        assert daemon.process.poll() is None


def test_stop_of_root_while_services_are_in_every_state() -> None:
    with live_daemon(_STATES, options=["--shutdown-deadline=5"]) as daemon:
        daemon.wait_log("ready")
        clients = [daemon.connect() for _ in range(3)]
        for client, service in zip(clients, ("starting", "computing", "waiting"), strict=True):
            client.sendall(command("start", service))
            daemon.wait_status(service, "starting")
        daemon.exchange_quietly("stop", "root")
        assert daemon.wait_end() == 0
        assert "did not stop in time" not in daemon.log()
        for client in clients:
            client.close()


def _user() -> int | None:
    return 64321 if os.geteuid() == 0 else None


@pytest.mark.parametrize(
    ("action", "constant", "message"),
    [("power-off", "RB_POWER_OFF", "Shutting down..."), ("halt", "RB_HALT_SYSTEM", "Halting...")],
)
def test_refused_halt_leaves_a_working_daemon(action: str, constant: str, message: str) -> None:
    with live_daemon(_STATES, user=_user()) as daemon:
        daemon.wait_log("ready")
        reply = daemon.request(action)
        assert [reply.messages[0], reply.messages[-1]] == ["Exiting shepherd...", message]
        assert "Operation not permitted" in str(reply.error)
        assert constant in str(reply.error)
        assert daemon.alive()
        assert daemon.request("start", "up").result
        os.kill(daemon.pid, signal.SIGTERM)
        assert daemon.wait_end() == 0


def test_deleted_socket_stops_the_daemon() -> None:
    with live_daemon(_STATES) as daemon:
        daemon.wait_log("ready")
        daemon.socket.unlink()
        assert daemon.wait_end() == 0
        log = daemon.log()
        assert f"Socket '{daemon.socket}' deleted; stopping." in log
        assert "Service up is now stopped." in log


def test_deleted_socket_is_opened_again_by_pid_1() -> None:
    if namespace_refusal():
        pytest.skip(f"no PID namespace here: {namespace_refusal()}")
    with live_daemon(_STATES, namespace=True) as daemon:
        daemon.wait_log("ready")
        for times in (1, 2, 3):
            daemon.socket.unlink()
            daemon.wait_log("deleted; opening a new one.", times)
            eventually(daemon.socket.exists)
            assert daemon.alive()
        assert daemon.request("stop", "up").result


def test_second_daemon_on_the_same_socket_is_refused() -> None:
    with live_daemon("") as daemon:
        program = [sys.executable, "-I", "-S", str(daemon.directory / "shepherd"), "-I"]
        second = subprocess.run(
            [*program, "-s", str(daemon.socket), "-c", "/dev/null", "-l", "/dev/null"],
            capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
        assert second.returncode == 1
        message = f"shepherd: error: shepherd instance already listening on '{daemon.socket}'\n"
        assert second.stderr == message
        assert daemon.alive()


def test_files_are_removed_at_the_end() -> None:
    with live_daemon("", options=["--pid=pid"]) as daemon:
        file = daemon.directory / "pid"
        assert file.read_text() == str(daemon.pid)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        os.kill(daemon.pid, signal.SIGTERM)
        assert daemon.wait_end() == 0
        assert not file.exists()
        assert not daemon.socket.exists()


def test_socket_left_by_a_daemon_that_was_killed_is_replaced() -> None:
    with live_daemon("") as first:
        first.process.kill()
        first.process.wait()
        assert first.socket.exists()
        program = [sys.executable, "-I", "-S", str(first.directory / "shepherd"), "-I"]
        second = subprocess.Popen(
            [*program, "-s", str(first.socket), "-c", "/dev/null", "-l", str(first.log_file)],
            stdout=subprocess.DEVNULL,
        )
        try:
            first.process = second
            first.wait_log("onfiguration successfully loaded", 2)
            assert first.alive()
        finally:
            second.kill()
            second.wait()


@pytest.fixture
def directory() -> Iterator[Path]:
    """A directory with a short name, as sockets need."""
    path = Path(tempfile.mkdtemp(prefix="drover-life-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


def _shepherd(
    directory: Path, *options: str, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    code = f"import sys; sys.path[:0] = {import_path()!r}; from boot.shepherd import main; main()"
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, *options],
        capture_output=True, text=True, timeout=30, check=False, cwd=directory,
        env={"PATH": os.environ["PATH"], "HOME": str(directory), **(environment or {})},
    )  # fmt: skip


def test_insecure_directory_is_refused(directory: Path) -> None:
    sockets = directory / "sockets"
    sockets.mkdir(mode=0o755)
    sockets.chmod(0o755)
    done = _shepherd(directory, "-s", "sockets/socket", "-c", "/dev/null", "-l", "log")
    assert done.returncode == 1
    assert done.stderr.startswith("shepherd: error: ")
    assert done.stderr.endswith("sockets: socket directory has insecure permissions\n")
    assert not (sockets / "socket").exists()


def test_missing_directory_is_told(directory: Path) -> None:
    done = _shepherd(directory, "-s", "nowhere/socket", "-c", "/dev/null", "-l", "log")
    assert done.returncode == 1
    assert done.stderr == (
        "shepherd: error: cannot access directory of socket 'nowhere/socket': "
        "No such file or directory\n"
    )


def test_shutdown_deadline_has_to_be_a_number(directory: Path) -> None:
    done = _shepherd(directory, "--shutdown-deadline=soon")
    assert done.returncode == 1
    assert done.stderr == "shepherd: error: 'soon' is not a number of seconds\n"
    assert "--shutdown-deadline=SECONDS" in _shepherd(directory, "--help").stdout


def test_pid_without_a_file_is_printed() -> None:
    with live_daemon("", options=["--pid"]) as daemon:
        # Printed as code of the configuration would print it: the end of the line is to come.
        os.kill(daemon.pid, signal.SIGTERM)
        daemon.wait_end()
        assert str(daemon.pid) in daemon.log()


def test_standard_output_gets_the_log_unless_silent() -> None:
    with live_daemon("", standard=False, ready=False, options=[
        "-I", "-s", "socket", "-c", "/dev/null", "-l", "log",
    ]) as daemon:  # fmt: skip
        output = daemon.directory / "stdout"
        eventually(
            lambda: "onfiguration successfully loaded from '/dev/null'" in output.read_text()
        )
        assert "Service root has been started." in output.read_text()
    with live_daemon("") as daemon:
        assert (daemon.directory / "stdout").read_text() == ""


def test_log_to_a_syslog_socket(directory: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
        log.bind(str(directory / "log"))
        log.settimeout(30)
        options = ["-I", "-s", "socket", "-c", "/dev/null", f"--syslog={directory}/log"]
        with live_daemon("", standard=False, ready=False, options=options) as daemon:
            received = b""
            while b"onfiguration successfully loaded" not in received:
                received = log.recv(4096)
                assert received.startswith(f"shepherd[{daemon.pid}]: ".encode())
                assert received.endswith(b"\n")
            assert daemon.alive()
            assert (daemon.directory / "stdout").read_text() == ""
            # A log daemon that is gone for a while.
            (directory / "log").unlink()
            assert daemon.request("eval", "root", "(+ 1 1)").result == [2]


def _end(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    eventually(lambda: process_state(pid) in (None, "Z"), what="the daemon ends")


def test_default_files_of_an_ordinary_user() -> None:
    with live_daemon("", standard=False, ready=False, user=_user(), hook=_DEFAULTS) as daemon:
        # The template sends the daemon into the background.
        assert daemon.wait_end() == 0
        home = daemon.directory
        configuration = home / ".config/shepherd/init.scm"
        assert stat.S_IMODE(configuration.parent.stat().st_mode) == 0o700
        assert "Send shepherd into the background" in configuration.read_text()
        daemon.socket = home / "run/shepherd/socket"
        daemon.log_file = home / ".local/state/shepherd/shepherd.log"
        assert stat.S_IMODE(daemon.socket.parent.stat().st_mode) == 0o700
        assert stat.S_IMODE(daemon.log_file.stat().st_mode) == 0o640
        daemon.wait_log("onfiguration successfully loaded")
        pid = daemon.main_pid("root")
        assert pid
        try:
            assert f"Now running as process {pid}." in daemon.log()
            assert os.getsid(pid) == pid
            daemon.reexecute()
            assert daemon.main_pid("root") == pid
        finally:
            _end(pid)
        assert not daemon.socket.exists()


_DEFAULTS = """
import os
os.environ["XDG_RUNTIME_DIR"] = os.environ["HOME"] + "/run"
os.makedirs(os.environ["XDG_RUNTIME_DIR"], exist_ok=True)
"""


def test_variables_name_the_default_files() -> None:
    hook = """
import os
home = os.environ["HOME"]
os.environ["XDG_CONFIG_HOME"] = home + "/c"
os.environ["XDG_STATE_HOME"] = home + "/s"
os.environ["SHEPHERD_SOCKET"] = home + "/r/socket"
os.makedirs(home + "/c/shepherd", exist_ok=True)
with open(home + "/c/shepherd/init.scm", "w") as file:
    file.write("(register-services (list (service '(mine) #:start (const #t))))")
"""
    with live_daemon("", standard=False, ready=False, user=_user(), hook=hook) as daemon:
        daemon.socket = daemon.directory / "r/socket"
        daemon.log_file = daemon.directory / "s/shepherd/shepherd.log"
        daemon.wait_ready()
        assert daemon.request("start", "mine").result
        assert daemon.alive()


def test_daemonizing_with_running_services_is_refused() -> None:
    with live_daemon(_STATES) as daemon:
        daemon.wait_status("up", "running")
        reply = daemon.request("daemonize")
        assert reply.messages == ["Services already running, so not daemonizing."]
        assert daemon.alive()
