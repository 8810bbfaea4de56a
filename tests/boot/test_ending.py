"""A daemon whose own sockets die begins anew, with the services it had."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from hurd.system.fake import FakeSystem, exits
from pid1.reexec import inherited_listener
from tests.boot.fakeboot import fake_boot


async def test_the_daemon_asks_to_be_told_when_a_login_is_offered(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    system = FakeSystem()
    system.plan("/sbin/e2fsck", exits(0))
    async with fake_boot(monkeypatch, tmp_path, system, fstab="/dev/hd0s1 / ext2 rw 0 1\n") as boot:
        await boot.until("multi-user", "running")
        while system.sockets_told is None:
            await boot.until("multi-user", "running")
            await asyncio.sleep(0.02)
        executed: list[object] = []
        monkeypatch.setattr("pid1.reexec.execute", executed.append)
        await asyncio.to_thread(system.sockets_told)
        assert executed == [boot.daemon]


def test_a_control_socket_that_is_dead_is_opened_again() -> None:
    reader, writer = os.pipe()
    os.close(writer)
    assert inherited_listener({"listener": reader}) is None  # no socket any more
    assert inherited_listener({"listener": None}) is None
    os.close(reader)
