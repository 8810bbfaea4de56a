"""Socket activation with real programs: a small server that takes LISTEN_FDS."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from running import eventually, free_port

from hurd.system import SpawnSpec
from pid1.activation import Activation, Waiting, activation_destructor
from pid1.addresses import INET, UNIX, Address
from pid1.endpoints import Endpoint
from pid1.service import RUNNING, STOPPED, Service
from pid1.sexp import write
from pid1.supervisor import Supervisor
from pid1.values import Process

# Answers each connection with its PID, the number of the socket and what it was given.
SERVER = """
import os, select, socket
assert os.environ["LISTEN_PID"] == str(os.getpid())
count = int(os.environ["LISTEN_FDS"])
sockets = [socket.socket(fileno=3 + n) for n in range(count)]
assert all(os.get_blocking(s.fileno()) for s in sockets)
while True:
    for ready in select.select(sockets, [], [])[0]:
        connection, _ = ready.accept()
        text = f"{os.getpid()} {ready.fileno()} {os.environ['LISTEN_FDNAMES']}"
        connection.sendall(text.encode())
        connection.close()
"""


@pytest.fixture
def addresses(tmp_path: Path) -> list[Address]:
    return [Address(UNIX, str(tmp_path / "s")), Address(INET, 0x7F000001, free_port())]


def activated(
    manager: Supervisor,
    addresses: list[Address],
    command: list[str] | None = None,
    *,
    respawn: bool = False,
    handler: Any = None,
    **options: Any,
) -> Service:
    spec = SpawnSpec(command or [sys.executable, "-c", SERVER], ["A=b"], directory="/")
    endpoints = [Endpoint(a, name=f"s{n}") for n, a in enumerate(addresses)]
    service = Service(
        ("sysd",),
        start=Activation(spec, endpoints, **options),
        stop=activation_destructor,
        respawn=respawn,
        respawn_delay=0.2,
        termination_handler=handler,
    )
    manager.register([service])
    return service


async def ask(address: Address) -> tuple[int, int, str]:
    if address.family == UNIX:
        reader, writer = await asyncio.open_unix_connection(address.parts[0])
    else:
        reader, writer = await asyncio.open_connection(address.host, address.port)
    pid, number, names = (await reader.read()).decode().split()
    writer.close()
    return int(pid), int(number), names


async def test_the_first_connection_starts_the_program(
    manager: Supervisor, addresses: list[Address], log: list[str]
) -> None:
    service = activated(manager, addresses)
    assert isinstance(await manager.start(service), Waiting)
    assert service.status == RUNNING
    pid, number, names = await ask(addresses[1])
    assert isinstance(service.value, Process)
    assert (service.value.pid, number, names) == (pid, 4, "s0:s1")
    assert (await ask(addresses[0]))[:2] == (pid, 3)
    assert f"Spawning systemd-style service {sys.executable}." in log
    assert any(
        line.startswith("Running value of service sysd changed to #<<process>") for line in log
    )
    await manager.stop(service)
    for address in addresses:
        with pytest.raises(OSError):
            await ask(address)


async def test_it_can_be_started_at_once(manager: Supervisor, addresses: list[Address]) -> None:
    service = activated(manager, addresses, lazy=False)
    value = await manager.start(service)
    assert isinstance(value, Process)
    assert (await ask(addresses[0]))[0] == value.pid


async def test_a_service_that_waits_can_be_stopped(
    manager: Supervisor, addresses: list[Address]
) -> None:
    service = activated(manager, addresses)
    await manager.start(service)
    await manager.stop(service)
    with pytest.raises(OSError):
        await ask(addresses[0])
    await manager.start(service)
    assert (await ask(addresses[0]))[1] == 3


@pytest.mark.parametrize("lazy", [True, False])
async def test_no_connection_is_refused_while_it_is_respawned(
    manager: Supervisor, addresses: list[Address], lazy: bool
) -> None:
    service = activated(manager, addresses, respawn=True, lazy=lazy)
    await manager.start(service)
    seen = {(await ask(addresses[1]))[0]}
    for _ in range(2):
        os.kill(service.value.pid, signal.SIGKILL)
        await eventually(lambda: service.status == STOPPED)
        seen.add((await asyncio.wait_for(ask(addresses[1]), 5))[0])
    assert len(seen) == 3
    assert len(service.respawns) == 2


async def test_without_respawn_the_sockets_are_closed(
    manager: Supervisor, addresses: list[Address]
) -> None:
    service = activated(manager, addresses)
    await manager.start(service)
    await ask(addresses[1])
    os.kill(service.value.pid, signal.SIGTERM)
    await eventually(lambda: not service.enabled)
    with pytest.raises(ConnectionRefusedError):
        await ask(addresses[1])


async def test_a_program_that_always_fails_is_disabled_and_its_sockets_closed(
    manager: Supervisor, addresses: list[Address]
) -> None:
    service = activated(manager, addresses, ["/bin/false"], respawn=True)
    service.respawn_delay = 0.0
    await manager.start(service)
    _, writer = await asyncio.open_connection("127.0.0.1", addresses[1].port)
    await eventually(lambda: not service.enabled)
    writer.close()
    with pytest.raises(ConnectionRefusedError):
        await ask(addresses[1])


async def test_a_program_that_cannot_run_ends_the_service(
    manager: Supervisor, addresses: list[Address], log: list[str]
) -> None:
    service = activated(manager, addresses, ["/no/such/program"])
    await manager.start(service)
    _, writer = await asyncio.open_unix_connection(addresses[0].parts[0])
    await eventually(lambda: not service.enabled)
    assert any("/no/such/program" in line and "No such file" in line for line in log)
    writer.close()
    eager = activated(manager, addresses, ["/no/such/program"], lazy=False)
    assert await manager.start(eager) is False
    with pytest.raises(ConnectionRefusedError):
        await ask(addresses[1])


async def test_a_replacement_gets_the_addresses(
    manager: Supervisor, addresses: list[Address]
) -> None:
    service = activated(manager, addresses, respawn=True)
    await manager.start(service)
    old = (await ask(addresses[1]))[0]
    replacement = activated(manager, addresses, respawn=True)
    assert service.replacement is replacement
    os.kill(old, signal.SIGKILL)
    await eventually(lambda: replacement.status == RUNNING)
    assert (await ask(addresses[1]))[0] == replacement.value.pid


async def test_a_handler_of_ones_own_is_called(
    manager: Supervisor, addresses: list[Address]
) -> None:
    called: list[tuple[Any, ...]] = []
    service = activated(manager, addresses, handler=lambda *arguments: called.append(arguments))
    await manager.start(service)
    pid = (await ask(addresses[1]))[0]
    value = service.value
    os.kill(pid, signal.SIGKILL)
    await eventually(lambda: called)
    assert called == [(service, value, 9)]
    assert service.enabled
    with pytest.raises(ConnectionRefusedError):
        await ask(addresses[1])


async def test_nothing_leaks(manager: Supervisor, addresses: list[Address]) -> None:
    service = activated(manager, addresses)
    await manager.start(service)
    await manager.stop(service)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        await manager.start(service)
        await ask(addresses[0])
        await manager.stop(service)
    await eventually(lambda: len(os.listdir("/proc/self/fd")) == before)


async def test_it_is_written_as_the_gnu_shepherd_writes_it(
    manager: Supervisor, addresses: list[Address]
) -> None:
    service = activated(manager, addresses[:1], ["/bin/sh", "-c", "x"])
    value = await manager.start(service)
    endpoint = Endpoint(addresses[0], name="s0")
    descriptor = value.sockets[0].fileno()
    assert write(value.to_wire()) == (
        f"(systemd-service (version 0) (endpoints ({write(endpoint.to_wire())})) "
        f'(sockets ({descriptor})) (command ("/bin/sh" "-c" "x")))'
    )
    assert str(value).startswith("#<<systemd-service> endpoints: (#<<endpoint> name: ")


async def test_who_connects_while_nothing_can_be_started_is_served_later(
    manager: Supervisor,
    addresses: list[Address],
    log: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("pid1.activation._FIRST_PAUSE", 0.02)
    place = tmp_path / "logs"
    place.touch()  # where there should be a directory
    service = activated(manager, addresses, log_file=str(place / "server.log"))
    await manager.start(service)
    asking = asyncio.ensure_future(ask(addresses[0]))
    await eventually(lambda: "Trying to start sysd again in 0.04 seconds." in log)
    assert service.status == RUNNING
    place.unlink()
    pid, _number, _names = await asking
    assert isinstance(service.value, Process)
    assert service.value.pid == pid
    assert (place / "server.log").exists()
