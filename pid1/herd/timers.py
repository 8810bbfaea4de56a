"""The parts of a timer's status: what it is doing, its past runs, its upcoming alarms."""

from __future__ import annotations

from pid1.herd.services import kind_of, properties
from pid1.herd.status import exit_text, shell_words
from pid1.herd.terminal import Terminal
from pid1.herd.times import describe, duration, timestamp
from pid1.sexp import Symbol, write_string

_ALARMS_SHOWN = 5


def show_timer_state(terminal: Terminal, timer: object, since: int, now: float) -> None:
    """Print whether the timer waits (``since`` then is its start) or runs its action."""
    terminal.put("  Timed service.\n")
    processes = properties(timer, "timer").get("processes")
    if processes:
        start = min(started for _, started in processes)  # type: ignore[attr-defined]
        terminal.put(terminal.bold(f"  Executing timer action since {describe(start, now)}.\n"))
    else:
        terminal.put(f"  Awaiting next timer alarm; service active since {describe(since, now)}.\n")


def show_timer_action(terminal: Terminal, timer: object) -> None:
    """Print what the timer runs, and its processes if there are any."""
    found = properties(timer, "timer")
    action = found.get("action")
    if kind_of(action) == "command":
        command = properties(action, "command")
        user = command.get("user", False)
        user_part = f" as {write_string(user)}" if isinstance(user, str) else ""
        words: list[str] = command["arguments"]  # type: ignore[assignment]
        terminal.put(f"  Periodically running{user_part}: {shell_words(words)}\n")
        processes: list[tuple[int, int]] = found.get("processes") or []  # type: ignore[assignment]
        if processes:
            noun = "Child process" if len(processes) == 1 else "Child processes"
            pids = " ".join(str(pid) for pid, _ in processes)
            terminal.put(terminal.bold(f"  {noun}: {pids}\n"))
    elif action is Symbol("procedure"):
        terminal.put("  Periodically running Scheme code.\n")


def show_past_runs(terminal: Terminal, timer: object, history: int) -> None:
    """Print the newest ``history`` runs, oldest first."""
    runs: list[list[object]] = properties(timer, "timer").get("past-runs") or []  # type: ignore[assignment]
    if not runs:
        return
    terminal.put("\n")
    terminal.put(terminal.bold("Recent runs:\n"))
    for status, end, start in reversed(runs[:history]):
        if not isinstance(end, int) or not isinstance(start, int):
            raise TypeError("a run without times")
        terminal.put(f"  {timestamp(end)} ")
        seconds = end - start
        if isinstance(status, int):
            terminal.put(exit_text(terminal, status, seconds))
        elif status is Symbol("success"):
            terminal.put(f"Completed in {duration(seconds)}.\n")
        elif isinstance(status, list) and kind_of(status) == "exception":
            from pid1.herd.errors import exception_text

            text = exception_text(status[1], status[2:]).rstrip()
            terminal.put(terminal.failure(f"Exception thrown after {duration(seconds)}: {text}\n"))
        else:
            terminal.put("\n")


def show_alarms(terminal: Terminal, timer: object, now: float) -> None:
    """Print the next five alarms, or all that remain; nothing if the timer has no calendar."""
    found = properties(timer, "timer")
    if kind_of(found.get("event")) != "calendar-event":
        return
    remaining = found.get("remaining-occurrences")
    if not isinstance(remaining, int | float):
        raise TypeError("remaining-occurrences is no number")
    terminal.put("\n")
    if remaining == 0:
        terminal.put(terminal.warning("No upcoming timer alarm: about to stop.\n"))
        return
    number = int(min(_ALARMS_SHOWN, remaining))
    noun = "alarm" if number == 1 else "alarms"
    terminal.put(terminal.bold(f"Upcoming timer {noun}:\n"))
    for moment in alarms(timer, now, number):
        terminal.put(f"  {describe(moment, now)}\n")


def alarms(timer: object, now: float, number: int) -> list[float]:
    """Return the next alarms, at most ``number``; none if the timer has no calendar."""
    found = properties(timer, "timer")
    sexp = found.get("event")
    if kind_of(sexp) != "calendar-event":
        return []
    from pid1.calendar import CalendarEvent, next_occurrence

    fields: dict[str, list[int]] = properties(sexp, "calendar-event")  # type: ignore[assignment]
    event = CalendarEvent(
        tuple(fields["seconds"]),
        tuple(fields["minutes"]),
        tuple(fields["hours"]),
        tuple(fields["days-of-month"]),
        tuple(fields["days-of-week"]),
        tuple(fields["months"]),
    )
    remaining = found.get("remaining-occurrences")
    if isinstance(remaining, int | float):
        number = int(min(number, remaining))
    moments: list[float] = []
    moment: float | None = now
    while moment is not None and len(moments) < number:
        moment = next_occurrence(event, moment)
        if moment is not None:
            moments.append(moment)
    return moments
