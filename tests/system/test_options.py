"""Every option that ``--help`` of a program lists does what it says there.

Each test is marked with the option that it is about; the last one looks for options without.
"""

from __future__ import annotations

import json
import os
import pwd
import re
import select
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pid1.programs import NAMES, program
from pid1.usage import long_form
from tests.system.live import LiveDaemon, eventually, live_daemon, namespace_refusal

COVERED: set[tuple[str, str]] = set()
Test = Callable[..., None]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can change the user")
in_namespace = pytest.mark.skipif(
    namespace_refusal() is not None, reason=f"no PID namespace: {namespace_refusal()}"
)
# Stops only when it is killed.
_STUBBORN = """
(register-services (list
  (service '(stubborn)
    #:start (make-forkexec-constructor
      '("sh" "-c" "trap '' TERM; echo ready; while :; do sleep 0.05; done"))
    #:stop (make-kill-destructor #:grace-period 60))))
(start-service (lookup-service 'stubborn))
"""
_SERVICES = """
(use-modules (shepherd service transient))
(register-services (list
  (transient-service)
  (service '(talker) #:respawn? #t
    #:start (make-forkexec-constructor
      '("sh" "-c" "for i in 1 2 3 4 5 6 7 8; do echo line $i; done; exec sleep 1000"))
    #:stop (make-kill-destructor))))
(start-in-the-background '(transient talker))
"""


def shows(name: str, option: str) -> Callable[[Test], Test]:
    """Mark a test of an option."""
    COVERED.add((name, option))
    return lambda test: test


def shows_of_all(option: str) -> Callable[[Test], Test]:
    """Mark a test of an option that every program has, once for each of them."""
    COVERED.update((name, option) for name in NAMES)
    return pytest.mark.parametrize("name", NAMES)


