"""The operations of a soak: each does one thing to the daemon, chosen by a seeded generator.

What is chosen depends on the seed and on what was chosen before, never on what the daemon answers,
so that a seed gives the same operations again.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import TYPE_CHECKING

from pid1.sexp import Keyword
from tests.system.live import command
from tests.system.soak import watching
from tests.system.soak.catalogue import BASE, LISTENING, STEADY, UNSTEADY, Definition
from tests.system.soak.clients import PATIENCE, connect_and_leave, talk, vanish

if TYPE_CHECKING:
    from tests.system.soak.soak import Soak

Operation = Callable[["Soak", Random], str]
TABLE: dict[Operation, int] = {}

BASE_NAMES = [one.name for one in BASE]
DYNAMIC = [f"d{number}" for number in range(16)]
_LISTENERS = [one.name for one in BASE if one.kind in LISTENING]
# Requests that are cut off or not waited for change nothing that the rest relies on.
_HARMLESS = ("status", "events", "help")


def weight(number: int) -> Callable[[Operation], Operation]:
    """Choose the operation so often, in proportion to the others."""

    def add(operation: Operation) -> Operation:
        TABLE[operation] = number
        return operation

    return add


def choose(random: Random) -> Operation:
    """One of the operations."""
    return random.choices(list(TABLE), list(TABLE.values()))[0]


def _any(soak: Soak, random: Random) -> str:
    """A service that is registered, as far as the choices tell."""
    known = sorted(soak.known)
    return random.choice(known if known and random.random() < 0.6 else BASE_NAMES)


def _define(soak: Soak, random: Random, name: str) -> Definition:
    lower = [
        *BASE_NAMES,
        *(other for other in sorted(soak.known) if _number(other) < _number(name)),
    ]
    requirement = random.sample(lower, min(len(lower), random.choice((0, 0, 1, 1, 2))))
    steady = random.random() < 0.8
    definition = Definition(
        name,
        next(soak.versions),
        random.choice(STEADY if steady else UNSTEADY),
        tuple(requirement),
        respawn=random.random() < 0.5,
        own_log=random.random() < 0.5,
    )
    soak.definitions[definition.mark] = definition
    soak.known.add(name)
    return definition


def _number(name: str) -> int:
    return int(name.removeprefix("d"))


# Definitions


@weight(8)
def register(soak: Soak, random: Random) -> str:
    """Register services, some of them in the place of others: by `eval` or by `load`."""
    names = random.sample(DYNAMIC, random.choice((1, 1, 1, 2, 4)))
    definitions = [_define(soak, random, name) for name in names]
    text = soak.arena.writer.registration(definitions)
    what = " ".join(f"{one.mark}={one.kind}" for one in definitions)
    if random.random() < 0.5:
        soak.ask("eval", "root", text)
        return f"eval {what}"
    # Read again when the daemon is replaced, so it stays as it is.
    file = soak.arena.place / "loaded" / f"{definitions[0].version}.scm"
    file.write_text(text)
    soak.ask("load", "root", str(file))
    return f"load {what}"


@weight(3)
def unload(soak: Soak, random: Random) -> str:
    """Unload one service."""
    name = random.choice(DYNAMIC)
    soak.known.discard(name)
    soak.ask("unload", "root", name, wait=random.random() < 0.7)
    return name


# Starts and stops


def _request(action: str, soak: Soak, random: Random) -> str:
    """Ask for an action of some service; half of the answers are waited for."""
    name = _any(soak, random)
    soak.ask(action, name, wait=random.random() < 0.5)
    return name


@weight(22)
def start(soak: Soak, random: Random) -> str:
    """Start a service."""
    return _request("start", soak, random)


@weight(10)
def stop(soak: Soak, random: Random) -> str:
    """Stop a service, and what requires it."""
    return _request("stop", soak, random)


@weight(8)
def restart(soak: Soak, random: Random) -> str:
    """Restart a service."""
    return _request("restart", soak, random)


@weight(2)
def start_in_background(soak: Soak, random: Random) -> str:
    """Start several services without waiting."""
    names = " ".join(_any(soak, random) for _ in range(4))
    soak.ask("eval", "root", f"(start-in-the-background '({names}))")
    soak.unattended = soak.operations
    return names


@weight(4)
def enable(soak: Soak, random: Random) -> str:
    """Enable a service."""
    name = _any(soak, random)
    soak.ask("enable", name)
    return name


@weight(2)
def disable(soak: Soak, random: Random) -> str:
    """Disable a service."""
    name = _any(soak, random)
    soak.ask("disable", name)
    return name


# Processes


def _processes(soak: Soak, name: str) -> list[watching.Seen]:
    """The processes of a service."""
    found = watching.processes(soak.arena.daemon.pid).values()
    return [one for one in found if one.service == name]


def _signal(one: watching.Seen, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(one.pid, number)


@weight(8)
def kill(soak: Soak, random: Random) -> str:
    """Have a service's processes end all at once, as if by themselves."""
    name = _any(soak, random)
    number = random.choice((signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV, signal.SIGABRT))
    soak.looked.fallen.add(name)
    soak.looked.bereft.add(name)
    for one in _processes(soak, name):
        _signal(one, signal.SIGSTOP)
    soak.unattended = soak.operations  # it may be respawned
    # Who was forked meanwhile has been caught by a second look.
    victims = _processes(soak, name)
    for one in victims:
        # A stubborn one does not mind SIGTERM; nobody may be left of a family.
        _signal(one, number if len(victims) == 1 else signal.SIGKILL)
    for one in victims:
        _signal(one, signal.SIGCONT)
    return f"{name} with {number.name}"


