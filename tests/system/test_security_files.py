"""Attacks by the user of a service, or any other, on the files of a daemon that runs as root.

Attackers are real processes of another user; what they must not reach is a file of root's, or the
process of another service.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.live import (
    LiveDaemon,
    Reply,
    command,
    eventually,
    live_daemon,
    process_state,
    receive,
)

NOBODY = 65534
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="attackers are other users")
pytestmark = needs_root


@pytest.fixture
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A directory of the attacker's, which everybody can reach."""
    directory = Path(f"/tmp/drover-attack-{os.getpid()}")
    directory.mkdir(mode=0o755)
    os.chown(directory, NOBODY, NOBODY)
    yield directory
    subprocess.run(["rm", "-rf", directory], check=True)


def as_nobody(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command as the attacker."""
    return subprocess.run(
        ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *words],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip


def service(script: str, *options: str, name: str = "theirs") -> str:
    """The definition of a service that runs a shell script as the attacker."""
    return f"""
(register-services (list (service '({name})
  #:start (make-forkexec-constructor '("sh" "-c" "{script}") #:user "nobody"
            #:directory "/" {" ".join(options)})
  #:stop (make-kill-destructor #:grace-period 1))))
"""


VICTIM = """
(register-services (list (service '(victim)
  #:start (make-forkexec-constructor '("sleep" "1000")) #:stop (make-kill-destructor))))
(start-service (lookup-service 'victim))
"""


def pid_file_service(directory: Path, script: str) -> str:
    options = (f'#:pid-file "{directory}/pid"', "#:pid-file-timeout 1")
    return VICTIM + service(f"{script}; sleep 1000", *options)


def is_refused(daemon: LiveDaemon) -> None:
    """Starting the service fails, nobody waits for that, and the victim lives."""
    victim = daemon.main_pid("victim")
    assert victim is not None
    begin = time.monotonic()
    with daemon.connect() as client:
        client.sendall(command("start", "theirs"))
        assert daemon.status("victim")["status"].name == "running"
        assert time.monotonic() - begin < 0.9
        assert Reply(receive(client)).result is False
    assert process_state(victim) == "S"
    assert daemon.alive()


@pytest.mark.parametrize(
    "script",
    ["mkfifo @DIR@/pid", "ln -s /dev/zero @DIR@/pid", "mkdir @DIR@/pid", "echo 9e9 >@DIR@/pid"],
)
def test_what_is_no_pid_file_keeps_nobody_waiting(theirs: Path, script: str) -> None:
    configuration = pid_file_service(theirs, script.replace("@DIR@", str(theirs)))
    with live_daemon(configuration) as daemon:
        is_refused(daemon)


def test_a_pid_file_names_no_process_of_another_user(theirs: Path) -> None:
    """Or stopping the service would kill what its user could not."""
    (theirs / "go").touch()
    with live_daemon(
        pid_file_service(theirs, f"while ! cat {theirs}/go >{theirs}/pid; do sleep 0.05; done")
    ) as daemon:
        victim = daemon.main_pid("victim")
        (theirs / "go").write_text(f"{victim}\n")
        is_refused(daemon)
        daemon.wait_log(f"of user {NOBODY} names process {victim}, which is not theirs.")
        (theirs / "go").write_text(f"{daemon.pid}\n")
        is_refused(daemon)


def test_a_pid_file_of_root_is_not_borrowed(theirs: Path) -> None:
    """By a link to it, to name what it names."""
    with live_daemon(pid_file_service(theirs, f"ln -s {theirs}/root.pid {theirs}/pid")) as daemon:
        (theirs / "root.pid").write_text(f"{daemon.main_pid('victim')}\n")
        is_refused(daemon)


def test_a_daemon_that_changed_its_user_names_itself(theirs: Path) -> None:
    """What /proc says of such a process is that it is root's."""
    code = (
        "import os, time\\n"
        "if os.fork(): os._exit(0)\\n"
        f"os.setgid({NOBODY}); os.setuid({NOBODY})\\n"
        f"open('{theirs}/pid', 'w').write(str(os.getpid()))\\n"
        "time.sleep(1000)"
    )
    configuration = f"""
(register-services (list (service '(daemon)
  #:start (make-forkexec-constructor '("python3" "-c" "{code}") #:pid-file "{theirs}/pid")
  #:stop (make-kill-destructor))))
(start-service (lookup-service 'daemon))
"""
    with live_daemon(configuration) as daemon:
        daemon.wait_status("daemon", "running")
        pid = daemon.main_pid("daemon")
        assert (theirs / "pid").read_text() == str(pid)
        assert (theirs / "pid").stat().st_uid == NOBODY


@pytest.mark.parametrize("kind", ["symbolic", "dangling", "hard"])
def test_a_log_file_is_no_link_of_others(theirs: Path, secret: Path, kind: str) -> None:
    log = theirs / "log"
    if kind == "hard":
        # Linux forbids it to them (fs.protected_hardlinks), the Hurd does not.
        secret = theirs / "secret"
        secret.write_text("root only\n")
        log.hardlink_to(secret)
    else:
        target = secret if kind == "symbolic" else secret.with_name("new")
        assert as_nobody("ln", "-s", target, log).returncode == 0
    with live_daemon(service("echo mine; sleep 1000", f'#:log-file "{log}"')) as daemon:
        reply = daemon.request("start", "theirs")
        assert reply.error
        (line,) = [text for text in reply.messages if "Failed to open log file" in text]
        assert str(log) in line
        assert "in a directory that others can write to" in line
        assert daemon.alive()
    assert secret.read_text() == "root only\n"
    assert not secret.with_name("new").exists()


def test_a_log_file_in_a_directory_for_all_is_nobody_elses(theirs: Path) -> None:
    theirs.chmod(0o1777)
    assert as_nobody("touch", theirs / "log").returncode == 0
    assert as_nobody("chmod", "666", theirs / "log").returncode == 0
    with live_daemon(service("sleep 1000", f'#:log-file "{theirs}/log"')) as daemon:
        assert f"a file of user {NOBODY} " in " ".join(daemon.request("start", "theirs").messages)
        (theirs / "log").unlink()
        assert daemon.request("start", "theirs").result
    assert (theirs / "log").stat().st_mode & 0o777 == 0o640


def test_links_and_files_that_nobody_else_can_make_are_used(theirs: Path, tmp_path: Path) -> None:
    """Administrators have logs elsewhere by a link; services write their own log, too."""
    (tmp_path / "log").symlink_to(tmp_path / "elsewhere")
    assert as_nobody("touch", theirs / "log").returncode == 0
    for log in (tmp_path / "log", theirs / "log"):
        with live_daemon(service("echo here; sleep 1000", f'#:log-file "{log}"')) as daemon:
            assert daemon.request("start", "theirs").result
            eventually(lambda log=log: "here" in log.read_text(), what="the line is logged")
    assert (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("option", ["-l", "--pid"])
def test_the_daemons_own_files_go_through_no_link_of_others(
    theirs: Path, secret: Path, option: str
) -> None:
    assert as_nobody("ln", "-s", secret, theirs / "file").returncode == 0
    options = [option, str(theirs / "file")] if option == "-l" else [f"--pid={theirs}/file"]
    with live_daemon("", options=options, ready=False) as daemon:
        if option == "-l":
            assert daemon.wait_end() == 1
            assert "a symbolic link in a directory that others can write to" in daemon.errors()
        else:
            eventually(lambda: not (theirs / "file").is_symlink(), what="the file is there")
            assert (theirs / "file").read_text() == str(daemon.pid)
    assert secret.read_text() == "root only\n"


@pytest.mark.parametrize("kind", ["fifo", "symlink"])
def test_kept_state_that_is_no_file_of_ours_is_told(theirs: Path, secret: Path, kind: str) -> None:
    if kind == "fifo":
        assert as_nobody("mkfifo", theirs / "disabled").returncode == 0
    else:
        assert as_nobody("ln", "-s", secret, theirs / "disabled").returncode == 0
    with live_daemon("", options=[f"--state-directory={theirs}"]) as daemon:
        assert "Cannot read which services are disabled" in daemon.log()
        assert daemon.alive()


@pytest.mark.parametrize("kind", ["symbolic", "hard"])
def test_state_is_written_into_no_file_of_roots(theirs: Path, secret: Path, kind: str) -> None:
    one = "(register-services (list (service '(one) #:start (const #t))))"
    with live_daemon(one, options=[f"--state-directory={theirs}"]) as daemon:
        link = theirs / f"disabled.{daemon.pid}.tmp"
        if kind == "hard":
            link.hardlink_to(secret)
        else:
            link.symlink_to(secret)
        daemon.request("disable", "one")
        assert (theirs / "disabled").read_text() == "one\n"
    assert secret.read_text() == "root only\n"


@pytest.mark.parametrize("name", ["log", "new/log"])
def test_a_directory_on_the_way_is_no_link_of_others(
    theirs: Path, tmp_path: Path, name: str
) -> None:
    """Or a file of root's would appear, with that name, anywhere in the system."""
    assert as_nobody("ln", "-s", tmp_path, theirs / "app").returncode == 0
    with live_daemon(service("sleep 1000", f'#:log-file "{theirs}/app/{name}"')) as daemon:
        said = " ".join(daemon.request("start", "theirs").messages)
        assert "a symbolic link, or no directory, in a directory that others can write to" in said
        assert daemon.alive()
    assert list(tmp_path.iterdir()) == []


def test_the_pid_file_that_is_removed_is_no_other(theirs: Path, tmp_path: Path) -> None:
    (tmp_path / "pid").write_text("1\n")
    assert as_nobody("ln", "-s", tmp_path, theirs / "run").returncode == 0
    with live_daemon(pid_file_service(theirs / "run", "true")) as daemon:
        assert daemon.request("start", "theirs").error
        assert daemon.alive()
    assert (tmp_path / "pid").read_text() == "1\n"


def test_links_of_root_lead_through_directories_of_others(theirs: Path, tmp_path: Path) -> None:
    """Directories that are missing are made; in theirs, their links do not count again."""
    (theirs / "deep").mkdir()
    os.chown(theirs / "deep", NOBODY, NOBODY)
    (tmp_path / "logs").symlink_to(theirs / "deep")
    (tmp_path / "relative").symlink_to("logs/../deep")
    for name in ("logs", "relative"):
        log = tmp_path / name / "a" / "b" / "log"
        with live_daemon(service("sleep 1000", f'#:log-file "{log}"')) as daemon:
            assert daemon.request("start", "theirs").result
        assert (theirs / "deep/a/b/log").exists()
        subprocess.run(["rm", "-rf", theirs / "deep/a"], check=True)
    assert as_nobody("ln", "-s", tmp_path, theirs / "deep/a").returncode == 0
    with live_daemon(service("sleep 1000", f'#:log-file "{tmp_path}/logs/a/log"')) as daemon:
        assert daemon.request("start", "theirs").error
    assert not (tmp_path / "log").exists()


def test_a_fifo_for_a_log_keeps_nobody_waiting(theirs: Path) -> None:
    """Neither one without a reader nor one whose reader does not read."""
    assert as_nobody("mkfifo", theirs / "log").returncode == 0
    printing = service("yes; sleep 1000", f'#:log-file "{theirs}/log"')
    with live_daemon(printing) as daemon:
        assert "Failed to open log file" in " ".join(daemon.request("start", "theirs").messages)
        reader = os.open(theirs / "log", os.O_RDONLY | os.O_NONBLOCK)
        assert daemon.request("start", "theirs").result
        for _ in range(10):
            begin = time.monotonic()
            assert daemon.alive()
            assert time.monotonic() - begin < 1
            time.sleep(0.05)
        os.close(reader)
        assert daemon.alive()
