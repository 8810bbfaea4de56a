"""The nodes of a Hurd system: directories, devices, symbolic links, and the translators on them.

One table with two readers: the image builder writes it to the disk, with passive translator
records, and the boot sequence makes what is missing and starts what is to be active.  Plain data,
built when it is asked for; the facts are those of the Hurd's own MAKEDEV and of running systems.

A passive record on both /dev/random and /proc would hang every boot: /hurd/random reads
/proc/version while it starts, and whatever is started for /proc asks for random bytes while it
starts.  Programs need random bytes before PID 1 has run a line (the C library asks for them), so
that record is passive, and /proc is started by the boot sequence.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final, Literal

    Kind = Literal["file", "directory", "symlink", "character", "block"]
    Driver = Literal["kernel", "rumpdisk"]

# How the translator of a node comes to run.
PASSIVE: Final = "passive"  # by the filesystem, at the first use: a record on the disk
ACTIVE: Final = "active"  # by the boot sequence: no record on the disk
ITSELF: Final = "itself"  # a server of the boot attaches itself to the bare node

PTY_PAIRS: Final = 32
"""So many pseudo terminals; the C library tries names in order and stops at the first gap."""

CONSOLES: Final = 6
DISKS: Final = 4
PARTITIONS: Final = 8


class SystemNode:
    """One node: `translator` are the words that start its translator, `start` says how.

    `essential` nodes must exist before PID 1 runs.  `optional` ones are of no use, and left out,
    where the program of their translator is not installed.  All belong to root.
    """

    __slots__ = ("essential", "kind", "mode", "optional", "path", "start", "target", "translator")

    def __init__(
        self,
        path: str,
        kind: Kind,
        mode: int,
        translator: str = "",
        *,
        start: str = PASSIVE,
        target: str = "",
        essential: bool = False,
        optional: bool = False,
    ) -> None:
        self.path = path
        self.kind = kind
        self.mode = mode
        self.translator = tuple(translator.split())
        self.start = start if translator or start == ITSELF else ""
        self.target = target
        self.essential = essential
        self.optional = optional

    @property
    def record(self) -> tuple[str, ...]:
        """The passive record that belongs on the disk; empty if none does."""
        return self.translator if self.start == PASSIVE else ()

    @property
    def program(self) -> str:
        """The path of the translator's program; empty if there is none."""
        return self.translator[0] if self.translator else ""

    def __repr__(self) -> str:
        return f"SystemNode({self.path!r}, {self.kind!r}, {self.mode:#o}, {self.translator!r})"


def system_nodes(driver: Driver, *, pty_pairs: int = PTY_PAIRS) -> list[SystemNode]:
    """Return all nodes of a system whose disks have that driver, parents before children.

    `driver` is "kernel" for the drivers inside an i386 kernel, "rumpdisk" for the one in user
    space, which is the only one for amd64.  Nodes of the other one are left out, because looking
    at them would start a second driver for the same controller.
    """
    return [
        *_directories(),
        *_servers(),
        *_devices(),
        *_terminals(pty_pairs),
        _disk("rd0", "rd0"),
        *(_kernel_disks() if driver == "kernel" else _rump_disks()),
        *_network_devices(),
    ]


def essential_nodes(driver: Driver) -> list[SystemNode]:
    """Return the nodes that must exist before PID 1 runs."""
    return [node for node in system_nodes(driver) if node.essential]


def _directory(
    path: str, mode: int = 0o755, active: str = "", *, essential: bool = False
) -> SystemNode:
    return SystemNode(path, "directory", mode, active, start=ACTIVE, essential=essential)


def _link(path: str, target: str, *, essential: bool = False) -> SystemNode:
    return SystemNode(path, "symlink", 0o777, target=target, essential=essential)


def _directories() -> list[SystemNode]:
    return [
        _directory("/dev"),
        _directory("/etc"),
        _directory("/home"),
        _directory("/mnt"),
        _directory("/proc", 0o555, "/hurd/procfs --compatible", essential=True),
        _directory("/root", 0o700),
        # Volatile, and writable while the root is not.
        _directory("/run", 0o755, "/hurd/tmpfs --mode=755 64M", essential=True),
        _directory("/run/lock", 0o1777),
        _directory("/tmp", 0o1777, essential=True),
        _directory("/var", essential=True),
        _directory("/var/lib"),
        _directory("/var/log"),
        _directory("/var/tmp", 0o1777),
        _link("/var/run", "/run"),
        _link("/var/lock", "/run/lock"),
        _link("/etc/mtab", "/proc/mounts"),
    ]


def _servers() -> list[SystemNode]:
    def server(name: str, words: str, mode: int = 0o644, *, optional: bool = False) -> SystemNode:
        return SystemNode(f"/servers/{name}", "file", mode, words, optional=optional)

    def bare(name: str, *, essential: bool = False) -> SystemNode:
        path = f"/servers/{name}"
        return SystemNode(path, "file", 0o644, start=ITSELF, essential=essential)

    def socket(number: int, words: str, *, essential: bool = False) -> SystemNode:
        path = f"/servers/socket/{number}"
        return SystemNode(path, "character", 0o666, words, essential=essential)

    return [
        _directory("/servers", essential=True),
        # The root filesystem and startup look these up and attach servers to them.
        bare("exec", essential=True),
        bare("startup", essential=True),
        bare("proc"),
        server("crash-kill", "/hurd/crash --kill"),
        server("crash-suspend", "/hurd/crash --suspend"),
        server("crash-dump-core", "/hurd/crash --dump-core"),
        _link("/servers/crash", "crash-kill"),
        server("default-pager", "/hurd/proxy-defpager", 0o666),
        server("password", "/hurd/password"),
        server("shutdown", "/hurd/shutdown"),
        server("acpi", "/hurd/acpi", optional=True),
        _directory("/servers/bus", essential=True),
        SystemNode("/servers/bus/pci", "directory", 0o755, "/hurd/pci-arbiter", optional=True),
        _directory("/servers/socket", essential=True),
        socket(1, "/hurd/pflocal", essential=True),
        socket(2, "/hurd/pfinet -6 /servers/socket/26"),
        socket(26, "/hurd/pfinet -4 /servers/socket/2"),
        _link("/servers/socket/local", "1"),
        _link("/servers/socket/inet", "2"),
        _link("/servers/socket/inet6", "26"),
    ]


