"""Translators for the daemon: starting them without stopping its loop, hearing of their end.

RPCs block, and a server may not answer for a long time; so they run off the loop (`hurd.offload`).
That a port dies is told by `hurd.notification`.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from hurd.notification import PortWatcher
    from hurd.ports import Port
    from hurd.translator.control import Translator


async def start(name: str, argv: Sequence[str], **options: Any) -> Translator:
    """`set_active` without stopping the loop: start `argv` on the file `name`.

    The options are those of `set_active`. If the caller is cancelled meanwhile, a translator that
    starts nevertheless is made to go away.
    """
    from hurd.offload import off_loop
    from hurd.translator.control import Translator
    from hurd.translator.setting import set_active

    return await off_loop(lambda: set_active(name, argv, **options), abandoned=Translator.abandon)


# The watcher of each loop, which has a thread and two rights. Only for the loops' own threads.
_watchers: dict[Any, PortWatcher] = {}


def watch(control: Port, callback: Callable[[], object]) -> Callable[[], None]:
    """Have `callback` called on the running loop when the port dies; see `Translator.on_death`."""
    import asyncio

    from hurd.notification import PortWatcher

    loop = asyncio.get_running_loop()
    for old in [each for each in _watchers if each.is_closed()]:
        _watchers.pop(old).close()
    watcher = _watchers.get(loop)
    if watcher is None:
        watcher = _watchers[loop] = PortWatcher(loop.call_soon_threadsafe)

    def died() -> None:
        callback()

    return watcher.on_death(control, died).cancel
