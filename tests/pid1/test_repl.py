"""The REPL service's sockets and client services; the conversation here is an echo."""

from __future__ import annotations

import asyncio
from pathlib import Path

from running import eventually, logged

from pid1.repl import repl_service
from pid1.service import RUNNING
from pid1.supervisor import Supervisor


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"hello> ")
    while line := await reader.readline():
        if line == b"fail\n":
            raise RuntimeError("oh")
        if line == b"quit\n":
            return
        writer.write(line)
        await writer.drain()


async def test_each_client_has_a_service(manager: Supervisor, tmp_path: Path) -> None:
    path = tmp_path / "repl"
    path.write_text("left over")
    service = repl_service(str(path), echo)
    manager.register([service])
    async with logged() as log:
        await manager.start(service)
        assert path.stat().st_mode & 0o777 == 0o600
        reader, writer = await asyncio.open_unix_connection(path)
        assert await reader.readexactly(7) == b"hello> "
        await eventually(lambda: manager.registry.lookup("repl-client-1").status == RUNNING)
        assert str(manager.registry.lookup("repl-client-1").value).startswith("#<input-output: so")
        other_reader, other = await asyncio.open_unix_connection(path)
        await eventually(lambda: manager.registry.get("repl-client-2"))
        writer.write(b"text\n")
        assert await reader.readline() == b"text\n"
        writer.write(b"quit\n")
        assert await reader.read() == b""
        await eventually(lambda: manager.registry.get("repl-client-1") is None)
        other.close()
        await eventually(lambda: len(manager.registry) == 1)
        assert log.count("Accepting REPL connection.") == 2
        await manager.stop(service)
        assert not path.exists()
        await other_reader.read()


async def test_a_client_can_be_thrown_out(manager: Supervisor, tmp_path: Path) -> None:
    service = repl_service(str(tmp_path / "repl"), echo)
    manager.register([service])
    await manager.start(service)
    reader, writer = await asyncio.open_unix_connection(tmp_path / "repl")
    await eventually(lambda: manager.registry.get("repl-client-1"))
    client = manager.registry.lookup("repl-client-1")
    await eventually(lambda: client.status == RUNNING)
    await manager.stop(client)
    assert await asyncio.wait_for(reader.read(), 2) in (b"", b"hello> ")
    writer.close()


async def test_an_error_in_a_conversation_ends_that_one_only(
    manager: Supervisor, tmp_path: Path
) -> None:
    service = repl_service(str(tmp_path / "repl"), echo)
    manager.register([service])
    await manager.start(service)
    async with logged() as log:
        reader, writer = await asyncio.open_unix_connection(tmp_path / "repl")
        writer.write(b"fail\n")
        assert await reader.read() == b"hello> "
        await eventually(lambda: len(manager.registry) == 1)
        assert any(line.startswith("Uncaught REPL exception: ") for line in log)
    assert service.status == RUNNING
    writer.close()
