"""Calls that block run beside the loop, and nothing is lost when their caller is cancelled."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from hurd.translator import off_loop


async def test_the_loop_runs_on_while_the_work_blocks() -> None:
    gate = threading.Event()
    work = asyncio.ensure_future(off_loop(lambda: gate.wait(10)))
    await asyncio.sleep(0.01)
    assert not work.done()
    gate.set()
    assert await work is True


async def test_what_the_work_raises_is_raised() -> None:
    def fail() -> None:
        raise FileNotFoundError("node")

    with pytest.raises(FileNotFoundError, match="node"):
        await off_loop(fail)


async def test_a_result_that_nobody_waits_for_is_disposed_of() -> None:
    gate, disposed = threading.Event(), threading.Event()
    seen: list[str] = []

    def work() -> str:
        gate.wait(10)
        return "result"

    def dispose(result: str) -> None:
        seen.append(result)
        disposed.set()

    task = asyncio.ensure_future(off_loop(work, dispose))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    gate.set()
    assert await asyncio.to_thread(disposed.wait, 10)
    assert seen == ["result"]


async def test_a_result_that_is_ready_when_the_caller_is_cancelled_is_disposed_of() -> None:
    finished, disposed = threading.Event(), threading.Event()

    def work() -> int:
        finished.set()
        return 1

    task = asyncio.ensure_future(off_loop(work, lambda _: disposed.set()))
    await asyncio.sleep(0)
    # The loop stands still until the thread has handed its result over; then it is too late.
    assert finished.wait(10)
    time.sleep(0.05)  # noqa: ASYNC251
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(disposed.wait, 10)


def test_a_loop_that_has_closed_meanwhile_loses_nothing() -> None:
    gate, disposed = threading.Event(), threading.Event()

    async def leave() -> None:
        task = asyncio.ensure_future(off_loop(lambda: gate.wait(10), lambda _: disposed.set()))
        await asyncio.sleep(0.01)
        task.cancel()

    asyncio.run(leave())
    gate.set()
    assert disposed.wait(10)
