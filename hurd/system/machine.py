"""The part of the operating-system interface that concerns the machine: power, file systems,
memory, terminals, the clock.  `hurd.system.base.System` adds processes, users and sockets.

Calls on file systems and swap may block for as long as a disk or a server does.
"""

from __future__ import annotations

from hurd.system.nodes import Nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence


class Memory:
    """Sizes in bytes; `available` is what programs can get without swapping."""

    __slots__ = ("available", "swap_free", "swap_total", "total")

    def __init__(self, total: int, available: int, swap_total: int, swap_free: int) -> None:
        self.total = total
        self.available = available
        self.swap_total = swap_total
        self.swap_free = swap_free


class Mount:
    """A mounted file system: on the Hurd, a translator that is one, with `type` its program."""

    __slots__ = ("options", "source", "target", "type")

    def __init__(self, source: str, target: str, type: str, options: tuple[str, ...]) -> None:
        self.source = source
        self.target = target
        self.type = type
        self.options = options


class Machine(Nodes):
    """See `hurd.system.base.System`. Failures are OSError, with the file they concern."""

    # The first steps of a daemon

    def adapt_process(self) -> None:
        """Make this process one that Python's library works in; the first call of any program.

        It mends what a kernel lacks, and sets aside signals that would end the process for a
        server's death.  Does nothing the second time.
        """
        raise NotImplementedError("adapt_process")

    def is_init(self) -> bool:
        """Whether this process is PID 1 (of its PID namespace)."""
        raise NotImplementedError("is_init")

    def start_local_sockets(self) -> None:
        """See that pipes and Unix-domain sockets work: on the Hurd, that their server runs.

        Raises OSError.  Blocks for as long as the server takes to start.
        """
        raise NotImplementedError("start_local_sockets")

    def on_local_sockets_lost(self, told: Callable[[], object]) -> None:
        """Have `told` called, on a thread of its own, when the server of local sockets dies.

        All pipes and local sockets are dead then, those that wake an event loop too: a thread that
        polls one of them sleeps for ever, whatever signal comes.  Does nothing where there is no
        such server.  Another image of this process asks anew.  Raises OSError.
        """
        raise NotImplementedError("on_local_sockets_lost")

    def boot_arguments(self) -> list[str]:
        """The words of the kernel's command line, as far as they are meant for PID 1.

        In a PID namespace of its own: those that PID 1 was started with.  The first word may be
        the kernel's file.  Empty if they cannot be told.
        """
        raise NotImplementedError("boot_arguments")

    def register_essential(self, name: str) -> bool:
        """Have the machine reboot if this process dies, and say that `name` did; cannot be undone.

        False where the kernel sees to it by itself, as Linux does for PID 1.  Raises OSError.
        """
        raise NotImplementedError("register_essential")

    def on_machine_end(self, told: Callable[[], object]) -> None:
        """Have `told` called, on a thread of its own, before somebody else ends the machine.

        That waits for `allow_machine_end`, though not for ever: the Hurd waits a minute.  Does
        nothing where nobody tells.  Another image of this process asks anew.  Raises OSError.
        """
        raise NotImplementedError("on_machine_end")

    def allow_machine_end(self) -> None:
        """Hold the end of the machine up no more."""
        raise NotImplementedError("allow_machine_end")

    # Power

    def reboot(self, action: str) -> None:
        """`action` is "halt", "power-off", "reboot" or "kexec"; at once, without `sync`.

        Raises `RebootError`, or NotImplementedError for an action this kernel does not have.
        """
        raise NotImplementedError("reboot")

    def disable_ctrl_alt_del(self) -> None:
        """Have Ctrl-Alt-Del send SIGINT to PID 1; nothing happens where that does not exist."""
        raise NotImplementedError("disable_ctrl_alt_del")

    def kexec_loaded(self) -> bool | None:
        """Whether a kernel to boot into is loaded; None where there is no such thing."""
        return None

    def shutdown_signals(self) -> tuple[int, ...]:
        """The signals that ask the daemon to stop everything."""
        raise NotImplementedError("shutdown_signals")

    # Names and logs

    def hostname(self) -> str:
        raise NotImplementedError("hostname")

    def set_hostname(self, name: str) -> None:
        """On the Hurd this writes /etc/hostname, where the name is kept."""
        raise NotImplementedError("set_hostname")

    def kernel_log_file(self) -> str | None:
        """Where the kernel's messages are read; None where they are not in a file."""
        return None

    def kernel_log_interval(self) -> float | None:
        """Seconds between looks at that file where poll(2) does not tell when to read."""
        return None

    def kernel_log_prefix(self) -> str:
        """What names the kernel at the beginning of its lines in the system log."""
        raise NotImplementedError("kernel_log_prefix")

    def console_log_files(self) -> tuple[str, ...]:
        """Where PID 1 writes its log while there is no syslog, best first."""
        raise NotImplementedError("console_log_files")

    # Memory

    def physical_memory(self) -> int:
        """Bytes."""
        raise NotImplementedError("physical_memory")

    def memory(self) -> Memory:
        raise NotImplementedError("memory")

    def swap_devices(self) -> list[str]:
        """What memory is paged to, where the kernel tells; empty otherwise."""
        raise NotImplementedError("swap_devices")

    def swap_on(self, device: str) -> None:
        """Page memory to a device or file that `mkswap` has prepared."""
        raise NotImplementedError("swap_on")

    def swap_off(self, device: str) -> None:
        """Page no more to `device`; blocks until everything on it is back in memory."""
        raise NotImplementedError("swap_off")

    # File systems

    def mount(self, source: str, target: str, type: str, options: Sequence[str] = ()) -> None:
        """Mount as fstab(5) says: words for mount(8) alone ("noauto", "nofail", …) do nothing.

        A file system that the options name "bind" is the directory `source` at a second place.
        """
        raise NotImplementedError("mount")

    def unmount(self, target: str, *, force: bool = False) -> None:
        """Raises OSError: EBUSY if it is in use, EINVAL if nothing is mounted there.

        With `force` it goes away even then: at once for whoever opens files from now on.
        """
        raise NotImplementedError("unmount")

    def remount(self, target: str, options: Sequence[str]) -> None:
        """Change what the options name ("ro", "rw", …) of what is mounted; keep the others."""
        raise NotImplementedError("remount")

    def mounts(self) -> list[Mount]:
        """What is mounted, the root first, and each before what is mounted inside it."""
        raise NotImplementedError("mounts")

    def is_read_only(self, path: str) -> bool:
        """Whether the file system of `path` refuses changes; quick, and starts no server."""
        raise NotImplementedError("is_read_only")

    def root_mount(self) -> Mount:
        """What is mounted as the root: the first of `mounts`, without looking at the others."""
        return self.mounts()[0]

    def sync(self) -> None:
        raise NotImplementedError("sync")

    def lstat(self, path: str) -> os.stat_result:
        """As os.lstat, but looking starts no server.

        On the Hurd that is the node itself, whatever translator is on it; bits of `st_mode`
        beyond `stat.S_IMODE` and the type tell whether there is one.
        """
        raise NotImplementedError("lstat")

    def names_in(self, directory: str) -> list[str]:
        """As os.listdir: one question for all entries, whatever servers sit on them."""
        raise NotImplementedError("names_in")

    # Terminals

    def become_session_leader(self) -> None:
        """Lead a new session without a terminal; nothing happens if this process leads one."""
        raise NotImplementedError("become_session_leader")

    def open_console(self) -> int:
        """A descriptor of the machine's console, for reading and writing, close-on-exec.

        It does not become the controlling terminal.
        """
        raise NotImplementedError("open_console")

    def console_type(self) -> str:
        """What `TERM` is for programs on the console."""
        raise NotImplementedError("console_type")

    def take_terminal(self, descriptor: int) -> None:
        """Make a terminal the controlling one of this session, and ours its foreground group."""
        raise NotImplementedError("take_terminal")

    def reset_terminal(self, descriptor: int) -> None:
        """Undo what a program has left in a terminal's settings: echo, lines, signals, no flow
        control stopped.  Raises OSError if it is no terminal.
        """
        raise NotImplementedError("reset_terminal")

    # Time, records, chance

    def set_clock(self, seconds: float) -> None:
        """Set the machine's clock: seconds since 1970, UTC."""
        raise NotImplementedError("set_clock")

    def record_boot(self) -> None:
        """Write into utmp(5) and its history that the machine came up, for who(1) and last(1).

        Where there is no such file, none is made and nothing is said.
        """
        raise NotImplementedError("record_boot")

    def record_shutdown(self) -> None:
        """Write that it goes down."""
        raise NotImplementedError("record_shutdown")

    def add_entropy(self, seed: bytes) -> None:
        """Mix a seed into the kernel's random numbers, counting it for nothing."""
        raise NotImplementedError("add_entropy")