@weight(2)
def suspend(soak: Soak, random: Random) -> str:
    """Stop a service's processes in their tracks; they go on before the next look."""
    name = _any(soak, random)
    soak.looked.fallen.add(name)  # a watchdog may find it silent
    for one in _processes(soak, name):
        _signal(one, signal.SIGSTOP)
        soak.suspended.add(one.pid)
    return name


@weight(2)
def resume(soak: Soak, _random: Random) -> str:
    """Let suspended processes go on."""
    soak.resume()
    return ""


_SPARED = {
    signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1,
    signal.SIGUSR2,
}  # fmt: skip
_SAFE = sorted(signal.valid_signals() - _SPARED)


@weight(3)
def signal_daemon(soak: Soak, random: Random) -> str:
    """Send the daemon signals that PID 1 has no use for."""
    numbers = random.sample(_SAFE, 3)
    for number in numbers:
        os.kill(soak.arena.daemon.pid, number)
    return " ".join(str(int(number)) for number in numbers)


@weight(1)
def suspend_daemon(soak: Soak, random: Random) -> str:
    """Stop the daemon for a moment, while requests come in."""
    os.kill(soak.arena.daemon.pid, signal.SIGSTOP)
    try:
        for _ in range(3):
            soak.ask("start", _any(soak, random), wait=False)
        time.sleep(0.1)
    finally:
        os.kill(soak.arena.daemon.pid, signal.SIGCONT)
    return ""


# Transient services and timers


@weight(4)
def spawn(soak: Soak, random: Random) -> str:
    """`herd spawn`: a program as a transient service."""
    seconds = random.choice(("0", "0.2", "100000"))
    soak.ask(
        "spawn", "transient", "/bin/sh", "-c", f"echo spawned; exec sleep {seconds}",
        Keyword("extra-environment-variables"), ["SOAK=transient:0"],
    )  # fmt: skip
    return f"sleep {seconds}"


@weight(1)
def schedule(soak: Soak, random: Random) -> str:
    """`herd schedule`: a program at a time of day."""
    clock = f"{random.randrange(24)}:{random.randrange(60)}:{random.randrange(60)}"
    soak.ask("schedule", "timer", "at", clock, "true")
    return clock


@weight(3)
def trigger(soak: Soak, random: Random) -> str:
    """Trigger a timer, or have logs rotated."""
    name = random.choice(("base-timer", "base-timer", "log-rotation"))
    soak.ask("trigger", name)
    return name


