"""Services in the style of inetd, with real connections and programs."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from running import eventually, free_port

from hurd.system import SpawnSpec
from pid1.addresses import INET, UNIX, Address
from pid1.endpoints import Endpoint
from pid1.inetd import Inetd, InetdStart, inetd_destructor
from pid1.log import Output, client_output
from pid1.service import RUNNING, Service
from pid1.sexp import write
from pid1.supervisor import Supervisor

LOOPBACK = 0x7F000001


def shell(text: str) -> SpawnSpec:
    return SpawnSpec(["/bin/sh", "-c", text], ["PATH=/bin:/usr/bin"], directory="/")


CAT = SpawnSpec(["/bin/cat"], [], directory="/")


async def started(
    manager: Supervisor, spec: SpawnSpec, *addresses: Address, **options: Any
) -> Service:
    service = Service(
        ("inet",),
        start=InetdStart(spec, [Endpoint(address) for address in addresses], stem="cat", **options),
        stop=inetd_destructor,
    )
    manager.register([service])
    assert isinstance(await manager.start(service), Inetd)
    return service


async def ask(address: Address, text: bytes) -> bytes:
    """Connect, send, and read to the end."""
    if address.family == UNIX:
        reader, writer = await asyncio.open_unix_connection(address.parts[0])
    else:
        reader, writer = await asyncio.open_connection(address.host, address.port)
    try:
        writer.write(text)
        writer.write_eof()
        return await reader.read()
    except OSError:
        return b""  # a connection that is rejected may be reset
    finally:
        writer.close()


async def test_each_connection_has_a_program(
    manager: Supervisor, tmp_path: Path, log: list[str]
) -> None:
    tcp, unix = Address(INET, LOOPBACK, free_port()), Address(UNIX, str(tmp_path / "d" / "s"))
    output = Output()
    client_output.set(output)
    await started(manager, CAT, tcp, unix)
    said = len(output.lines)
    assert await ask(tcp, b"hello") == b"hello"
    assert await ask(unix, b"x" * 100_000) == b"x" * 100_000
    await eventually(lambda: len(manager.registry) == 1)
    assert log.count(f"Accepted connection on {unix} from local process.") == 1
    assert any(line.startswith(f"Accepted connection on {tcp} from 127.0.0.1:") for line in log)
    # Either may be the last.
    assert any(re.match("0 connections still in use after cat-[12] termination", s) for s in log)
    assert "Transient service cat-2 terminated, now unregistered." in log
    assert len(output.lines) == said  # the client that started it hears no more of it


async def test_the_program_knows_its_connection(manager: Supervisor) -> None:
    address = Address(INET, LOOPBACK, free_port())
    await started(manager, shell("env | grep TCP | sort; pwd >&2"), address)
    _, writer = reader, writer = await asyncio.open_connection("127.0.0.1", address.port)
    port = writer.get_extra_info("sockname")[1]
    assert (await reader.read()).decode().splitlines() == [
        "TCPLOCALIP=127.0.0.1",
        f"TCPLOCALPORT={address.port}",
        "TCPREMOTEIP=127.0.0.1",
        f"TCPREMOTEPORT={port}",
        "/",
    ]
    writer.close()


async def test_only_so_many_connections_are_accepted(manager: Supervisor, log: list[str]) -> None:
    address = Address(INET, LOOPBACK, free_port())
    await started(manager, CAT, address, max_connections=2)
    streams = [await asyncio.open_connection("127.0.0.1", address.port) for _ in range(2)]
    await eventually(lambda: len(manager.registry) == 3)
    assert await ask(address, b"") == b""
    assert any(
        line.startswith(
            f"Maximum number of {address} clients reached; rejecting connection from 127"
        )
        for line in log
    )
    for _, writer in streams:
        writer.close()
    await eventually(lambda: len(manager.registry) == 1)
    assert await ask(address, b"again") == b"again"


async def test_one_source_cannot_take_all(manager: Supervisor, log: list[str]) -> None:
    address = Address(INET, 0, free_port())
    await started(manager, CAT, address, max_per_source=1)
    _, first = await asyncio.open_connection("127.0.0.1", address.port)
    await eventually(lambda: len(manager.registry) == 2)
    assert await ask(Address(INET, LOOPBACK, address.port), b"x") == b""
    assert any(f"Maximum number of {address} clients from 127.0.0.1 reached" in ln for ln in log)
    reader, other = await asyncio.open_connection(
        "127.0.0.2", address.port, local_addr=("127.0.0.2", 0)
    )
    other.write(b"y")
    assert await reader.read(1) == b"y"
    first.close()
    other.close()
    await eventually(lambda: len(manager.registry) == 1)


async def test_a_connection_stopped_by_hand_is_free_again(manager: Supervisor) -> None:
    address = Address(INET, LOOPBACK, free_port())
    service = await started(manager, CAT, address, max_connections=1)
    _, writer = await asyncio.open_connection("127.0.0.1", address.port)
    await eventually(lambda: manager.registry.get("cat-1"))
    child = manager.registry.lookup("cat-1")
    await eventually(lambda: child.status == RUNNING)
    await manager.stop(child)
    assert manager.registry.get("cat-1") is None
    assert service.value.connections == 0
    assert await ask(address, b"next") == b"next"
    writer.close()


async def test_stopping_leaves_connections_in_use(manager: Supervisor) -> None:
    address = Address(INET, LOOPBACK, free_port())
    service = await started(manager, CAT, address)
    reader, writer = await asyncio.open_connection("127.0.0.1", address.port)
    # Until its program has been executed it has a copy of the listening socket.
    writer.write(b"ready")
    assert await reader.read(5) == b"ready"
    await manager.stop(service)
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", address.port)
    writer.write(b"still here")
    assert await reader.read(10) == b"still here"
    writer.close()
    await eventually(lambda: manager.registry.get("cat-1") is None)
    await manager.start(service)
    assert await ask(address, b"x") == b"x"


async def test_a_program_that_cannot_run_frees_its_place(
    manager: Supervisor, log: list[str]
) -> None:
    address = Address(INET, LOOPBACK, free_port())
    spec = SpawnSpec(["/no/such/program"], [], directory="/")
    service = await started(manager, spec, address)
    assert await ask(address, b"") == b""
    await eventually(lambda: service.value.connections == 0)
    assert len(manager.registry) == 1
    assert any("/no/such/program" in line for line in log)


async def test_connections_have_requirements(manager: Supervisor) -> None:
    address = Address(INET, LOOPBACK, free_port())
    needed = Service(("needed",))
    manager.register([needed])
    await started(manager, CAT, address, requirements=("needed",))
    assert await ask(address, b"x") == b"x"
    assert needed.status == RUNNING


async def test_many_connections_at_once(manager: Supervisor) -> None:
    address = Address(INET, LOOPBACK, free_port())
    await started(manager, CAT, address)
    answers = await asyncio.gather(*(ask(address, b"%d" % n) for n in range(60)))
    assert answers == [b"%d" % n for n in range(60)]
    await eventually(lambda: len(manager.registry) == 1)


async def test_it_is_written_as_the_gnu_shepherd_writes_it(
    manager: Supervisor, tmp_path: Path
) -> None:
    address = Address(UNIX, str(tmp_path / "s"))
    service = await started(manager, CAT, address)
    descriptor = service.value.sockets[0].fileno()
    endpoint = Endpoint(address)
    assert write(service.value.to_wire()) == (
        f"(inetd-service (version 0) (endpoints ({write(endpoint.to_wire())})) "
        f'(sockets ({descriptor})) (command ("/bin/cat")))'
    )
    assert str(service.value) == (
        f"#<<inetd-service> endpoints: ({endpoint}) "
        f'sockets: (#<input-output: socket {descriptor}>) command: ("/bin/cat")>'
    )
