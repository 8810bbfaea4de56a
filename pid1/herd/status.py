"""``herd status SERVICE`` and ``herd detailed-status``: everything known about a service.

The order of the lines and their words are those of SHEPHERD.md 10.4.  Running values other than
processes, and timers, are in ``pid1.herd.values`` and ``pid1.herd.timers``.
"""

from __future__ import annotations

import posix
from time import time

from pid1.herd import DEFAULT_HISTORY
from pid1.herd.services import Service, kind_of
from pid1.herd.terminal import Terminal
from pid1.herd.times import describe, duration, timestamp
from pid1.sexp import Symbol, write_string, write_symbol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_SLOW, _STUCK = 30, 60
_QUOTED = frozenset("\\\"'()?!")


def long_transition_painter(
    terminal: Terminal, service: Service, now: float
) -> Callable[[str], str]:
    """Return how to paint a service that starts or stops: in red after 60 s, magenta after 30."""
    if service.status in ("starting", "stopping"):
        seconds = service.seconds_in_status(now)
        if seconds >= _STUCK:
            return terminal.failure
        if seconds >= _SLOW:
            return terminal.warning
    return str


def shell_words(words: list[str]) -> str:
    """Return a command in one line, words with blanks or any of ``\\"'()?!`` as Scheme strings."""
    return " ".join(
        write_string(word)
        if not _QUOTED.isdisjoint(word) or any(char.isspace() for char in word)
        else word
        for word in words
    )


def exit_text(terminal: Terminal, status: int, seconds: int | None = None) -> str:
    """Return a line on how a process ended; ``status`` is what ``waitpid`` returned."""
    after = "" if seconds is None else f" after {duration(seconds)}"
    if status == 0:
        return f"Process exited successfully{after}.\n"
    if posix.WIFEXITED(status):
        text = f"Process exited with code {posix.WEXITSTATUS(status)}"
    elif posix.WIFSIGNALED(status):
        text = f"Process terminated with signal {posix.WTERMSIG(status)}"
    elif posix.WIFSTOPPED(status):
        text = f"Process stopped with signal {posix.WSTOPSIG(status)}"
    else:
        return "\n"
    return terminal.failure(f"{text}{after}.\n")


def show_status(terminal: Terminal, service: Service, history: int | None = None) -> None:
    """Print the status of ``service``.

    With ``history``, the newest so many messages, exits and timer runs, and upcoming alarms;
    None leaves these out, as ``detailed-status`` does.
    """
    now = time()
    put = terminal.put
    if terminal.encoding == "utf-8":
        if service.status == "running":
            put(terminal.success("● "))
        else:
            put((terminal.warning if service.enabled else terminal.failure)("● "))
    put(terminal.bold(f"Status of {service.name}:\n"))
    _show_state(terminal, service, now)
    if service.enabled:
        put("  It is enabled.\n")
    else:
        paint = terminal.failure if service.last_respawns else terminal.warning
        put(paint("  It is disabled.\n"))
    put(f"  Provides: {_names(service.provides)}\n")
    if service.requires:
        put(f"  Requires: {_names(service.requires)}\n")
    if service.actions:
        noun = "action" if len(service.actions) == 1 else "actions"
        put(f"  Custom {noun}: {_names([action.name for action in service.actions])}\n")
    if service.pending_replacement:
        put(terminal.warning("  Replacement pending (restart to upgrade).\n"))
    put("  Will be respawned.\n" if service.respawn else "  Will not be respawned.\n")
    if service.last_respawns:
        _show_respawns(terminal, service, DEFAULT_HISTORY if history is None else history, now)
    if service.is_failing:
        failure = describe(service.startup_failures[0], now)
        put(terminal.failure(f"  Failed to start at {failure}.\n"))
    if service.log_files:
        noun = "Log file" if len(service.log_files) == 1 else "Log files"
        put(f"  {noun}: {' '.join(_links(terminal, service.log_files))}\n")
    if history is not None:
        _show_history(terminal, service, history, now)


def _names(names: list[str]) -> str:
    return " ".join([write_symbol(name) for name in names])


def _links(terminal: Terminal, names: list[str]) -> list[str]:
    if terminal.colour and posix.environ.get(b"HERD_HYPERLINKS", b"0") not in (b"", b"0"):
        from pid1.herd.links import file_link

        return [file_link(name) for name in names]
    return names


def _show_state(terminal: Terminal, service: Service, now: float) -> None:
    put = terminal.put
    if service.status == "running":
        _show_running(terminal, service, now)
    elif service.status == "stopped":
        changes = service.status_changes
        if service.one_shot:
            put("  It is stopped (one-shot).\n")
        elif service.startup_failures:
            put(terminal.failure("  It is stopped (failing).\n"))
        elif changes and changes[0][0] is Symbol("stopped"):
            put(terminal.warning(f"  It is stopped since {describe(changes[0][1], now)}.\n"))
        else:
            put(terminal.warning("  It is stopped.\n"))
        if service.exit_statuses:
            put("  " + exit_text(terminal, service.exit_statuses[0][0]))
    elif service.status in ("starting", "stopping"):
        text = "starting" if service.status == "starting" else "being stopped"
        put(long_transition_painter(terminal, service, now)(f"  It is {text}.\n"))
    else:
        put(f"  Unknown status '{write_symbol(service.status)}'.\n")


def _show_running(terminal: Terminal, service: Service, now: float) -> None:
    put = terminal.put
    changes = service.status_changes
    value = service.running
    kind = kind_of(value)
    if not changes or changes[0][0] is not Symbol("running"):
        # Daemons before 0.10 did not say since when.
        put("  It is started and transient.\n" if service.transient else "  It is started.\n")
    elif kind == "timer":
        from pid1.herd.timers import show_timer_state

        show_timer_state(terminal, value, changes[0][1], now)
    else:
        start = "It is transient, running" if service.transient else "It is running"
        put(f"  {start} since {describe(changes[0][1], now)}.\n")
    if kind == "process":
        process = {entry[0].name: entry[1] for entry in value[2:]}  # type: ignore[index]
        put(f"  Main PID: {terminal.bold(str(process['id']))}\n")
        put(f"  Command: {shell_words(process['command'])}\n")
    else:
        from pid1.herd.values import show_value

        show_value(terminal, value)


def _show_respawns(terminal: Terminal, service: Service, history: int, now: float) -> None:
    put = terminal.put
    put(terminal.warning(f"  Last respawned on {describe(service.last_respawns[0], now)}.\n"))
    exits = service.exit_statuses[:history]
    put("  Latest exit:\n" if len(exits) == 1 else "  Latest exits:\n")
    for status, moment in reversed(exits):
        put(f"    - {timestamp(moment)}  {exit_text(terminal, status)}")


def _show_history(terminal: Terminal, service: Service, history: int, now: float) -> None:
    put = terminal.put
    timer = service.running if service.is_timer else None
    if timer is not None:
        from pid1.herd.timers import show_past_runs

        show_past_runs(terminal, timer, history)
    if service.recent_messages:
        put("\n")
        more = " (use '-n' to view more or less)" if history == DEFAULT_HISTORY else ""
        put(terminal.bold(f"Recent messages{more}:\n"))
        for moment, line in reversed(service.recent_messages[:history]):
            put(f"  {timestamp(moment)} {line}\n")
    if timer is not None:
        from pid1.herd.timers import show_alarms

        show_alarms(terminal, timer, now)