# Connections


@weight(8)
def converse(soak: Soak, random: Random) -> str:
    """Talk to a service that is started by that."""
    name = random.choice(_LISTENERS)
    text = b"x" * random.choice((1, 1000, 100_000))
    # With something taken away, or the program suspended or just being stopped, there may be no
    # answer, or a part of it.
    hindered = bool(soak.arena.faults or soak.suspended or soak.busy)
    try:
        answer = talk(soak.arena.writer.socket(name), text, 0.2 if hindered else PATIENCE)
    except TimeoutError:
        if not hindered:
            soak.fail(f"{name} does not answer")
        return f"{name} does not answer"
    if answer and answer != text and not hindered:
        soak.fail(f"{name} sent back {len(answer)} bytes of {len(text)}")
    return f"{name} {len(text)} bytes: {'nobody' if answer is None else len(answer)}"


@weight(3)
def crowd_of_connections(soak: Soak, random: Random) -> str:
    """More connections than a service allows; they vanish in the middle."""
    name = random.choice(_LISTENERS)
    there = [
        connect_and_leave(soak.arena.writer.socket(name), b"x" * 70_000)
        for _ in range(random.choice((1, 3, 8)))
    ]
    for client in there:
        if client is not None:
            client.close()
    return f"{name} {len(there)}"


# Clients


@weight(6)
def cut_off(soak: Soak, random: Random) -> str:
    """A client that vanishes in the middle of its request, or of the reply."""
    name = _any(soak, random)
    data = command(random.choice(_HARMLESS), random.choice((name, "root")))
    sent = random.choice((1, len(data) // 2, len(data), len(data)))
    received = random.choice((0, 0, 1, 100)) if sent == len(data) else 0
    vanish(soak.arena.daemon, data, sent, received)
    return f"{sent} bytes sent, {received} received"


@weight(3)
def unattended(soak: Soak, random: Random) -> str:
    """A start or stop whose client does not stay."""
    name = _any(soak, random)
    action = random.choice(("start", "stop", "restart"))
    data = command(action, name)
    vanish(soak.arena.daemon, data, len(data), 0)
    soak.unattended = soak.operations
    return f"{action} {name}"


@weight(1)
def nonsense(soak: Soak, random: Random) -> str:
    """A request that is none."""
    data = random.choice((random.randbytes(200), b")", b"(shepherd-command (version 0))", b'("'))
    soak.arena.daemon.exchange(data)
    return repr(data[:20])


@weight(3)
def hang(soak: Soak, random: Random) -> str:
    """A client that keeps its connection and does nothing; one in five hangs up."""
    crowd = soak.crowd
    what = random.randrange(5)
    if what == 0 or len(crowd) > 40:
        crowd.close(random.randrange(40))
        return "one hangs up"
    if what == 1:
        crowd.silent()
    elif what == 2:
        crowd.half(command("status"), random.randrange(1, 60))
    elif what == 3:
        crowd.follower()
    else:
        crowd.deaf()
    return ("", "silent", "half a request", "follows, unread", "does not read")[what]


@weight(6)
def ask(soak: Soak, random: Random) -> str:
    """Ask for something."""
    name = _any(soak, random)
    action, service = random.choice(
        (("status", name), ("status", "root"), ("doc", name), ("help", "root"),
         ("no-such-action", name), ("start", "no-such-service"))
    )  # fmt: skip
    soak.ask(action, service)
    return f"{action} {service}"


@weight(1)
def compute(soak: Soak, random: Random) -> str:
    """Evaluate something that fails, prints, or takes a while."""
    text = random.choice(
        ('(error "on purpose" 1 2)', "(car 1)", "(begin (display \"printed\") (newline) 1)",
         "(let loop ((n 20000)) (if (> n 0) (loop (- n 1)) n))", "(sleep 0.3)", "(not-bound)")
    )  # fmt: skip
    soak.ask("eval", "root", text, wait=False)
    return text
