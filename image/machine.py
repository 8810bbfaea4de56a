"""A virtual machine that runs: QEMU, the guest's serial line and QEMU's control socket.

QEMU never outlives the program that started it: it ends with the `async with` block, however that
is left, and (on Linux) when the program is killed.  Both sockets are made before QEMU starts, so
there are no paths to clean up and nothing to wait for.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from hurd.system import system
from image.errors import ConfigurationError, ImageError, ImageInUse, NotAnImage, ToolFailed
from image.qemu import Machine, command_line
from image.qmp import Monitor
from image.run import find_tool

_READ_SIZE = 65536
_END_GRACE = 5.0  # seconds that QEMU has to end after it was told to
_OUTPUT_KEPT = 16384  # bytes of what QEMU itself says


@dataclass(frozen=True)
class Ending:
    """Why a machine ended, and QEMU's exit status (negative: the signal that ended it)."""

    reason: str  # QMP's: "guest-reset", "guest-shutdown", "host-qmp-quit", …; "" if QEMU just died
    status: int
    output: str  # what QEMU itself said


class VirtualMachine:
    """QEMU with `machine` in it; use it with `async with`, which starts and ends it."""

    def __init__(
        self, machine: Machine, on_reset: Callable[[str], None] = lambda reason: None
    ) -> None:
        """`on_reset(reason)` is called whenever the guest starts anew."""
        self.machine = machine
        self._on_reset = on_reset
        self._reason = ""
        self._output = bytearray()
        self._monitor = Monitor(self._event)
        self._process: asyncio.subprocess.Process | None = None
        self._helpers: list[asyncio.Task[None]] = []
        self._ending: Ending | None = None

    async def __aenter__(self) -> Self:
        """Start QEMU and let the guest run.

        Raises MissingTool, ImageInUse, ConfigurationError or ToolFailed, if QEMU did not start.
        """
        program = find_tool(self.machine.emulator)
        control, control_qemu = socket.socketpair()
        line, line_qemu = socket.socketpair()
        with control_qemu, line_qemu:
            words = command_line(
                self.machine, monitor=control_qemu.fileno(), serial=line_qemu.fileno()
            )
            self._process = await asyncio.create_subprocess_exec(
                program,
                *words,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                pass_fds=(control_qemu.fileno(), line_qemu.fileno()),
                start_new_session=True,  # Ctrl-C at the terminal is ours to handle
                preexec_fn=system.end_with_parent,
            )
        try:
            self._helpers.append(asyncio.create_task(self._collect_output()))
            self._reader, self._writer = await asyncio.open_connection(sock=line)
            try:
                await self._monitor.connect(control)
            except EOFError:
                ending = await self._wait()
                raise _why(self.machine, ending) from None
            await self._monitor.execute("cont")
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End QEMU, whatever happened."""
        await self._end()

    @property
    def pid(self) -> int:
        """QEMU's process."""
        return self._process.pid if self._process is not None else 0

    async def read(self) -> bytes:
        """What the guest wrote on its serial line; empty when the machine has ended."""
        try:
            return await self._reader.read(_READ_SIZE)
        except ConnectionError:
            return b""

    async def write(self, data: bytes) -> None:
        """Type on the guest's serial line."""
        self._writer.write(data)
        with contextlib.suppress(ConnectionError):
            await self._writer.drain()

    async def status(self) -> str:
        """See Monitor.status."""
        return await self._monitor.status()

    async def reset(self) -> None:
        """Press the reset button."""
        await self._monitor.execute("system_reset")

    async def press_power(self) -> None:
        """Press the power button, which a guest with ACPI answers by shutting down."""
        await self._monitor.execute("system_powerdown")

    async def quit(self) -> None:
        """End QEMU at once; the guest is not asked."""
        await self._monitor.execute("quit")

    async def wait(self) -> Ending:
        """Wait until the machine has ended by itself."""
        return await self._wait()

    def _event(self, name: str, reason: str) -> None:
        if name == "RESET" and reason != "host-qmp-system-reset":
            self._on_reset(reason)
        elif name == "SHUTDOWN":
            self._reason = reason
        elif name == "GUEST_PANICKED":
            self._reason = "guest-panic"

    async def _collect_output(self) -> None:
        """Keep the end of what QEMU itself says."""
        assert self._process is not None and self._process.stdout is not None
        while data := await self._process.stdout.read(_READ_SIZE):
            self._output += data
            del self._output[:-_OUTPUT_KEPT]

    async def _wait(self) -> Ending:
        """Wait for QEMU's end and for the events that it sent before."""
        assert self._process is not None
        status = await self._process.wait()
        await asyncio.gather(*self._helpers)
        await self._monitor.close()
        if self._ending is None:
            output = self._output.decode(errors="replace").strip()
            self._ending = Ending(self._reason, status, output)
        return self._ending

    async def _end(self) -> None:
        """End QEMU if it still runs: by request, then by force."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(self._process.wait(), _END_GRACE)
            except BaseException:
                with contextlib.suppress(ProcessLookupError):
                    self._process.kill()
                await asyncio.shield(self._process.wait())
        await self._wait()
        if hasattr(self, "_writer"):
            self._writer.close()


def _why(machine: Machine, ending: Ending) -> ImageError:
    """The error for a QEMU that did not start, from what it said."""
    said = ending.output
    path = next(
        (str(disk) for disk in machine.disks if f"{disk.absolute()}" in said), str(machine.image)
    )
    if re.search(r'Failed to get (shared )?".*" lock', said):
        return ImageInUse(path)
    if rule := re.search(r"Could not set up host forwarding rule '([^']*)'", said):
        return ConfigurationError("--forward", f"{rule[1]}: another program uses this port")
    if "Permission denied" in said and path in said:
        return NotAnImage(f"{path}: may not be written; --snapshot leaves it as it is")
    if "Could not access KVM" in said or "failed to initialize kvm" in said:
        return ConfigurationError("--accelerator", f"kvm cannot be used here: {said}")
    if "Cannot allocate memory" in said or "cannot set up guest memory" in said:
        return ConfigurationError("--memory", f"this machine has not that much: {said}")
    return ToolFailed(machine.emulator, ending.status, said)
