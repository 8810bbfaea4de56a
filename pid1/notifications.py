"""What a program reports about itself while it starts and runs, and what comes of it.

``READY=1`` completes the start; ``STATUS=`` goes where the program's output goes;
``MAINPID=`` names another main process; ``WATCHDOG=1`` is a sign of life; ``STOPPING=1``,
``RELOADING=1`` and ``ERRNO=`` are logged.  Everything else of sd_notify(3) is ignored.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from typing import Any

from hurd.system import SpawnSpec, system
from pid1.command import varied
from pid1.log import log
from pid1.notify import BATCH, NotifySocket, belongs, parse
from pid1.process import send_signal, signal_target
from pid1.service import RUNNING, STARTING, Service
from pid1.supervisor import detached, supervisor
from pid1.values import Process
from pid1.visible import one_line
from pid1.watchdog import Watchdog

_OWN_VARIABLES = ("NOTIFY_SOCKET=", "WATCHDOG_USEC=", "WATCHDOG_PID=")
# More than a socket holds, so that listening ends whatever the program does.
_ALL = 4096


class Notifications:
    """Receives the reports of one process of ``service``.

    ``owner`` is the user that the process runs as, ``watchdog`` the longest silence in
    seconds, None without a limit.  ``ready`` is done when the program has said so.
    """

    def __init__(
        self, service: Service, sock: NotifySocket, owner: int, watchdog: float | None
    ) -> None:
        self.ready: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.pid = 0
        self._service = service
        self._socket = sock
        self._owner = owner
        self._watchdog = self._make_watchdog(watchdog)
        self._value: NotifiedProcess | None = None
        self._death: tuple[int, Callable[[int], None]] | None = None
        self._status = ""
        self._reloading = False
        self._stopping = False
        self._refused = False

    @classmethod
    def open(cls, service: Service, spec: SpawnSpec, watchdog: float | None) -> Notifications:
        """Make the socket for a program that ``spec`` describes; raises OSError."""
        owner = _user_id(spec.user)
        return cls(service, NotifySocket.open(owner), owner, watchdog)

    def _make_watchdog(self, seconds: float | None) -> Watchdog | None:
        return None if seconds is None else Watchdog(seconds, self.drain, self._silent)

    # The life of the process

    def spec(self, spec: SpawnSpec) -> SpawnSpec:
        """How the program is run so that it knows where to report."""
        environment = [f"NOTIFY_SOCKET={self._socket.address}"]
        pid_variables = [*spec.pid_variables]
        if self._watchdog is not None:
            environment.append(f"WATCHDOG_USEC={max(1, int(self._watchdog.seconds * 1e6))}")
            pid_variables.append("WATCHDOG_PID")
        environment += [v for v in spec.environment if not v.startswith(_OWN_VARIABLES)]
        return varied(spec, environment=environment, pid_variables=pid_variables)

    def begin(self, pid: int) -> None:
        """The program runs: listen to it."""
        self._attend(pid)
        detached(asyncio.get_running_loop().add_reader, self._socket, self._readable)

    def _attend(self, pid: int) -> None:
        """That process is the main one: hear of its end, whatever the service's value is."""
        self._forget_death()
        self.pid = pid
        self._death = (pid, lambda _status: self.process_ended(pid))
        supervisor().children.watch(*self._death)

    def _forget_death(self) -> None:
        if self._death is not None:
            supervisor().children.unwatch(*self._death)
            self._death = None

    def value(self, command: list[str]) -> NotifiedProcess:
        """The running value of the service; silence counts from now on."""
        self._value = NotifiedProcess(self.pid, command, self)
        if self._watchdog is not None and not self._stopping and self._socket.fileno() >= 0:
            self._watchdog.start()
        return self._value

    def process_ended(self, pid: int) -> None:
        """A process of the service has ended; what it said before that counts."""
        self.drain()
        if pid == self.pid:
            self.close()

    def close(self) -> None:
        """Listen no longer."""
        self._forget_death()
        if self._watchdog is not None:
            self._watchdog.stop()
        if self._socket.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()

    # Re-execution

    def carry(self) -> dict[str, Any]:
        """Return what the next image of the daemon has to know."""
        watchdog = self._watchdog
        descriptor = self._socket.fileno()
        return {
            "descriptors": [descriptor] if descriptor >= 0 else [],
            "address": self._socket.address,
            "owner": self._owner,
            "watchdog": None if watchdog is None else watchdog.seconds,
            "watching": watchdog is not None and watchdog.watching,
            "status": self._status,
            "reloading": self._reloading,
        }

    @classmethod
    def carried(cls, state: dict[str, Any], service: Service) -> Notifications:
        """Go on listening where the previous image did; silence counts from now."""
        (descriptor,) = state["descriptors"]
        sock = NotifySocket.carried(descriptor, state["address"])
        self = cls(service, sock, state["owner"], state["watchdog"])
        self.ready.set_result(True)
        self._status, self._reloading = state["status"], state["reloading"]
        self.begin(state["process"])
        self._value = NotifiedProcess(self.pid, state["command"], self)
        if state["watching"] and self._watchdog is not None:
            self._watchdog.start()
        return self

    # Messages

    def drain(self) -> None:
        """Take everything that was sent so far."""
        self._readable(_ALL)

    def _readable(self, limit: int = BATCH) -> None:
        # Anybody may send, and finding out who that is takes long: once a turn for each.
        main = self.pid
        known: dict[tuple[int, int, int], bool] = {}
        for _ in range(limit):
            received = self._socket.receive() if self._socket.fileno() >= 0 else None
            if received is None:
                return
            data, sender = received
            if sender is not None and sender not in known:
                known[sender] = self._is_ours(sender)
            # One that is not told is believed: the mode of the socket's file says who may send.
            if sender is None or known[sender]:
                for name, value in parse(data):
                    self._take(name, value)
                if self.pid != main:
                    main, known = self.pid, {}

    def _is_ours(self, sender: tuple[int, int, int]) -> bool:
        pid, uid, _ = sender
        if self._belongs(pid, uid):
            return True
        if not self._refused:
            # Once: whoever sends one may send many.
            self._refused = True
            log(
                f"Ignoring what process {pid} reports for service {self._service.name}: "
                "it is not part of it."
            )
        return False

    def _belongs(self, pid: int, uid: int) -> bool:
        found = belongs(pid, self.pid)
        if found is None:
            # What is left to go by: its user, and that it is not known as another's.
            return uid == self._owner and pid not in supervisor().children
        return found

    def _take(self, name: str, value: str) -> None:
        service = self._service
        if name == "READY" and value == "1":
            if self._reloading:
                self._reloading = False
                log(f"Service {service.name} has reloaded.")
            if not self.ready.done():
                self.ready.set_result(True)
        elif name == "WATCHDOG" and self._watchdog is not None:
            if value == "1":
                self._watchdog.alive()
            elif value == "trigger":
                self._watchdog.stop()
                self._kill("asks to be killed")
        elif name == "STATUS":
            if value != self._status and service.capture is not None:
                service.capture.note(value)
            self._status = value
        elif name == "MAINPID":
            self._change_main(value)
        elif name == "STOPPING" and value == "1":
            # On its way out it need not report any more.
            self._stopping = True
            if self._watchdog is not None:
                self._watchdog.stop()
            log(f"Service {service.name} says that it is stopping.")
        elif name == "RELOADING" and value == "1":
            self._reloading = True
            log(f"Service {service.name} is reloading.")
        elif name == "ERRNO" and value.isdecimal() and len(value) < 11:
            # Up to 0x7fffffff: the Hurd's begin at 0x40000000.
            log(f"Service {service.name} reports an error: {os.strerror(int(value) & 0x7FFFFFFF)}.")
        elif name == "WATCHDOG_USEC":
            self._change_watchdog(value)

    def _change_main(self, text: str) -> None:
        service = self._service
        pid = int(text) if text.isdecimal() and len(text) < 11 else 0
        if pid == self.pid:
            return
        if not self._belongs(pid, system.process_owner(pid)):
            named = one_line(text)
            log(f"Service {service.name} names process '{named}', which is not part of it.")
            return
        self._attend(pid)
        if self._value is None:
            supervisor().own(service, pid)
        else:
            self._value.pid = pid
            supervisor().change_value(service, self._value)

    def _change_watchdog(self, text: str) -> None:
        if self._watchdog is not None and text.isdecimal() and 0 < len(text.lstrip("0")) < 19:
            self._watchdog.seconds = int(text) / 1e6
            if self._watchdog.watching:
                self._watchdog.start()

    def _silent(self) -> None:
        assert self._watchdog is not None
        self._kill(f"has been silent for {self._watchdog.seconds:g} seconds")

    def _kill(self, why: str) -> None:
        if self._service.status in (STARTING, RUNNING):
            log(f"Service {self._service.name} (PID {self.pid}) {why}; killing it.")
            send_signal(signal_target(self.pid), signal.SIGKILL)


