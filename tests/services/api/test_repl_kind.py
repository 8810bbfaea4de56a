"""The REPL service: a conversation on its socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from configured import Configured
from running import eventually


class Conversation:
    """A client of the REPL."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def until(self, mark: bytes) -> str:
        """What is printed before ``mark``."""
        data = await asyncio.wait_for(self.reader.readuntil(mark), 5)
        return data.removesuffix(mark).decode()

    async def say(self, text: str) -> str:
        """The answer to an expression."""
        self.writer.write(text.encode() + b"\n")
        return await self.until(b"scheme@(shepherd-user)> ")


@pytest.fixture
async def conversation(scheme: Configured, tmp_path: Path) -> AsyncIterator[Conversation]:
    await scheme.load(
        f"""
        (use-modules (shepherd service repl))
        (register-services (list (repl-service "{tmp_path}/repl")))
        """
    )
    await scheme.start("repl")
    client = Conversation(*await asyncio.open_unix_connection(tmp_path / "repl"))
    await client.until(b"scheme@(shepherd-user)> ")
    yield client
    client.writer.close()


async def test_a_conversation(conversation: Conversation) -> None:
    first = await conversation.say("(+ 2 3)")
    number = int(first.split()[0].removeprefix("$"))
    assert first == f"${number} = 5\n"
    assert await conversation.say('(display "x")') == "x"
    assert await conversation.say("(define zz 1)") == ""
    assert await conversation.say("zz") == f"${number + 1} = 1\n"
    assert await conversation.say("(values 1 2)") == f"${number + 2} = 1\n${number + 3} = 2\n"
    assert await conversation.say("(if #f #f)") == ""
    assert (await conversation.say('(error "boom" 1)')).endswith("boom 1\n")
    assert "Unbound variable: unbound-thing" in await conversation.say("(unbound-thing)")
    both = await conversation.say("(use-modules (shepherd service))(service-name-count)")
    assert both == f"${number + 4} = 2\n"
    assert await conversation.say(f"(+ 1 ${number})") == f"${number + 5} = 6\n"
    conversation.writer.write(b"(list 1\n")
    assert await conversation.say("2)") == f"${number + 6} = (1 2)\n"


async def test_what_is_no_expression_is_told(conversation: Conversation) -> None:
    assert ")" in await conversation.say(") 5")
    assert await conversation.say(",help") != ""
    assert await conversation.say(",zork") == "Unknown meta command: zork\n"


async def test_leaving(scheme: Configured, conversation: Conversation) -> None:
    assert "repl-client-1" in {one.name for one in scheme.manager.registry}
    conversation.writer.write(b",q\n")
    assert await asyncio.wait_for(conversation.reader.read(), 5) == b""
    await eventually(lambda: scheme.manager.registry.get("repl-client-1") is None)


async def test_a_long_computation_does_not_stop_others(
    scheme: Configured, conversation: Conversation
) -> None:
    conversation.writer.write(b"(let loop () (loop))\n")
    await asyncio.sleep(0.05)
    begin = asyncio.get_running_loop().time()
    for _ in range(10):
        await asyncio.sleep(0)
    assert asyncio.get_running_loop().time() - begin < 0.2
    await scheme.manager.stop(scheme.service("repl-client-1"))
    await asyncio.wait_for(conversation.reader.read(), 5)
