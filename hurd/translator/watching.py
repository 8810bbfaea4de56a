"""Translators for the daemon: starting them without stopping its loop, hearing of their end.

RPCs block, and a server may not answer for a long time; so they run in threads of their own, and
the loop gets the result. That a port dies is told by `hurd.notification`.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, TypeVar

    from hurd.notification import PortWatcher
    from hurd.ports import Port
    from hurd.translator.control import Translator

    T = TypeVar("T")


async def off_loop(work: Callable[[], T], dispose: Callable[[T], object] | None = None) -> T:
    """Run `work` in a thread of its own and return, or raise, what it does.

    If the caller is cancelled the thread goes on, and its result is handed to `dispose`.  The
    interpreter does not wait for such threads when it ends.
    """
    import asyncio
    import threading

    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()
    lock = threading.Lock()
    cancelled = False
    handed_over: list[T] = []

    def run() -> None:
        try:
            result = work()
        except BaseException as error:
            _call(loop, _fail, done, error)
            return
        with lock:
            if not cancelled and _call(loop, _succeed, done, result):
                handed_over.append(result)
                return
        if dispose is not None:
            dispose(result)

    threading.Thread(target=run, daemon=True, name="off-loop").start()
    try:
        return await done
    except asyncio.CancelledError:
        with lock:
            cancelled = True
        # It may be on its way to a future that is cancelled, too.
        if handed_over and dispose is not None:
            threading.Thread(target=dispose, args=(handed_over[0],), daemon=True).start()
        raise


def _call(loop: Any, function: Callable[..., None], *arguments: Any) -> bool:
    """Have the loop call a function; False if there is no loop any more."""
    try:
        loop.call_soon_threadsafe(function, *arguments)
    except RuntimeError:
        return False
    return True


def _succeed(done: Any, result: object) -> None:
    if not done.done():
        done.set_result(result)


def _fail(done: Any, error: BaseException) -> None:
    if not done.done():
        done.set_exception(error)


async def start(name: str, argv: Sequence[str], **options: Any) -> Translator:
    """`set_active` without stopping the loop: start `argv` on the file `name`.

    The options are those of `set_active`. If the caller is cancelled meanwhile, a translator that
    starts nevertheless is made to go away.
    """
    from hurd.translator.control import Translator
    from hurd.translator.setting import set_active

    return await off_loop(lambda: set_active(name, argv, **options), Translator.abandon)


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
