"""What is measured, in which section of the page it stands, and what is aimed at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

GNU = "GNU Shepherd"
DROVER = "drover"
# The least that can be had: measured too, by programs that do nothing else.
FLOOR = "floor"
# The other inits of a Hurd.
NATIVE = "native"
SYSVINIT = "sysvinit"


@dataclass(frozen=True)
class Metric:
    """One figure; targets are by number of services, 0 standing for all of them.

    A target is the largest ratio to the figure of ``reference``, or, if ``absolute``, the largest
    value itself.
    """

    name: str
    title: str
    unit: str
    digits: int = 1
    targets: Mapping[int, float] = field(default_factory=dict)
    absolute: bool = False
    reference: str = GNU

    def target(self, count: int) -> float | None:
        """The target for ``count`` services, if there is one."""
        return self.targets.get(count, self.targets.get(0))

    @property
    def heading(self) -> str:
        """The title with the unit."""
        return f"{self.title}, {self.unit}" if self.unit else self.title


DAEMONS = [
    Metric("ready", "exec to all running", "ms", targets={100: 0.35, 1000: 0.15}),
    Metric("ready-cpu", "processor time of that, with the children's", "ms"),
    Metric("stop", "stop all, through a common requirement", "ms",
           targets={100: 0.15, 1000: 0.02}),
    Metric("shutdown", "ordered shutdown of the daemon with its services", "ms"),
    Metric("status-one", "`herd status SERVICE`, whole process", "ms"),
    Metric("status-one-cpu", "`herd status SERVICE`, processor time", "ms", targets={0: 0.8}),
    Metric("status-all", "`herd status`, whole process", "ms", targets={1000: 0.2}),
    Metric("status-all-cpu", "`herd status`, processor time", "ms"),
    Metric("respawn", "SIGKILL to replacement running, beyond the delay", "ms", 2,
           targets={0: 0.5}),
    Metric("memory", "memory (PSS, alone)", "KiB", 0, targets={1: 0.8}),
    Metric("per-service", "memory per service, from N to 1,000", "KiB", 2, targets={0: 0.2}),
    Metric("idle", "wake-ups in 10 s of idleness", "", 0, targets={0: 0}, absolute=True),
    Metric("cycles", "start + stop on the socket", "per s", 0),
    Metric("requests", "status of one on the socket", "per s", 0),
    Metric("clients-one", "200 clients at once, status of one", "ms"),
    Metric("clients-all", "200 clients at once, status of all", "ms", targets={0: 0.1}),
    Metric("crowd", "500 clients at once, status of one, median", "ms",
           targets={0: 200}, absolute=True),
    Metric("nuisance", "status of one beside 1,000 clients that never finish, worst of 50", "ms",
           targets={0: 200}, absolute=True),
    Metric("endless-median", "status while a start loops for ever, median", "ms", 2,
           targets={0: 5}, absolute=True),
    Metric("endless-worst", "status while a start loops for ever, worst of 1,000", "ms", 2,
           targets={0: 100}, absolute=True),
    Metric("lines-file", "printed lines to the service's log file", "µs per line", 2,
           targets={0: 0.05}),
    Metric("lines-file-cpu", "its processor time", "µs per line", 2, targets={0: 0.1}),
    Metric("lines-daemon", "printed lines to the daemon's log", "µs per line", 2,
           targets={0: 0.05}),
    Metric("lines-daemon-cpu", "its processor time", "µs per line", 2, targets={0: 0.1}),
    Metric("printing-herd", "`herd status SERVICE` while a service prints", "ms",
           targets={0: 50}, absolute=True),
    Metric("printing-request", "status of one while a service prints, median", "ms", 2),
    Metric("printing-worst", "status of one while a service prints, worst", "ms", 2,
           targets={0: 50}, absolute=True),
    Metric("bindings", "importing the bindings of the Hurd, beyond a bare interpreter", "ms",
           targets={0: 15}, absolute=True),
]  # fmt: skip

PEERS = [
    Metric("ready", "exec to all running", "ms"),
    Metric("ready-cpu", "processor time of that, with the children's", "ms"),
    Metric("stop", "stop all, by command", "ms"),
    Metric("shutdown", "shutdown of the manager with its services, by signal", "ms"),
    Metric("status-one", "status of one, whole command", "ms"),
    Metric("status-one-cpu", "its processor time", "ms"),
    Metric("status-all", "status of all, whole command", "ms"),
    Metric("status-all-cpu", "its processor time", "ms"),
    Metric("respawn", "SIGKILL to replacement running, beyond the delay", "ms", 2),
    Metric("memory", "memory (PSS, alone), all of the manager's processes", "KiB", 0),
    Metric("per-service", "memory per service, from N to 1,000", "KiB", 2),
    Metric("idle", "wake-ups in 10 s of idleness", "", 0),
]

_MKE2FS = "mke2fs -d"
IMAGES = [
    Metric("disk", "the disk with partition table and GRUB, and its check", "s", 2,
           targets={0: 1.5}, reference=_MKE2FS),
    Metric("disk-cpu", "its processor time", "s", 2, reference=_MKE2FS),
    Metric("build", "all of `hurd-image build --from DIRECTORY`", "s", 2,
           targets={0: 1.5}, reference=_MKE2FS),
    Metric("build-cpu", "its processor time", "s", 2, reference=_MKE2FS),
    Metric("build-memory", "its most memory", "MB", 0,
           targets={0: 150}, absolute=True, reference=_MKE2FS),
    Metric("rebuild", "a build from packages after one service has changed", "s", 2,
           targets={0: 0.2}, reference="nothing cached"),
]  # fmt: skip

BOOT = [
    Metric("boot", "PID 1's exec to the login prompt, median", "s", 2,
           targets={0: 1.0}, reference=NATIVE),
    Metric("boot-slowest", "the slowest", "s", 2, reference=NATIVE),
    Metric("boot-whole", "QEMU's start to the login prompt, median", "s", 2, reference=NATIVE),
    Metric("boot", "PID 1's exec to the login prompt, median", "s", 2, reference=SYSVINIT),
    Metric("boot-slowest", "the slowest", "s", 2, reference=SYSVINIT),
    Metric("boot-whole", "QEMU's start to the login prompt, median", "s", 2, reference=SYSVINIT),
]  # fmt: skip

# What is linear in the number of services, or should be.
GROWING = ("ready", "ready-cpu", "stop", "shutdown", "status-all", "status-all-cpu", "memory")
