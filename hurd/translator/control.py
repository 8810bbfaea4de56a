"""A running translator in our hands: its control port, its task and its process id.

Whoever starts a translator holds these; closing the object lets go of them and leaves the
translator alone. That a translator ends is an event: `on_death` and `died` tell it on the loop.
"""

from __future__ import annotations

from hurd import codes, constants, fsys, mach
from hurd.errors import HurdError
from hurd.ports import Owner

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypedDict

    from hurd.ports import Port

if TYPE_CHECKING:

    class Going(TypedDict, total=False):
        """How an older translator is asked to go away: options of settrans."""

        recursive: bool
        force: bool
        nosync: bool


# A translator that obeys at once ends before it has answered: its port is dead, and that is what
# was asked for.
_GONE = (codes.MIG_SERVER_DIED, codes.MACH_SEND_INVALID_DEST)


def goaway_flags(
    *,
    recursive: bool = False,
    force: bool = False,
    nosync: bool = False,
    nowait: bool = False,
    unlink: bool = False,
) -> int:
    """The flags of fsys_goaway and file_set_translator for the options of settrans."""
    return (
        (constants.FSYS_GOAWAY_RECURSE if recursive else 0)
        | (constants.FSYS_GOAWAY_FORCE if force else 0)
        | (constants.FSYS_GOAWAY_NOSYNC if nosync else 0)
        | (constants.FSYS_GOAWAY_NOWAIT if nowait else 0)
        | (constants.FSYS_GOAWAY_UNLINK if unlink else 0)
    )


def ask_to_go(control: Port, flags: int = 0) -> None:
    """Ask the translator behind a control port to end (`flags`: `goaway_flags`).

    One that has ended is fine. Raises `HurdError`: EBUSY if it is in use and was not forced.
    """
    try:
        fsys.fsys_goaway(control, flags)
    except HurdError as error:
        if error.errno not in _GONE:
            raise


def end_task(task: Port) -> None:
    """End a task at once; one that has ended already is fine."""
    try:
        mach.task_terminate(task)
    except HurdError as error:
        if error.errno not in (codes.MACH_SEND_INVALID_DEST, codes.KERN_INVALID_ARGUMENT):
            raise


class Translator(Owner):
    """A translator that this process has started.

    `argv` is what it was started with, `pid` its process id, `control` its control port and `task`
    its task; the object owns both rights. The process is a child of ours, so its end has to be
    waited for (os.waitpid), by the supervisor or with `reap`.
    """

    __slots__ = ("argv", "control", "pid", "task")

    def __init__(self, argv: Sequence[str], control: Port, task: Port, pid: int) -> None:
        self.argv = tuple(argv)
        self.control = control
        self.task = task
        self.pid = pid

    def __repr__(self) -> str:
        return f"<Translator {self.argv[0] if self.argv else ''} pid {self.pid}>"

    def close(self) -> None:
        """Let go of the ports; the translator runs on."""
        self.control.close()
        self.task.close()

    @property
    def alive(self) -> bool:
        """Whether its control port still has a receiver."""
        if not self.control:
            return False
        kind = mach.mach_port_type(mach.mach_task_self(), self.control.name)
        return not kind & constants.MACH_PORT_TYPE_DEAD_NAME

    def goaway(self, flags: int = 0) -> None:
        """Ask it to end; see `ask_to_go`."""
        ask_to_go(self.control, flags)

    def kill(self) -> None:
        """End its task at once, without saving anything."""
        end_task(self.task)

    def abandon(self) -> None:
        """Make one that nobody can use go away, and let go of it."""
        try:
            self.goaway(goaway_flags(force=True))
        except HurdError:
            # It does not obey; nothing refers to it, so nothing is lost.
            self.kill()
        finally:
            from hurd.translator.startup import reap

            reap(self.pid)
            self.close()

    def options(self) -> list[str]:
        """Its program and options; EOPNOTSUPP if it does not tell them."""
        from hurd.translator.options import of_control

        return of_control(self.control)

    def set_options(self, options: Sequence[str], *, recursive: bool = False) -> None:
        """Change options of it while it runs; see `hurd.translator.options.change`."""
        from hurd.translator.options import change

        change(self.control, options, recursive=recursive)

    def sync(self, *, wait: bool = True, recursive: bool = True) -> None:
        """Have it write what it has not written yet."""
        fsys.fsys_syncfs(self.control, wait, recursive)

    def on_death(self, callback: Callable[[], object]) -> Callable[[], None]:
        """Have `callback` called on the running event loop when the translator ends.

        It is called soon if it has ended already. Returns a function that takes this back.
        """
        from hurd.translator.watching import watch

        return watch(self.control, callback)

    async def died(self) -> None:
        """Return when the translator has ended."""
        import asyncio

        ended = asyncio.get_running_loop().create_future()
        cancel = self.on_death(lambda: None if ended.done() else ended.set_result(None))
        try:
            await ended
        finally:
            cancel()
