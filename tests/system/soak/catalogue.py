"""The services of the soak: what kinds there are, their programs, their definitions in Scheme.

Each program carries `SOAK=NAME:VERSION` in its environment, so that a look at /proc tells whose
process it is and of which definition.  What it prints it also writes to a file of its own, a
journal that the daemon knows nothing of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_PROGRAM = r"""#!/bin/sh
# The program of most services of the soak: `program KIND`.
say() { echo "$SOAK $$ $1"; echo "$SOAK $$ $1" >>"$SOAK_DIR/journal/${SOAK%%:*}"; }
case $1 in
talk) exec cat;;
esac
say up
case $1 in
plain) exec sleep 100000;;
family) sleep 100000 & setsid sleep 100000 & wait;;
stubborn) trap '' TERM; while :; do sleep 100000; done;;
forking) sleep 100000 & echo $! >"$SOAK_DIR/pids/${SOAK%%:*}";;
notify) sleep 0.05; echo >&3; exec 3>&-; exec sleep 100000;;
mute) exec sleep 100000;;
brief) sleep 0.2; exit 3;;
tick) sleep 0.1;;
flood) seq -f "$SOAK $$ %.0f of $2" 1 "$2"; say flooded; exec sleep 100000;;
esac
"""

_LISTENER = """\
import socket
listener = socket.socket(fileno=3)
while True:
    connection, _ = listener.accept()
    try:
        connection.settimeout(5)
        while data := connection.recv(65536):
            connection.sendall(data)
    except OSError:
        pass
    connection.close()
"""

_WORKER = """\
import os, socket, time
address = os.environ["NOTIFY_SOCKET"]
address = "\\0" + address[1:] if address[0] == "@" else address
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
    sock.connect(address)
    sock.send(b"READY=1\\nSTATUS=at work")
    while True:
        time.sleep(0.5)
        sock.send(b"WATCHDOG=1")