def printed(*words: str | Path, **environment: str) -> str:
    """What a program prints that does not complain; given variables are the only ones it has."""
    done = subprocess.run(
        words, capture_output=True, text=True, env=environment or None, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.fixture
def directory() -> Iterator[Path]:
    """A directory of ours alone, with a name short enough for sockets."""
    path = Path(tempfile.mkdtemp(prefix="drover-options-"))
    yield path
    shutil.rmtree(path)


# Every program


@shows_of_all("help")
def test_help_lists_every_option(name: str, programs: Path) -> None:
    words = " ".join(printed(programs / name, "--help").split())
    for option in program(name).options:
        short = f"-{option.short}, " if option.short else ""
        assert f"{short}{long_form(option)} {option.help}" in words
    assert "Exit status: 0 " in words


@shows_of_all("usage")
def test_usage_is_one_line(name: str, programs: Path) -> None:
    usage = printed(programs / name, "--usage")
    assert usage.startswith(f"{name} [")
    assert usage.count("\n") == 1
    for option in program(name).options[3:]:
        assert f"[{long_form(option)}]" in usage


@shows_of_all("version")
def test_version_names_the_program(name: str, programs: Path) -> None:
    assert printed(programs / name, "--version").startswith(f"{name} (drover) ")


# shepherd


def _started(daemon: LiveDaemon) -> None:
    """Wait for a daemon that was started with options of the test's own."""
    eventually(lambda: daemon.socket.exists() and daemon.alive(), what="the daemon answers")
    eventually(lambda: "onfiguration successfully loaded" in _all_output(daemon))


def _all_output(daemon: LiveDaemon) -> str:
    return (daemon.directory / "stdout").read_text() + daemon.log()


# Where a daemon has its files, in a directory of its own.
_FILES = ("-s", "socket", "-c", "config.scm", "-l", "log")


@contextmanager
def shepherd(*options: str, configuration: str = "") -> Iterator[LiveDaemon]:
    with live_daemon(configuration, standard=False, ready=False, options=options) as daemon:
        yield daemon


@shows("shepherd", "socket")
@shows("shepherd", "config")
@shows("shepherd", "logfile")
@pytest.mark.parametrize(
    "options",
    [
        ("-s", "mine", "-c", "config.scm", "-l", "log"),
        ("--socket=mine", "--config=config.scm", "--logfile=log"),
    ],
)
def test_files_of_the_daemon(options: tuple[str, ...]) -> None:
    configuration = "(register-services (list (service '(mine) #:start (const #t))))"
    with shepherd(*options, configuration=configuration) as daemon:
        daemon.socket = daemon.directory / "mine"
        _started(daemon)
        assert daemon.status("mine")["status"].name == "stopped"
        assert "Service root has been started." in (daemon.directory / "log").read_text()


@shows("shepherd", "silent")
@shows("shepherd", "quiet")
@pytest.mark.parametrize("option", [None, "-S", "--silent", "--quiet"])
def test_silence(option: str | None) -> None:
    with shepherd(*_FILES, *([option] if option else [])) as daemon:
        daemon.wait_log("onfiguration successfully loaded")
        said = (daemon.directory / "stdout").read_text()
        assert ("Service root has been started." in said) is (option is None)


@shows("shepherd", "syslog")
def test_log_to_a_system_log(directory: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(directory / "log"))
        receiver.settimeout(30)
        with shepherd("-s", "socket", "-c", "config.scm", f"--syslog={directory}/log") as daemon:
            assert receiver.recv(4096).startswith(f"shepherd[{daemon.pid}]: drover ".encode())


@shows("shepherd", "pid")
def test_the_pid_tells_that_it_is_ready() -> None:
    with shepherd(*_FILES, "--pid=pid") as daemon:
        file = daemon.directory / "pid"
        eventually(file.exists)
        assert file.read_text() == str(daemon.pid)
        assert daemon.alive()
    # Without a file it goes to standard output.
    configuration = '(format #t "~%")'
    with shepherd(*_FILES, "--pid", configuration=configuration) as daemon:
        eventually(lambda: str(daemon.pid) in (daemon.directory / "stdout").read_text())


@shows("shepherd", "shutdown-deadline")
def test_what_does_not_stop_in_time_is_killed() -> None:
    with live_daemon(_STUBBORN, options=["--shutdown-deadline=0.2"]) as daemon:
        daemon.wait_log("ready")
        begin = time.monotonic()
        os.kill(daemon.pid, signal.SIGTERM)
        assert daemon.wait_end() == 0
        assert time.monotonic() - begin < 10
        assert "Service stubborn did not stop in time; killing it." in daemon.log()


@shows("shepherd", "state-directory")
def test_what_is_disabled_is_kept_in_a_directory(directory: Path) -> None:
    configuration = "(register-services (list (service '(one) #:start (const #t))))"
    for options, enabled in (
        ([f"--state-directory={directory}"], True),
        ([f"--state-directory={directory}"], False),
        (["--state-directory=none"], True),
    ):
        with live_daemon(configuration, options=options) as daemon:
            assert daemon.status("one")["enabled?"] is enabled
            daemon.request("disable", "one")


@shows("shepherd", "insecure")
@pytest.mark.parametrize("option", ["-I", "--insecure"])
def test_permissions_of_the_directory_count_unless_told_otherwise(
    option: str, directory: Path
) -> None:
    directory.chmod(0o755)
    options = ["-s", f"{directory}/socket", "-c", "config.scm", "-l", "log"]
    with shepherd(*options) as daemon:
        assert daemon.wait_end() == 1
        assert "insecure permissions" in daemon.errors()
    with shepherd(*options, option) as daemon:
        daemon.socket = directory / "socket"
        _started(daemon)


# herd


def _lines(daemon: LiveDaemon) -> int:
    """How many lines the talker has printed."""
    return len(daemon.status("talker")["recent-messages"])


@pytest.fixture(scope="module")
def daemon() -> Iterator[LiveDaemon]:
    with live_daemon(_SERVICES) as running:
        eventually(lambda: _lines(running) == 8, what="all lines are there")
        running.wait_status("transient", "running")
        yield running


@pytest.fixture
def herd(programs: Path, daemon: LiveDaemon) -> Callable[..., str]:
    def run(*arguments: str | Path) -> str:
        done = subprocess.run(
            [programs / "herd", "-s", daemon.socket, *arguments],
            capture_output=True, text=True, cwd=daemon.directory,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    return run


def written(daemon: LiveDaemon, name: str) -> str:
    """What a program wrote into a file, once it is there."""
    file = daemon.directory / name
    text: str = eventually(lambda: file.exists() and file.read_text(), what=f"something in {name}")
    return text


@shows("herd", "socket")
def test_herd_socket(programs: Path, daemon: LiveDaemon) -> None:
    for option in (["-s", daemon.socket], [f"--socket={daemon.socket}"]):
        told = printed(programs / "herd", *option, "status", SHEPHERD_SOCKET="/nope")
        assert " + root\n" in told


@shows("herd", "json")
def test_herd_json(herd: Callable[..., str]) -> None:
    names = {each["name"] for each in json.loads(herd("status", "--json"))["services"]}
    assert names >= {"root", "transient", "talker"}


@shows("herd", "follow")
@pytest.mark.parametrize("option", ["-f", "--follow"])
def test_herd_follow(option: str, programs: Path, daemon: LiveDaemon) -> None:
    command = [str(programs / "herd"), "-s", str(daemon.socket), "log", option, "-n0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as follower:
        assert follower.stdout is not None
        output = follower.stdout

        def change() -> bool:
            # Until it listens; it says nothing of what came before.
            daemon.request("restart", "talker")
            return bool(select.select([output], [], [], 0)[0])

        try:
            eventually(change)
            assert "service talker is" in output.readline()
        finally:
            follower.kill()


@shows("herd", "svg")
@pytest.mark.skipif(shutil.which("dot") is None, reason="graphviz is not installed")
def test_herd_svg(herd: Callable[..., str], directory: Path) -> None:
    assert "<svg " in herd("graph", "--svg")
    assert herd("graph", f"--svg={directory}/graph.svg") == ""
    assert "talker" in (directory / "graph.svg").read_text()


@shows("herd", "log-history")
@pytest.mark.parametrize("option", [["-n", "2"], ["--log-history=2"]])
def test_herd_log_history(option: list[str], daemon: LiveDaemon, herd: Callable[..., str]) -> None:
    eventually(lambda: _lines(daemon) == 8, what="all lines are there")
    shown = re.compile(r"^  [-\d]+ [:\d]+ line (\d)$", re.MULTILINE)
    assert shown.findall(herd("status", "talker")) == ["4", "5", "6", "7", "8"]
    assert shown.findall(herd("status", "talker", *option)) == ["7", "8"]


@shows("herd", "service-name")
@pytest.mark.parametrize(
    ("option", "name"), [(["-N", "ann"], "ann"), (["--service-name=bo"], "bo")]
)
def test_herd_service_name(
    option: list[str], name: str, daemon: LiveDaemon, herd: Callable[..., str]
) -> None:
    herd("spawn", "transient", *option, "--", "sleep", "1000")
    assert daemon.status(name)["status"].name == "running"


@shows("herd", "log-file")
def test_herd_log_file(daemon: LiveDaemon, herd: Callable[..., str]) -> None:
    # A relative name is herd's, not the daemon's.
    herd("spawn", "transient", "--log-file=spawned.log", "--", "echo", "for the file")
    assert "for the file" in written(daemon, "spawned.log")


@shows("herd", "working-directory")
@pytest.mark.parametrize("option", [["-d"], ["--working-directory"]])
def test_herd_working_directory(
    option: list[str], daemon: LiveDaemon, herd: Callable[..., str], directory: Path
) -> None:
    file = daemon.directory / f"directory{option[0]}"
    herd("spawn", "transient", *option, str(directory), "--", "sh", "-c", f"pwd >{file}")
    assert written(daemon, file.name) == f"{directory.resolve()}\n"


@shows("herd", "environment-variable")
def test_herd_environment_variable(daemon: LiveDaemon, herd: Callable[..., str]) -> None:
    options = ["-E", "ONE=1", "--environment-variable=TWO=2"]
    script = f'echo "$ONE $TWO" >{daemon.directory}/variables'
    herd("spawn", "transient", *options, "--", "sh", "-c", script)
    assert written(daemon, "variables") == "1 2\n"


@shows("herd", "user")
@shows("herd", "group")
@as_root
def test_herd_user_and_group(daemon: LiveDaemon, herd: Callable[..., str], directory: Path) -> None:
    directory.chmod(0o777)
    file = directory / "id"
    nobody = pwd.getpwnam("nobody")
    script = f"umask 022; id -un >{file}.new; id -gn >>{file}.new; mv {file}.new {file}"
    herd("spawn", "transient", "--user=nobody", "--group=daemon", "--", "sh", "-c", script)
    text = eventually(lambda: file.exists() and file.read_text())
    assert text == "nobody\ndaemon\n"
    assert file.stat().st_uid == nobody.pw_uid
    assert stat.S_IMODE(file.stat().st_mode) == 0o644


# halt and reboot, each in front of a daemon that is process 1 of a namespace of its own


@shows("halt", "socket")
@shows("reboot", "socket")
@in_namespace
@pytest.mark.parametrize(
    ("name", "word"), [("halt", "Shutting down..."), ("reboot", "Rebooting...")]
)
def test_socket_of_the_system_to_end(name: str, word: str, programs: Path) -> None:
    with live_daemon("", namespace=True) as daemon:
        socket_option = ["-s", daemon.socket] if name == "halt" else [f"--socket={daemon.socket}"]
        printed(programs / name, *socket_option, SHEPHERD_SOCKET="/nope")
        daemon.wait_end()
        assert word in daemon.log()


@shows("reboot", "kexec")
@in_namespace
@pytest.mark.parametrize("option", ["-k", "--kexec"])
def test_kexec(option: str, programs: Path) -> None:
    loaded = Path("/sys/kernel/kexec_loaded")
    if loaded.exists() and loaded.read_text().strip() != "0":
        pytest.skip("this machine has a kernel loaded for kexec")
    with live_daemon("", namespace=True) as daemon:
        told = printed(programs / "reboot", "-s", daemon.socket, option)
        assert "kexec" in told
        assert "doing nothing" in told
        assert daemon.alive()


def test_no_option_is_without_a_test() -> None:
    listed = {(name, option.name) for name in NAMES for option in program(name).options}
    assert listed == COVERED
