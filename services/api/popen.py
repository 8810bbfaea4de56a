"""``(ice-9 popen)``: pipes to and from programs that a configuration runs.

The daemon reaps the program; reading from the pipe and closing it suspend the caller only.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from weakref import WeakKeyDictionary

from hurd.system import SpawnError, SpawnSpec, system
from pid1 import forkexec
from pid1.process import send_signal, signal_target
from pid1.supervisor import supervisor
from services.scheme.errors import system_error, wrong_type
from services.scheme.library.files import closed
from services.scheme.ports import Port
from services.scheme.primitives import Await, Library, Steps
from services.scheme.types import Value

LIBRARY = Library()
LIBRARY.bind("OPEN_READ", "r")
LIBRARY.bind("OPEN_WRITE", "w")
LIBRARY.bind("OPEN_BOTH", "r+")

# The end of the program behind each pipe: a future of its wait status, and its PID.
_programs: WeakKeyDictionary[Port, tuple[int, asyncio.Future[int]]] = WeakKeyDictionary()


def _open(who: str, mode: Value, words: Sequence[Value]) -> Port:
    if mode not in ("r", "w"):
        raise wrong_type(who, 1, mode)
    for position, word in enumerate(words, 2):
        if not isinstance(word, str):
            raise wrong_type(who, position, word)
    reading = mode == "r"
    try:
        reader, writer = os.pipe()
    except OSError as error:
        raise system_error("pipe", error) from error
    ours, theirs = (reader, writer) if reading else (writer, reader)
    spec = SpawnSpec(
        list(words),
        forkexec.default_environment(),
        directory=os.getcwd(),
        stdin=None if reading else theirs,
        stdout=theirs if reading else 1,
        stderr=2,
    )
    try:
        pid = system.spawn(spec)
    except SpawnError as error:
        os.close(ours)
        raise system_error(who, error, error.detail) from error
    finally:
        os.close(theirs)
    os.set_blocking(ours, False)
    port = Port("pipe", input=reading, output=not reading, fd=ours)
    ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    supervisor().children.forget_unclaimed(pid)
    supervisor().children.watch(pid, ended.set_result)
    _programs[port] = (pid, ended)
    return port


@LIBRARY.primitive("open-pipe*", 2, None)
def open_pipe_star(mode: Value, *words: Value) -> Port:
    return _open("open-pipe*", mode, words)


@LIBRARY.primitive("open-pipe", 2)
def open_pipe(command: Value, mode: Value) -> Port:
    return _open("open-pipe", mode, ["/bin/sh", "-c", command])


@LIBRARY.primitive("open-input-pipe", 1)
def open_input_pipe(command: Value) -> Port:
    return _open("open-input-pipe", "r", ["/bin/sh", "-c", command])


@LIBRARY.primitive("open-output-pipe", 1)
def open_output_pipe(command: Value) -> Port:
    return _open("open-output-pipe", "w", ["/bin/sh", "-c", command])


@LIBRARY.procedure("close-pipe", 1)
def close_pipe(port: Value) -> Steps:
    """Close the pipe, wait for the program and return its wait status."""
    if not isinstance(port, Port) or port not in _programs:
        raise wrong_type("close-pipe", 1, port)
    pid, ended = _programs.pop(port)
    if not port.closed:
        yield from closed(port, "close-pipe")
    try:
        return (yield Await(ended))
    except asyncio.CancelledError:
        send_signal(signal_target(pid), 15)
        raise
