"""A machine that runs one command: boot, find a shell, run it, take its output and exit status."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from image.attended import write_all
from image.console import Console
from image.guest import Conversation, LineClosed, Login
from image.machine import VirtualMachine

# What shuts a system down cleanly: the machine is set up to end where the guest restarts it.
_SHUT_DOWN = "reboot || halt"
_SHUTDOWNS = ("guest-reset", "guest-shutdown")


@dataclass(frozen=True)
class Task:
    """What to run in the guest, and how."""

    command: str
    login: Login
    verbose: bool = False  # show the console on standard error
    write: bool = False  # shut down afterwards, so that what was written is kept


async def run_task(
    running: VirtualMachine, console: Console, seconds: float | None, task: Task
) -> int:
    """Run the command, with its output on standard output; return its exit status.

    Raises Deadline after `seconds`; NoShell if the guest lets nobody in; GuestFailed if the machine
    ends before the command does.
    """
    stops: set[asyncio.Task[None]] = set()

    def heard(data: bytes) -> None:
        console.feed(data)
        if console.halted and not stops:
            stops.add(asyncio.create_task(running.quit()))

    def chatter(data: bytes) -> None:
        heard(data)
        if task.verbose:
            write_all(2, data.replace(b"\r", b""))

    def output(data: bytes) -> None:
        heard(data)
        write_all(1, data)

    talk = Conversation(running, chatter, task.login)
    doing = "no shell has answered"
    try:
        async with asyncio.timeout(seconds):
            await talk.reach_shell()
            doing = "the command has not ended"
            status = await talk.run(task.command, output)
            if task.write:
                doing = "the guest has not shut down"
                await talk.type_line(_SHUT_DOWN)
                await talk.drain()
                ending = await running.wait()
                if not (ending.reason in _SHUTDOWNS or console.halted):
                    raise console.failed(ending, "the guest did not shut down")
            return status
    except TimeoutError:
        raise console.deadline(seconds, doing) from None
    except LineClosed:
        raise console.failed(await running.wait(), doing) from None
    finally:
        await talk.close()
        await asyncio.gather(*stops)
