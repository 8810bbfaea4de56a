"""The end of a translator is an event of the loop; starting one does not stop the loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest
from standin.control import Standin

from hurd import codes
from hurd.translator import TranslatorError, remove, set_active, start, watching

NODE = "/etc/motd"
HELLO = ["/hurd/hello"]


@pytest.fixture(autouse=True)
def no_watcher_is_left(standin: Standin) -> Iterator[None]:
    """The watcher of one test's loop and library is none for the next."""
    yield
    for watcher in watching._watchers.values():
        watcher.close()
    watching._watchers.clear()


@pytest.mark.parametrize("how", ["goaway", "kill", "remove"])
async def test_the_end_is_heard_of(how: str, standin: Standin) -> None:
    with await start(NODE, HELLO) as translator:
        waiting = asyncio.ensure_future(translator.died())
        await asyncio.sleep(0.05)
        assert not waiting.done()
        if how == "goaway":
            translator.goaway()
        elif how == "kill":
            translator.kill()
        else:
            remove(NODE)
        await asyncio.wait_for(waiting, 1)


async def test_the_end_before_one_asks_is_heard_of_too(standin: Standin) -> None:
    with await start(NODE, HELLO) as translator:
        translator.kill()
        await asyncio.wait_for(translator.died(), 1)


async def test_all_who_asked_are_told_and_those_who_took_it_back_are_not(standin: Standin) -> None:
    told: list[str] = []
    with await start(NODE, HELLO) as translator:
        translator.on_death(lambda: told.append("first"))
        cancel = translator.on_death(lambda: told.append("second"))
        translator.on_death(lambda: told.append("third"))
        cancel()
        cancel()
        translator.kill()
        await asyncio.wait_for(translator.died(), 1)
        await asyncio.sleep(0)
    assert told == ["first", "third"]


async def test_watching_leaves_no_right(standin: Standin) -> None:
    async def once(kill: bool) -> None:
        with await start(NODE, HELLO) as translator:
            waiting = asyncio.ensure_future(translator.died())
            await asyncio.sleep(0)
            if kill:
                translator.kill()
                await asyncio.wait_for(waiting, 1)
            else:
                waiting.cancel()
                await asyncio.sleep(0.01)
                translator.kill()
        remove(NODE)

    await once(True)
    before = standin.references()
    for turn in range(20):
        await once(turn % 2 == 0)
    await asyncio.sleep(0.05)
    assert standin.references() == before


async def test_the_loop_runs_on_while_a_translator_starts(standin: Standin) -> None:
    begin = time.monotonic()
    starting = asyncio.ensure_future(start(NODE, ["/hurd/silent"], timeout=0.5))
    turns = 0
    while not starting.done():
        await asyncio.sleep(0.01)
        turns += 1
    assert turns > 10
    assert time.monotonic() - begin < 2
    with pytest.raises(TranslatorError) as caught:
        await starting
    assert caught.value.errno == codes.MACH_RCV_TIMED_OUT


async def test_one_that_starts_for_nobody_is_made_to_go(standin: Standin) -> None:
    tasks = standin.tasks()
    starting = asyncio.ensure_future(start(NODE, HELLO))
    await asyncio.sleep(0)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    for _ in range(200):
        if standin.calls("file_set_translator") and standin.tasks() == tasks:
            break
        await asyncio.sleep(0.01)
    assert standin.tasks() == tasks


def test_every_loop_has_its_own_watcher(standin: Standin) -> None:
    async def once() -> None:
        with set_active(NODE, HELLO) as translator:
            waiting = asyncio.ensure_future(translator.died())
            await asyncio.sleep(0)
            translator.kill()
            await asyncio.wait_for(waiting, 1)

    asyncio.run(once())
    asyncio.run(once())
    assert len(watching._watchers) == 1


def test_there_is_nothing_to_watch_without_a_port(standin: Standin) -> None:
    async def once() -> None:
        translator = set_active(NODE, HELLO)
        translator.abandon()
        with pytest.raises(ValueError, match="no port"):
            translator.on_death(print)

    asyncio.run(once())
