"""Translators as services: what a start that fails leaves behind, with a stand-in for the Hurd."""

from __future__ import annotations

import _thread
import errno
import os

import pytest
from running import eventually, running_supervisor

from hurd.system import system
from hurd.system.nodes import ServerSpec
from pid1 import translator
from pid1.capture import Capture
from pid1.service import STOPPED, Service
from pid1.translator import TranslatorStart

_PFINET = ServerSpec(["/hurd/pfinet"])


async def test_what_a_translator_says_before_it_fails_is_logged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def start_server(node: str, server: ServerSpec, *, output: int) -> int:
        os.write(output, b"pfinet: /dev/eth0: no such device\n")
        raise OSError(errno.EIO, "it died", node)

    monkeypatch.setattr(system, "start_server", start_server)
    added: list[Capture] = []

    class Noted(Capture):
        def __init__(self, program: str) -> None:
            super().__init__(program)
            added.append(self)

    monkeypatch.setattr(translator, "Capture", Noted)
    before = sorted(system.open_descriptors())
    async with running_supervisor() as manager:
        service = Service(("net",), start=TranslatorStart("/servers/socket/2", _PFINET))
        manager.register([service])
        assert await manager.start(service) is False
        assert service.status == STOPPED
        await eventually(lambda: not added[0].pipes())
    assert [line for _, line in added[0].recent()] == ["pfinet: /dev/eth0: no such device"]
    assert sorted(system.open_descriptors()) == before


async def test_nothing_stays_open_when_there_is_no_thread_to_start_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def start_new_thread(*_arguments: object) -> int:
        raise RuntimeError("can't start new thread")

    async with running_supervisor() as manager:
        before = sorted(system.open_descriptors())
        service = Service(("net",), start=TranslatorStart("/servers/socket/2", _PFINET))
        manager.register([service])
        with monkeypatch.context() as changed:
            # A stand-in for a limit of processes, which does not hold for root.
            changed.setattr(_thread, "start_new_thread", start_new_thread)
            assert await manager.start(service) is False
        await eventually(lambda: sorted(system.open_descriptors()) == before)
