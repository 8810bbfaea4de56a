"""Calls that block run beside the loop, and nothing is lost when their caller is cancelled."""

from __future__ import annotations

import _thread
import asyncio
import threading
import time

import pytest

from hurd.offload import off_loop


async def test_the_loop_runs_on_while_the_call_blocks() -> None:
    gate = threading.Event()
    call = asyncio.ensure_future(off_loop(gate.wait, 10))
    await asyncio.sleep(0.01)
    assert not call.done()
    gate.set()
    assert await call is True


async def test_the_call_is_made_on_another_thread() -> None:
    assert await off_loop(threading.current_thread) is not threading.current_thread()


async def test_what_the_call_raises_is_raised() -> None:
    def fail(reason: str) -> None:
        raise FileNotFoundError(reason)

    with pytest.raises(FileNotFoundError, match="node"):
        await off_loop(fail, "node")


async def test_a_value_that_nobody_waits_for_is_handed_over() -> None:
    gate, handed = threading.Event(), threading.Event()
    seen: list[str] = []

    def call() -> str:
        gate.wait(10)
        return "value"

    def hand_over(value: str) -> None:
        seen.append(value)
        handed.set()

    task = asyncio.ensure_future(off_loop(call, abandoned=hand_over))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert seen == []
    gate.set()
    assert await asyncio.to_thread(handed.wait, 10)
    assert seen == ["value"]


async def test_a_value_that_is_ready_when_the_caller_is_cancelled_is_handed_over() -> None:
    finished, handed = threading.Event(), threading.Event()

    def call() -> int:
        finished.set()
        return 1

    task = asyncio.ensure_future(off_loop(call, abandoned=lambda _: handed.set()))
    await asyncio.sleep(0)
    # The loop stands still until the thread has handed its value over; then it is too late.
    assert finished.wait(10)
    time.sleep(0.05)  # noqa: ASYNC251
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(handed.wait, 10)


async def test_a_caller_may_be_cancelled_without_anybody_to_take_the_value() -> None:
    gate = threading.Event()
    task = asyncio.ensure_future(off_loop(gate.wait, 10))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    gate.set()


def test_a_loop_that_has_closed_meanwhile_loses_nothing() -> None:
    gate, handed = threading.Event(), threading.Event()

    async def leave() -> None:
        task = asyncio.ensure_future(off_loop(gate.wait, 10, abandoned=lambda _: handed.set()))
        await asyncio.sleep(0.01)
        task.cancel()

    asyncio.run(leave())
    gate.set()
    assert handed.wait(10)


async def test_a_thread_that_cannot_be_had_is_an_error_of_the_system(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Root, who runs tests, is not limited; the soak has a control group refuse it.
    def refuse(_function: object, _arguments: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(_thread, "start_new_thread", refuse)
    with pytest.raises(BlockingIOError, match="temporarily unavailable"):
        await off_loop(time.monotonic)