"""

# Kinds whose running service has a process of its own at every moment.
WITH_PROCESS = frozenset(
    {"plain", "family", "stubborn", "forking", "notify", "worker", "brief", "flood", "slow"}
)
# Kinds that listen on the socket of their name while they run.
LISTENING = frozenset({"inetd", "listener"})
# Kinds whose start succeeds, and which run until somebody ends them.
STEADY = (
    "plain", "plain", "plain", "family", "stubborn", "forking", "notify", "worker", "slow",
    "value", "timer", "inetd", "listener",
)  # fmt: skip
# And the others.
UNSTEADY = ("brief", "one-shot", "failing", "raising", "mute", "flood")
# Kinds that are not running after a start that succeeded.
DONE_AT_ONCE = frozenset({"one-shot"})
FLOOD_LINES = 3000


@dataclass(frozen=True)
class Definition:
    """One version of a service."""

    name: str
    version: int
    kind: str
    requirement: tuple[str, ...] = ()
    respawn: bool = False
    own_log: bool = False

    @property
    def mark(self) -> str:
        """What its processes have in their environment."""
        return f"{self.name}:{self.version}"


def write_programs(directory: Path, python: str) -> None:
    """Put the programs into `directory`, and what they expect beside them."""
    for name in ("journal", "loaded", "pids", "sockets"):
        (directory / name).mkdir()
    (directory / "program").write_text(_PROGRAM)
    (directory / "listener.py").write_text(_LISTENER)
    (directory / "worker.py").write_text(_WORKER)
    (directory / "python").symlink_to(python)


class Writer:
    """Writes definitions as Scheme, for one directory of programs and one of logs."""

    def __init__(self, directory: Path, disk: Path) -> None:
        self._directory = directory
        self._disk = disk

    def registration(self, definitions: Sequence[Definition]) -> str:
        """One expression that registers the services."""
        services = "\n".join(map(self.service, definitions))
        return (
            f"(begin (use-modules (shepherd service timer))\n(register-services (list {services})))"
        )

    def service(self, one: Definition) -> str:
        """A call of `service`."""
        keys = [f"#:requirement '({' '.join(one.requirement)})"]
        if one.respawn:
            keys.append("#:respawn? #t #:respawn-delay 0.05")
        return f"(service '({one.name}) {' '.join(keys)} {self._procedures(one)})"

    def _procedures(self, one: Definition) -> str:
        kind = one.kind
        kill = "#:stop (make-kill-destructor #:grace-period 0.4)"
        environment = f"#:environment-variables {self._environment(one)}"
        log = f'#:log-file "{self._disk}/{one.name}.log"' if one.own_log else ""
        program = f'"/bin/sh" "{self._directory}/program"'
        python = f'"{self._directory}/python" "-I" "-S" "{self._directory}'
        socket = f'(list (endpoint (make-socket-address AF_UNIX "{self.socket(one.name)}")))'
        simple = {
            "value": "#:start (const 'up) #:stop (const #f)",
            "failing": "#:start (const #f)",
            "raising": '#:start (lambda () (error "this cannot start"))',
            "one-shot": '#:one-shot? #t #:start (make-system-constructor ":")',
        }
        if kind in simple:
            return simple[kind]
        if kind == "timer":
            return (
                "#:start (make-timer-constructor (calendar-event #:seconds (iota 60)) "
                f'(command \'({program} "tick") {environment}) {log}) '
                "#:stop (make-timer-destructor) #:actions (list timer-trigger-action)"
            )
        if kind == "inetd":
            return (
                f'#:start (make-inetd-constructor \'({program} "talk") {socket} {environment} '
                f'#:service-name-stem "{one.name}" #:max-connections 5) '
                "#:stop (make-inetd-destructor)"
            )
        if kind == "listener":
            return (
                f"#:start (make-systemd-constructor '({python}/listener.py\") {socket} "
                f"{environment} #:lazy-start? {'#f' if one.version % 2 else '#t'}) "
                "#:stop (make-systemd-destructor)"
            )
        if kind == "worker":
            return (
                f"#:start (make-forkexec-constructor '({python}/worker.py\") {environment} {log} "
                f"#:notify 'sd #:watchdog 10) #:start-timeout 20 {kill}"
            )
        if kind == "slow":
            return (
                f'#:start (lambda () (sleep 0.2) (fork+exec-command \'({program} "plain") '
                f"{environment} {log})) {kill}"
            )
        words = {"flood": f'"flood" "{FLOOD_LINES}"'}.get(kind, f'"{kind}"')
        extra = {
            "forking": f'#:pid-file "{self._directory}/pids/{one.name}"',
            "notify": "#:notify 'fd",
            "mute": "#:notify 'fd",
        }.get(kind, "")
        timeout = "#:start-timeout 0.5" if kind == "mute" else ""
        return (
            f"#:start (make-forkexec-constructor '({program} {words}) {environment} {log} "
            f"{extra}) {timeout} {kill}"
        )

    def _environment(self, one: Definition) -> str:
        return f'\'("SOAK={one.mark}" "SOAK_DIR={self._directory}" "PATH=/usr/bin:/bin")'

    def socket(self, name: str) -> Path:
        """The socket of a listening service."""
        return self._directory / "sockets" / name


# What is there from the beginning: never unloaded one by one, nor replaced.
BASE = (
    Definition("base", 0, "plain", respawn=True),
    Definition("base-family", 0, "family", ("base",), respawn=True, own_log=True),
    Definition("base-forking", 0, "forking", ("base",)),
    Definition("base-notify", 0, "notify", ("base",), respawn=True, own_log=True),
    Definition("base-worker", 0, "worker", respawn=True),
    Definition("base-value", 0, "value", ("base-notify",)),
    Definition("base-timer", 0, "timer", own_log=True),
    Definition("base-inetd", 0, "inetd", ("base-value",)),
    Definition("base-listener", 0, "listener", respawn=True),
    Definition("base-eager", 1, "listener", respawn=True),
    Definition("base-flood", 0, "flood", own_log=True),
    Definition("base-top", 0, "plain", ("base-family", "base-worker"), own_log=True),
)
# Services of the daemon that the soak uses.
MAKERS = ("transient", "timer", "log-rotation")


def configuration(writer: Writer) -> str:
    """The configuration file; loading it again brings the base back."""
    names = " ".join([one.name for one in BASE] + list(MAKERS))
    return f"""
(use-modules (shepherd service timer) (shepherd service transient) (shepherd service log-rotation))
{writer.registration(BASE)}
(register-services (list (transient-service) (timer-service)
;; Copies are read when the clock has long passed the day on which they would be deleted.
(log-rotation-service #:expiry (* 100 365 86400))))
(start-in-the-background '({names}))
"""