def _device(
    name: str, mode: int, words: str, *, essential: bool = False, optional: bool = False
) -> SystemNode:
    path = f"/dev/{name}"
    return SystemNode(path, "character", mode, words, essential=essential, optional=optional)


def _devices() -> list[SystemNode]:
    return [
        _device("null", 0o666, "/hurd/null", essential=True),
        _device("full", 0o666, "/hurd/null --full"),
        _device("zero", 0o666, "/bin/nullauth -- /hurd/storeio -Tzero", essential=True),
        _device("random", 0o644, "/hurd/random --seed-file /var/lib/random-seed", essential=True),
        _link("/dev/urandom", "random", essential=True),
        SystemNode("/dev/fd", "directory", 0o555, "/hurd/magic --directory fd", essential=True),
        _link("/dev/stdin", "fd/0"),
        _link("/dev/stdout", "fd/1"),
        _link("/dev/stderr", "fd/2"),
        _device("tty", 0o666, "/hurd/magic tty"),
        _device("time", 0o644, "/hurd/storeio --no-cache time"),
        _device("mem", 0o660, "/hurd/storeio --no-cache mem"),
        # One reader only: reading takes the messages out of the kernel.
        _device("klog", 0o660, "/hurd/streamio kmsg"),
        _device("rtc", 0o644, "/hurd/rtc", optional=True),
        _link("/dev/shm", "/tmp"),
        # The root device of a system within the system.
        SystemNode("/dev/pseudo-root", "block", 0o640, "/hurd/storeio pseudo-root"),
        *[_device(f"loop{n}", 0o640, "/hurd/null") for n in range(8)],
    ]


def _terminals(pty_pairs: int) -> list[SystemNode]:
    nodes = [
        # console-run starts the console's terminal before PID 1; the record serves who comes later.
        _device("console", 0o600, "/hurd/term /dev/console device console", essential=True),
        *[_device(f"com{n}", 0o600, f"/hurd/term /dev/com{n} device com{n}") for n in range(4)],
        _device("lpr0", 0o660, "/hurd/streamio lpr0"),
        SystemNode("/dev/vcs", "directory", 0o600, "/hurd/console"),
    ]
    for n in range(1, CONSOLES + 1):
        words = f"/hurd/term /dev/tty{n} hurdio /dev/vcs/{n}/console"
        nodes.append(_device(f"tty{n}", 0o600, words))
    names = [a + b for a in "pqrsPQRS" for b in "0123456789abcdefghijklmnopqrstuv"]
    for name in names[:pty_pairs]:
        pty, tty = f"pty{name}", f"tty{name}"
        nodes.append(_device(pty, 0o666, f"/hurd/term /dev/{pty} pty-master /dev/{tty}"))
        nodes.append(_device(tty, 0o666, f"/hurd/term /dev/{tty} pty-slave /dev/{pty}"))
    return nodes


def _disk(name: str, store: str) -> SystemNode:
    return SystemNode(f"/dev/{name}", "block", 0o640, f"/hurd/storeio {store}")


def _kernel_disks() -> list[SystemNode]:
    nodes = [_disk(f"fd{n}", f"fd{n}") for n in range(2)]
    for disk in [f"{kind}{n}" for kind in ("hd", "sd") for n in range(DISKS)]:
        nodes.append(_disk(disk, disk))
        nodes += [_disk(f"{disk}s{m}", f"{disk}s{m}") for m in range(1, PARTITIONS + 1)]
    return nodes


def _rump_disks() -> list[SystemNode]:
    nodes = [
        # The boot's own rumpdisk attaches itself here; without the node nobody could reach it.
        _device("rumpdisk", 0o660, "/hurd/rumpdisk", essential=True),
        _link("/dev/disk", "rumpdisk", essential=True),
        _device("rumpusbdisk", 0o660, "/hurd/rumpusbdisk", optional=True),
        _link("/dev/usbdisk", "rumpusbdisk"),
    ]
    nodes += [_disk(f"cd{n}", f"@/dev/disk:cd{n}") for n in range(2)]
    for n in range(DISKS):
        nodes.append(_disk(f"wd{n}", f"@/dev/disk:wd{n}"))
        # rumpdisk knows no partitions: the store does.
        nodes += [
            _disk(f"wd{n}s{m}", f"-T typed part:{m}:device:@/dev/disk:wd{n}")
            for m in range(1, PARTITIONS + 1)
        ]
    nodes += [_disk(f"ud{n}", f"@/dev/usbdisk:sd{n}") for n in range(2)]
    return nodes


def _network_devices() -> list[SystemNode]:
    return [
        _device("netdde", 0o660, "/hurd/netdde", optional=True),
        _link("/dev/net", "netdde"),
        *[_device(f"eth{n}", 0o660, f"/hurd/devnode -M /dev/net eth{n}") for n in range(2)],
        _device("rumpnet", 0o660, "/hurd/rumpnet", optional=True),
        _device("wm0", 0o660, "/hurd/devnode -M /dev/rumpnet wm0"),
    ]
