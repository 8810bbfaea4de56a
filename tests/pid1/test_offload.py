"""Calls that block, on threads of their own."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from pid1.offload import off_loop


async def test_the_loop_goes_on_while_a_call_blocks() -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0.005)

    counting = asyncio.create_task(count())
    assert await off_loop(lambda: (time.sleep(0.2), threading.current_thread())[1]) is not (
        threading.main_thread()
    )
    counting.cancel()
    assert turns > 10


async def test_what_a_call_raises_is_raised_to_who_waits() -> None:
    def fail(reason: str) -> None:
        raise ValueError(reason)

    with pytest.raises(ValueError, match="out of order"):
        await off_loop(fail, "out of order")


async def test_a_caller_that_is_cancelled_is_let_go_and_the_value_handed_over() -> None:
    release, handed = threading.Event(), asyncio.Event()
    values: list[object] = []

    def hand_over(value: object) -> None:
        values.append(value)
        handed.set()

    def block() -> str:
        release.wait()
        return "late"

    waiting = asyncio.create_task(off_loop(block, abandoned=hand_over))
    await asyncio.sleep(0.05)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert values == []
    release.set()
    await asyncio.wait_for(handed.wait(), 10)
    assert values == ["late"]
