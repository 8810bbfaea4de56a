"""A machine whose console is the builder's terminal, until it ends or the user ends it."""

from __future__ import annotations

import asyncio
import os
import sys

from image import terminal
from image.console import Console, GuestFailed
from image.errors import ExitCode
from image.machine import Ending, VirtualMachine


async def attend(running: VirtualMachine, console: Console, seconds: float | None) -> int:
    """Connect terminal and guest; return the exit status.

    Raises Deadline after `seconds`, and GuestFailed if the guest panicked, starts over and over,
    or QEMU died.
    """
    descriptor = sys.stdin.fileno()
    typed: asyncio.Queue[bytes] = asyncio.Queue()
    with terminal.raw(descriptor) as is_terminal:
        if is_terminal:
            _tell(terminal.HELP)
        keys = terminal.Keys(is_terminal)
        typing = asyncio.create_task(_type(running, console, keys, typed))
        try:
            with terminal.reading(descriptor, typed.put_nowait):
                async with asyncio.timeout(seconds):
                    loops = await _show(running, console)
        except TimeoutError:
            raise console.deadline(seconds, "the guest still runs") from None
        finally:
            typing.cancel()
            await asyncio.gather(typing, return_exceptions=True)
            if console.in_a_line:
                write_all(2, b"\r\n" if is_terminal else b"\n")
    ending = await running.wait()
    if loops:
        raise GuestFailed(
            f"the guest starts over and over; the console's last lines:\n{console.last_lines}"
        )
    return _status(ending, console)


def _status(ending: Ending, console: Console) -> int:
    """The exit status for a machine that ended; raises GuestFailed if it did so badly."""
    if ending.reason == "host-qmp-quit" or (ending.reason and not console.panic):
        return ExitCode.FINE
    raise console.failed(ending, "the machine ended")


async def _show(running: VirtualMachine, console: Console) -> bool:
    """Show what the guest writes until the machine ends; return whether it starts in a loop."""
    while data := await running.read():
        console.feed(data)
        write_all(sys.stdout.fileno(), data)
        if console.halted:
            await running.quit()
        elif console.loops:
            await running.quit()
            return True
    return False


async def _type(
    running: VirtualMachine, console: Console, keys: terminal.Keys, typed: asyncio.Queue[bytes]
) -> None:
    """Give the guest what is typed, and do what is meant for us."""
    while True:
        data, letters = keys.divide(await typed.get())
        if data:
            console.touched()
            await running.write(data)
        for letter in letters:
            if letter == "q":
                await running.quit()
            elif letter == "p":
                await running.press_power()
            elif letter == "r":
                console.touched()
                await running.reset()
            elif letter == "i":
                _tell(f"{running.machine.image}: {await running.status()}")
            else:
                _tell(terminal.HELP)


def _tell(text: str) -> None:
    """Tell the user something on a terminal in raw mode."""
    write_all(2, f"\r\nhurd-image vm: {text}\r\n".encode())


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of `data`, however little is taken at once."""
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(descriptor, view) :]
        except BlockingIOError:  # somebody else made the terminal non-blocking
            os.set_blocking(descriptor, True)