class NotifiedProcess(Process):
    """A process that reports about itself: the running value of its service."""

    __slots__ = ("_notifications",)

    def __init__(self, pid: int, command: list[str] | None, notifications: Notifications) -> None:
        super().__init__(pid, command)
        self._notifications = notifications

    def process_ended(self, pid: int) -> None:
        """A process of the service has ended: it may have named another before."""
        self._notifications.process_ended(pid)

    def carry(self) -> dict[str, Any]:
        """Return what the next image of the daemon has to know."""
        return {
            **self._notifications.carry(),
            "module": __name__,
            "process": self.pid,
            "command": self.command,
        }

    def release(self) -> None:
        """The service is stopped."""
        self._notifications.close()


def adopt(state: dict[str, Any], service: Service) -> Process:
    """Return the running value that the previous image of the daemon carried over."""
    if not state["descriptors"]:
        # It had ended while the service was being stopped.
        return Process(state["process"], state["command"])
    value = Notifications.carried(state, service)._value
    assert value is not None
    return value


def _user_id(user: str | int | None) -> int:
    """The number of the user a program runs as; the daemon's own if there is no such user."""
    if isinstance(user, int):
        return user
    if user is not None:
        import pwd

        try:
            return pwd.getpwnam(user).pw_uid
        except KeyError:
            pass  # starting the program says so
    return os.geteuid()
