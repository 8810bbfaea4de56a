"""The machine's part of the system in memory: what was done to it, and what shall go wrong.

Each call is noted in `calls` as its name and arguments; then the first fault that was put in for it
takes effect, if there is one.
"""

from __future__ import annotations

import errno
import os
import signal as signals

from hurd.system.base import RebootError, System
from hurd.system.machine import Memory, Mount
from hurd.system.mounts import MountFlags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any


class WouldHangError(AssertionError):
    """A call that was made to hang was made on the main thread, where nobody could go on."""


class Fault:
    """What happens instead of a call: see `FakeMachine.fail` and `FakeMachine.hang`."""

    def __init__(
        self, error: BaseException | None, times: int | None, when: Callable[..., bool] | None
    ) -> None:
        self.error = error  # None: it hangs
        self.times = times  # None: for ever
        self.when = when


class FakeMachine(System):
    """Faults, and a machine that remembers. `advance` lets time pass where no loop runs."""

    pid: int

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.faults: dict[str, list[Fault]] = {}
        self.now = 0.0
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._released: list[Any] = []
        self.reboot_errno = 0
        self.arguments: list[str] = []
        self.host = "fake"
        self.log_interval: float | None = None
        self.total_memory = 1 << 30
        self.swap: list[str] = []
        self.mounted = [Mount("device", "/", "ext2", ("ro",))]
        self.nodes: dict[str, os.stat_result] = {}
        self.essential: list[str] = []
        self.sockets_told: Callable[[], object] | None = None
        self.end_told: Callable[[], object] | None = None
        self.clock: float | None = None
        self.entropy = b""
        self.console = os.devnull
        self.terminals: list[int] = []

    # What tests do

    def fail(
        self,
        call: str,
        error: BaseException,
        *,
        times: int | None = 1,
        when: Callable[..., bool] | None = None,
    ) -> None:
        """Have `call` raise an error, so many times or (None) for ever, if `when(*args)` holds."""
        self._known(call)
        self.faults.setdefault(call, []).append(Fault(error, times, when))

    def hang(
        self, call: str, *, times: int | None = 1, when: Callable[..., bool] | None = None
    ) -> None:
        """Have `call` block its thread until `release`; on the main thread it is an error."""
        self._known(call)
        self.faults.setdefault(call, []).append(Fault(None, times, when))

    def release(self) -> None:
        """Let the calls go on that hang."""
        while self._released:
            self._released.pop().set()

    def _known(self, call: str) -> None:
        if not callable(getattr(System, call, None)):
            raise AttributeError(f"the interface has no call {call!r}")

    def later(self, seconds: float, function: Callable[[], None]) -> None:
        """Call a function on the running loop, or when `advance` has come so far."""
        import asyncio

        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._due.append((self.now + seconds, len(self._due), function))
            return
        loop.call_later(seconds, function)

    def advance(self, seconds: float) -> None:
        """Let time pass for what was planned while no loop ran."""
        end = self.now + seconds
        while self._due and min(self._due)[0] <= end:
            event = min(self._due)
            self._due.remove(event)
            self.now = event[0]
            event[2]()
        self.now = end

    def _note(self, call: str, *arguments: Any) -> None:
        self.calls.append((call, *arguments))
        self._meet(call, *arguments)

    def _meet(self, call: str, *arguments: Any) -> None:
        """Have the first fault that fits take effect."""
        for fault in self.faults.get(call, []):
            if fault.times == 0 or (fault.when is not None and not fault.when(*arguments)):
                continue
            if fault.times is not None:
                fault.times -= 1
            if fault.error is not None:
                raise fault.error
            self._hang(call)
            return

    def _hang(self, call: str) -> None:
        import threading

        if threading.current_thread() is threading.main_thread():
            raise WouldHangError(call)
        event = threading.Event()
        self._released.append(event)
        event.wait()

    # The first steps of a daemon

    def adapt_process(self) -> None:
        self._note("adapt_process")

    def is_init(self) -> bool:
        return self.pid == 1

    def start_local_sockets(self) -> None:
        self._note("start_local_sockets")

    def boot_arguments(self) -> list[str]:
        return list(self.arguments)

    def register_essential(self, name: str) -> bool:
        self._note("register_essential", name)
        self.essential.append(name)
        return True

    def on_local_sockets_lost(self, told: Callable[[], object]) -> None:
        self._note("on_local_sockets_lost")
        self.sockets_told = told

    def on_machine_end(self, told: Callable[[], object]) -> None:
        self._note("on_machine_end")
        self.end_told = told

    def allow_machine_end(self) -> None:
        self._note("allow_machine_end")

    # Power

    def reboot(self, action: str) -> None:
        self._note("reboot", action)
        if self.reboot_errno:
            raise RebootError(self.reboot_errno, f"RB_{action.upper().replace('-', '_')}")

    def disable_ctrl_alt_del(self) -> None:
        self._note("disable_ctrl_alt_del")

    def shutdown_signals(self) -> tuple[int, ...]:
        return (signals.SIGINT, signals.SIGTERM, signals.SIGHUP)

    # Names and logs

    def hostname(self) -> str:
        return self.host

    def set_hostname(self, name: str) -> None:
        self._note("set_hostname", name)
        self.host = name

    def kernel_log_interval(self) -> float | None:
        return self.log_interval

    def kernel_log_prefix(self) -> str:
        return "kernel: "

    def console_log_files(self) -> tuple[str, ...]:
        return ()

    # Memory

    def physical_memory(self) -> int:
        return self.total_memory

    def memory(self) -> Memory:
        return Memory(self.total_memory, self.total_memory // 2, 0, 0)

    def swap_devices(self) -> list[str]:
        return list(self.swap)

    def swap_on(self, device: str) -> None:
        self._note("swap_on", device)
        if device in self.swap:
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), device)
        self.swap.append(device)

    def swap_off(self, device: str) -> None:
        self._note("swap_off", device)
        if device not in self.swap:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), device)
        self.swap.remove(device)

    # File systems

    def mount(self, source: str, target: str, type: str, options: Sequence[str] = ()) -> None:
        self._note("mount", source, target, type, tuple(options))
        if self._mounted(target) is not None:
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), target)
        self.mounted.append(Mount(source, target, type, tuple(options)))

    def unmount(self, target: str, *, force: bool = False) -> None:
        self._note("unmount", target, force)
        found = self._need(target)
        if not force and any(
            m.target.startswith(target.rstrip("/") + "/") for m in self.mounted if m is not found
        ):
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), target)
        self.mounted.remove(found)

    def remount(self, target: str, options: Sequence[str]) -> None:
        self._note("remount", target, tuple(options))
        found = self._need(target)
        change = MountFlags(options)
        kept = [
            word
            for word in found.options
            if word not in options
            and not MountFlags([word]).flags & change.cleared
            and not MountFlags([word]).cleared & change.flags
        ]
        found.options = (*kept, *options)

    def mounts(self) -> list[Mount]:
        self._meet("mounts")
        return sorted(self.mounted, key=lambda mount: [p for p in mount.target.split("/") if p])

    def _mounted(self, target: str) -> Mount | None:
        return next((mount for mount in self.mounted if mount.target == target), None)

    def _need(self, target: str) -> Mount:
        found = self._mounted(target)
        if found is None:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), target)
        return found

    def is_read_only(self, path: str) -> bool:
        self._meet("is_read_only", path)
        mount = self._mounted(path)
        words = mount.options if mount is not None else ()
        return "ro" in words or "--readonly" in words

    def sync(self) -> None:
        self._note("sync")

    def lstat(self, path: str) -> os.stat_result:
        self._meet("lstat", path)
        if path not in self.nodes:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return self.nodes[path]

    def names_in(self, directory: str) -> list[str]:
        self._meet("names_in", directory)
        places = (path.rpartition("/") for path in self.nodes)
        return [name for parent, _, name in places if (parent or "/") == directory]

    # Terminals

    def become_session_leader(self) -> None:
        self._note("become_session_leader")

    def open_console(self) -> int:
        self._note("open_console")
        return os.open(self.console, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)

    def console_type(self) -> str:
        return "dumb"

    def take_terminal(self, descriptor: int) -> None:
        self._note("take_terminal", descriptor)
        self.terminals.append(descriptor)

    def reset_terminal(self, descriptor: int) -> None:
        self._note("reset_terminal", descriptor)

    # Time, records, chance

    def set_clock(self, seconds: float) -> None:
        self._note("set_clock", seconds)
        self.clock = seconds

    def record_boot(self) -> None:
        self._note("record_boot")

    def record_shutdown(self) -> None:
        self._note("record_shutdown")

    def add_entropy(self, seed: bytes) -> None:
        self._note("add_entropy", seed)
        self.entropy += seed
