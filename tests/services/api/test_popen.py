"""``(ice-9 popen)``: pipes to and from real programs, without blocking the daemon."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from configured import Configured, configured

from services.scheme import SchemeError
from services.scheme.types import iterate

MODULES = "(use-modules (ice-9 popen) (ice-9 textual-ports) (ice-9 rdelim))"


@pytest.fixture
async def scheme() -> AsyncIterator[Configured]:
    async with configured() as scheme:
        await scheme.load(MODULES)
        yield scheme


async def test_the_output_of_a_command_is_read(scheme: Configured) -> None:
    value = await scheme.load(
        """(define port (open-input-pipe "echo one; sleep 0.05; echo two; exit 3"))
           (define first (read-line port))
           (define rest (get-string-all port))
           (list first rest (status:exit-val (close-pipe port)))"""
    )
    assert list(iterate(value)) == ["one", "two\n", 3]


async def test_a_command_reads_what_is_written(scheme: Configured, tmp_path: Path) -> None:
    file = tmp_path / "out"
    value = await scheme.load(
        f"""(define port (open-pipe* OPEN_WRITE "tee" "{file}"))
            (display "line\\n" port)
            (close-pipe port)"""
    )
    assert value == 0
    assert file.read_text() == "line\n"


async def test_others_go_on_while_one_waits_for_a_command(scheme: Configured) -> None:
    ticks = []

    async def tick() -> None:
        while True:
            ticks.append(1)
            await asyncio.sleep(0.005)

    ticking = asyncio.ensure_future(tick())
    await scheme.load('(define p (open-input-pipe "sleep 0.2")) (close-pipe p)')
    ticking.cancel()
    assert len(ticks) > 10


async def test_a_program_that_is_not_there_is_an_error(scheme: Configured) -> None:
    with pytest.raises(SchemeError) as caught:
        await scheme.load('(open-pipe* OPEN_READ "/no/such/program")')
    assert caught.value.key == "system-error"


async def test_only_a_pipe_can_be_closed_as_one(scheme: Configured) -> None:
    with pytest.raises(SchemeError):
        await scheme.load('(close-pipe (open-input-string ""))')
