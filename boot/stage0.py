"""The first program of a Hurd system: what must come before the supervisor, and nothing else.

``/hurd/startup`` runs it, through ``console-run``, as PID 1 with the words of the kernel's command
line.  It is synchronous: asyncio needs a socket pair, which needs a server that may not run yet.
Whatever goes wrong ends in a shell on the console, with the reason on the screen, and another
attempt when that shell ends.  PID 1 never returns from here.
"""

from __future__ import annotations

import os
import sys

from boot.arguments import BootArguments, read_arguments
from boot.rescue import PATH, run_shell, say
from hurd.system import system

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn


def main(words: Sequence[str] | None = None) -> NoReturn:
    """Bring the machine to where the supervisor can run, and become it."""
    system.adapt_process()
    prepare_process()
    if "DROVER_REEXEC_CHECK" in os.environ:
        from boot.shepherd import run

        raise SystemExit(run([]))  # a trial of this image, for the one that wants to become it
    arguments = read_arguments(sys.argv[1:] if words is None else words)
    if not system.is_init():
        say("this program starts a machine: only PID 1 runs it (try 'shepherd')")
        raise SystemExit(1)
    if "DROVER_REEXEC_FD" not in os.environ:
        begin(arguments)
    else:
        _see_to_sockets()
    while True:
        run_shell(_supervise(arguments))
        _start_again()


def prepare_process() -> None:
    """Set up what every program takes for granted, and the kernel does not give to PID 1."""
    os.umask(0o022)
    environment = os.environ
    environment.setdefault("PATH", PATH)
    environment.setdefault("HOME", "/root")
    environment.setdefault("TERM", system.console_type())
    # SIGTSTP, SIGTTIN and SIGTTOU stay ignored: nothing may stop PID 1.  Children get them back.
    os.chdir("/")


def begin(arguments: BootArguments) -> None:
    """Do the first steps, again and again until they succeed; run ``init=`` if that is wanted."""
    for problem in arguments.problems:
        say(problem)
    while True:
        try:
            system.start_local_sockets()
            break
        except Exception as error:
            run_shell(f"cannot start the server of local sockets: {_text(error)}")
    if arguments.init is not None:
        _become(arguments.init, arguments.words)


def _see_to_sockets() -> None:
    """Start the server of local sockets again, if its end was the reason to begin anew."""
    try:
        system.start_local_sockets()
    except Exception as error:
        say(f"cannot start the server of local sockets: {_text(error)}")


def _become(program: str, words: Sequence[str]) -> None:
    """Run another program as PID 1; returns, after a shell, if it cannot be executed."""
    say(f"running {program} instead of drover")
    try:
        os.execv(program, [program, *words])
    except (OSError, ValueError) as error:
        run_shell(f"cannot execute '{program}' (from 'init='): {_text(error)}")


def _supervise(arguments: BootArguments) -> str:
    """Run the supervisor, which should never end; return why it did."""
    try:
        from boot import quick_imports

        quick_imports.install()  # before anything imports asyncio
        from boot import guard, running
        from boot.boot_log import BootLog
        from boot.shepherd import run
        from pid1.log import the_log

        running.arguments = arguments
        the_log.destinations[:] = [BootLog(arguments.verbose)]
        status = run(["--config", arguments.configuration], guard.install)
    except SystemExit as error:
        return f"the supervisor left with status {error.code}"
    except BaseException as error:
        import traceback

        traceback.print_exc()
        return f"the supervisor failed: {type(error).__name__}: {error}"
    return f"the supervisor ended with status {status}"


def _start_again() -> None:
    """Begin with a fresh image of ourselves; returns if even that is impossible."""
    os.environ.pop("DROVER_REEXEC_FD", None)
    say("starting the supervisor again")
    try:
        os.execv(sys.orig_argv[0], sys.orig_argv)
    except OSError as error:
        say(f"cannot execute {sys.orig_argv[0]}: {_text(error)}")


def _text(error: Exception) -> str:
    """The reason alone, without the error's number, which is another on each system."""
    return getattr(error, "strerror", None) or str(error)
