"""A machine in memory that boots with the real definitions: a fake, for a Hurd cannot run here.

Everything but the machine is real: the supervisor, the language, ``hurd.scm`` and its steps.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

import hurd.system
from boot import guard, places, running
from boot.arguments import read_arguments
from hurd.system.fake import FakeSystem
from pid1.control import SocketError
from pid1.daemon import Daemon
from pid1.events import the_events
from pid1.log import the_log
from services import configuration
from services.scheme import modules

INIT = """
(use-modules (drover hurd))
(register-services (hurd-services))
(start-in-the-background (boot-targets))
"""


class FakeBoot:
    """A boot in progress."""

    def __init__(self, daemon: Daemon, system: FakeSystem) -> None:
        self.daemon = daemon
        self.system = system

    def status(self, name: str) -> str:
        return self.daemon.supervisor.registry.lookup(name).status

    async def until(self, name: str, status: str, seconds: float = 6.0) -> None:
        """Wait until a service has a status."""
        end = asyncio.get_running_loop().time() + seconds
        while self.daemon.supervisor.registry.get(name) is None or self.status(name) != status:
            if asyncio.get_running_loop().time() > end:
                now = {one.name: one.status for one in self.daemon.supervisor.registry}
                raise AssertionError(f"{name} is not {status}: {now}")
            await asyncio.sleep(0.005)

    async def settle(self, seconds: float = 6.0) -> None:
        """Wait until there is a login, or the shell that takes its place."""
        end = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < end:
            await asyncio.sleep(0.01)
            for one in self.daemon.supervisor.registry:
                if one.name in ("multi-user", "emergency-shell") and one.status == "running":
                    return
        raise AssertionError("neither a login nor a shell")

    def calls(self, name: str) -> list[tuple[object, ...]]:
        """The arguments of each call of the machine's interface with that name."""
        return [tuple(call[1:]) for call in self.system.calls if call[0] == name]


def use(monkeypatch: pytest.MonkeyPatch, fake: FakeSystem) -> None:
    """Put the fake in the place of the real machine, in all modules that know it."""
    real = hurd.system.system
    for module in list(sys.modules.values()):
        if getattr(module, "system", None) is real:
            monkeypatch.setattr(module, "system", fake)


@asynccontextmanager
async def fake_boot(
    monkeypatch: pytest.MonkeyPatch,
    directory: Path,
    system: FakeSystem,
    *,
    words: Sequence[str] = ("root=device:hd0s1", "console=com0"),
    fstab: str = "",
    init: str = INIT,
    grace: float = 0.2,
    patience: float = 5.0,
) -> AsyncIterator[FakeBoot]:
    """Boot the machine ``system`` in ``directory``; it is thrown away at the end."""
    import boot.api  # noqa: F401 - before the fake is put in its place
    import services.api.translator  # noqa: F401
    from services.api import system_log

    monkeypatch.setattr(system_log.system_log_file, "default", str(directory / "log"))
    monkeypatch.setattr(system_log.kernel_log_file, "default", False)
    monkeypatch.setattr(system_log, "_default", lambda _message: [str(directory / "messages")])
    use(monkeypatch, system)
    root = directory / "root"
    for name in ("etc", "run", "tmp", "dev", "proc", "servers", "var/lib", "sbin", "bin"):
        (root / name).mkdir(parents=True, exist_ok=True)
    (root / "etc/fstab").write_text(fstab)
    (root / "etc/hostname").write_text("testbed\n")
    for program in ("sbin/e2fsck", "bin/sh"):
        (root / program).touch(0o755)
    monkeypatch.setattr(places, "root", str(root))
    for name in [name for name in modules._loaded if name[0] == "drover"]:
        del modules._loaded[name]
    monkeypatch.setattr(running, "arguments", read_arguments(words))
    # What belongs to a daemon's loop ends with it.
    monkeypatch.setattr(the_events, "listeners", [])
    monkeypatch.setattr(the_log, "defer", None)
    file = directory / "init.scm"
    file.write_text(init)

    def no_socket(_path: str) -> object:
        raise SocketError("there is no place for it")

    daemon = Daemon(
        None, str(directory / "socket"), configuration.load_file, configuration.evaluate_text,
        open_listener=no_socket,  # type: ignore[arg-type]
    )  # fmt: skip
    monkeypatch.setattr(daemon, "open_control_socket", lambda: True)
    configuration.install(daemon)
    monkeypatch.setattr(guard.Guard.__init__, "__defaults__", (grace, patience))
    guard.install(daemon)
    system.on_child_exit = daemon.supervisor.children.reap
    daemon.configuration = str(file)
    work = asyncio.create_task(daemon.run(lambda: configuration.load_configuration(str(file))))
    try:
        yield FakeBoot(daemon, system)
    finally:
        system.release()
        log_service = daemon.supervisor.registry.get("system-log")
        if log_service is not None and log_service.status == "running":
            # It has a real socket.
            with contextlib.suppress(Exception):
                await asyncio.wait_for(daemon.supervisor.stop(log_service), 5)
        work.cancel()
        for task in list(daemon.supervisor._tasks):
            task.cancel()
        await asyncio.sleep(0)
        daemon.server.close()
