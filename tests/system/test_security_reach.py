"""Who reaches the daemon, and what its programs get of it: from outside, as another user."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
from pathlib import Path

import pytest

from tests.system.live import LiveDaemon, Reply, command, eventually, live_daemon, receive

NOBODY = 65534
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs two users")
pytestmark = needs_root

CONNECT = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])"


def connecting_as_nobody(path: Path) -> str:
    """What another user gets who connects: the error, or nothing if that succeeds."""
    done = subprocess.run(
        ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups",
         "/usr/bin/env", "python3", "-c", CONNECT, path],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    return done.stderr.strip().rpartition("\n")[2]


@pytest.mark.parametrize("mode", [0o700, 0o755, 0o777])
def test_nobody_else_reaches_the_control_socket(mode: int) -> None:
    """Not even where the directory lets them in, which the daemon refuses unless told otherwise."""
    with live_daemon("", hook="import os; os.umask(0)") as daemon:
        daemon.directory.chmod(mode)
        assert connecting_as_nobody(daemon.socket).startswith("PermissionError")
        assert stat.S_IMODE(daemon.socket.stat().st_mode) == 0o600
        assert daemon.alive()


def test_a_directory_of_somebody_elses_is_refused(tmp_path: Path) -> None:
    directory = tmp_path / "theirs"
    directory.mkdir(mode=0o700)
    os.chown(directory, NOBODY, NOBODY)
    options = ["-s", str(directory / "socket"), "-c", "/dev/null", "-l", str(tmp_path / "log")]
    with live_daemon("", standard=False, options=options, ready=False) as daemon:
        assert daemon.wait_end() == 1
        assert "insecure permissions" in daemon.errors()
    assert list(directory.iterdir()) == []


PEERS = """
(register-services (list (service '(inet)
  #:start (make-inetd-constructor '("cat")
            (list (endpoint (make-socket-address AF_UNIX "@DIR@/inet"))))
  #:stop (make-inetd-destructor))))
(start-service (lookup-service 'inet))
"""


def test_a_peer_may_have_any_name() -> None:
    """Of its end of the connection: no text, other lines, escape sequences, a NUL."""
    with live_daemon(PEERS) as daemon:
        place = str(daemon.directory).encode()
        for name in (b"\0\xff\n\033[2J", b"\0a\0b", b"\0", place + b"/\n\033", place + b"/\xff"):
            with socket.socket(socket.AF_UNIX) as client:
                client.bind(name)
                client.connect(str(daemon.directory / "inet"))
                client.sendall(b"hello")
                assert client.recv(5) == b"hello"
            with socket.socket(socket.AF_UNIX) as client:
                client.bind(name + b"-control")
                client.connect(str(daemon.socket))
                client.sendall(command("status"))
                assert Reply(receive(client)).result
        assert "rror" not in daemon.log()
        assert "\033" not in daemon.log()


PROBE = """
import os, sys
print("environment", sorted(os.environ))
print("descriptors", sorted(os.listdir("/proc/self/fd"))[:-1])
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print("uids", *status["Uid"].split())
print("gids", *status["Gid"].split(), *status["Groups"].split())
print("blocked", status["SigBlk"].strip())
print("session", os.getsid(0) == os.getpid())
print("end")
"""

PROBES = """
(register-services (list
  (service '(probe)
    #:start (make-forkexec-constructor '("python3" "-I" "-S" "@DIR@/probe.py") #:user "nobody"
              #:environment-variables '("PATH=/bin:/usr/bin") #:log-file "@DIR@/probe")
    #:stop (make-kill-destructor))
  (service '(listener)
    #:start (make-systemd-constructor '("sleep" "1000")
              (list (endpoint (make-socket-address AF_UNIX "@DIR@/s"))) #:lazy-start? #f)
    #:stop (make-systemd-destructor))))
(start-service (lookup-service 'listener))
"""


def _probe(daemon: LiveDaemon) -> dict[str, str]:
    file = daemon.directory / "probe"
    file.unlink(missing_ok=True)
    daemon.request("enable", "probe")
    daemon.request("start", "probe")
    text: str = eventually(
        lambda: file.exists() and " end\n" in file.read_text() and file.read_text(),
        what="the probe has told everything",
    )
    lines = [line[20:].partition(" ")[::2] for line in text.splitlines()]
    return dict(lines)


def test_a_program_gets_what_it_was_given_and_nothing_else() -> None:
    """Before and after a re-execution, with a log, a socket and a client open in the daemon."""
    leak = "import os; os.set_inheritable(os.open('/', os.O_RDONLY), True); os.setgroups([0, 4, 6])"
    with live_daemon(PROBES, hook=leak, environment={"SECRET": "1", "LD_LEAK": "1"}) as daemon:
        daemon.directory.chmod(0o755)
        (daemon.directory / "probe.py").write_text(PROBE)
        with daemon.connect():
            first = _probe(daemon)
            daemon.reexecute()
            second = _probe(daemon)
        assert first == second
    names = set(first["environment"].strip("[]").replace("'", "").split(", "))
    assert names <= {"PATH", "LC_CTYPE"}
    assert first["descriptors"] == "['0', '1', '2']"
    for name in ("uids", "gids"):
        assert set(first[name].split()) == {str(NOBODY)}
    assert int(first["blocked"], 16) == 0
    assert first["session"] == "True"


def test_no_state_stays_open_after_a_reexecution() -> None:
    with live_daemon("") as daemon:
        daemon.reexecute()
        assert daemon.alive()
        links = [os.readlink(file) for file in Path(f"/proc/{daemon.pid}/fd").iterdir()]
        assert not [link for link in links if "drover-state" in link]
        environment = Path(f"/proc/{daemon.pid}/environ").read_bytes()
        # What execve was given stays to be seen by root; what programs get is looked at above.
        assert b"DROVER_REEXEC_FD=" in environment


@pytest.mark.parametrize("value", ["0", "2", "99", "-1", "x", "1000000000000"])
def test_state_of_another_format_is_not_taken(value: str) -> None:
    """Who sets the variable has no state that would be believed by accident."""
    with live_daemon("", environment={"DROVER_REEXEC_FD": value}) as daemon:
        assert daemon.alive()
        assert "from the previous image" not in daemon.log()


def test_programs_of_python_are_not_led_astray(programs: Path, tmp_path: Path) -> None:
    """By the environment or the directory in which root happens to call them."""
    for name in ("sitecustomize", "usercustomize", "posix", "pid1", "boot", "signal", "os"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('led astray')")
    for name in ("herd", "shepherd", "halt"):
        done = subprocess.run(
            [programs / name, "--version"],
            capture_output=True, text=True, timeout=30, check=False, cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path), "HOME": str(tmp_path),
                 "PYTHONSTARTUP": str(tmp_path / "os.py"), "PYTHONUSERBASE": str(tmp_path)},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert "led astray" not in done.stdout + done.stderr
