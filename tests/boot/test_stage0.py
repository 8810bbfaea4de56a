"""The first program of a machine, as PID 1 of a namespace with a console of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.boot.console import configuration, machine
from tests.system.live import import_path

_LOGIN = """
(register-services (list
  (service '(multi-user) #:requirement '(term-console) #:start (const #t) #:stop (const #f))
  (service '(term-console)
    #:start (make-forkexec-constructor '("sleep" "1000") #:log-file "@DIR@/log")
    #:stop (make-kill-destructor))))
(start-in-the-background '(multi-user))
"""


def test_a_configuration_that_does_not_load_ends_in_a_shell_with_job_control(
    tmp_path: Path,
) -> None:
    word = configuration(tmp_path, "(register-services (list (service '(broken")
    with machine(word, "drover.log=console") as one:
        one.read_until("Service emergency-shell has been started")
        assert one.run("echo $$ $(ps -o ppid= -p $$)").split()[1] == "1"
        assert "/dev/" in one.run("tty")
        start = len(one.output)
        # What says so is the foreground job already: it has the terminal.
        one.type("sh -c \"echo be'gun'; exec sleep 1000\"\n")
        one.read_until("begun", start=start)
        one.type("\x03")
        assert one.run("echo alive") == "alive\n"


def test_when_the_shell_ends_the_boot_goes_on(tmp_path: Path) -> None:
    word = configuration(tmp_path, "(oops)")
    with machine(word, "drover.log=console") as one:
        one.read_until("Nobody can log in")
        (tmp_path / "init.scm").write_text(_LOGIN.replace("@DIR@", str(tmp_path)))
        one.type("exit\n")
        one.read_until("Service multi-user has been started")


def test_gettys_that_all_have_died_are_noticed(tmp_path: Path) -> None:
    word = configuration(tmp_path, _LOGIN.replace("@DIR@", str(tmp_path)))
    with machine(word, "drover.log=console") as one:
        one.read_until("Service multi-user has been started")
        found = subprocess.run(
            ["pgrep", "-x", "sleep", "--ns", str(_init_of(one.process.pid)), "--nslist", "pid"],
            capture_output=True, text=True,
        )  # fmt: skip
        [getty] = found.stdout.split()
        os.kill(int(getty), 9)
        one.read_until("Nobody can log in")
        one.read_until("Disabled: term-console")


def _init_of(unshare: int) -> int:
    return int(Path(f"/proc/{unshare}/task/{unshare}/children").read_text().split()[0])


def test_a_start_that_never_ends_keeps_nobody_out(tmp_path: Path) -> None:
    text = """(register-services (list
      (service '(multi-user) #:requirement '(hanging) #:start (const #t))
      (service '(hanging) #:start (lambda () (sleep 10000) #t))))
      (start-in-the-background '(multi-user))"""
    with machine(configuration(tmp_path, text), "drover.log=console") as one:
        one.read_until("Still starting or stopping: hanging")
        one.read_until("Service emergency-shell has been started")
        assert one.run("echo here") == "here\n"


def test_init_runs_another_program_as_pid_1(tmp_path: Path) -> None:
    program = tmp_path / "init"
    program.write_text("#!/bin/sh\necho I am $$ with $*; exec sleep 1000\n")
    program.chmod(0o755)
    with machine(f"init={program}", "single") as one:
        one.read_until(f"I am 1 with init={program} single")


def test_an_init_that_cannot_be_executed_is_a_reason_for_a_shell(tmp_path: Path) -> None:
    word = configuration(tmp_path, _LOGIN.replace("@DIR@", str(tmp_path)))
    with machine("init=/no/such/file", word, "drover.log=console") as one:
        one.read_until("cannot execute '/no/such/file' (from 'init='): No such file or directory")
        assert one.run("echo here") == "here\n"
        one.type("exit\n")
        one.read_until("Service multi-user has been started")


def test_a_first_step_that_fails_is_tried_again_after_the_shell(tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    hook = f"""
import os
from hurd.system import system
def start_local_sockets():
    if not os.path.exists({str(flag)!r}):
        raise OSError(5, "no server")
type(system).start_local_sockets = lambda self: start_local_sockets()
"""
    word = configuration(tmp_path, _LOGIN.replace("@DIR@", str(tmp_path)))
    with machine(word, "drover.log=console", hook=hook) as one:
        one.read_until("cannot start the server of local sockets: no server")
        one.run(f"touch {flag}")
        one.type("exit\n")
        one.read_until("Service multi-user has been started")


def test_a_supervisor_that_ends_is_started_again(tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    hook = f"""
import os
if not os.path.exists({str(flag)!r}):
    import boot.shepherd
    def run(*_):
        raise RuntimeError("out of order")
    boot.shepherd.run = run
"""
    word = configuration(tmp_path, _LOGIN.replace("@DIR@", str(tmp_path)))
    with machine(word, "drover.log=console", hook=hook) as one:
        one.read_until("the supervisor failed: RuntimeError: out of order")
        one.run(f"touch {flag}")
        one.type("exit\n")
        one.read_until("starting the supervisor again")
        one.read_until("Service multi-user has been started")


def test_words_that_make_no_sense_are_named_on_the_console(tmp_path: Path) -> None:
    word = configuration(tmp_path, _LOGIN.replace("@DIR@", str(tmp_path)))
    with machine("drover.fsck=perhaps", word, "drover.log=console") as one:
        one.read_until("drover: 'drover.fsck=perhaps': expected auto, skip, force")
        one.read_until("Service multi-user has been started")


def test_only_pid_1_runs_it() -> None:
    code = f"import sys; sys.path[:0] = {import_path()!r}; from boot.stage0 import main; main([])"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 1
    assert done.stderr == (
        "drover: this program starts a machine: only PID 1 runs it (try 'shepherd')\n"
    )
