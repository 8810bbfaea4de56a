"""What the daemon reads besides commands: calendar strings, files it keeps or is told of, datagrams
of programs, and what the previous image of it has left.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import tempfile
import time
from functools import cache
from time import localtime
from typing import Any

from pid1 import notify, syslog
from pid1.addresses import Address
from pid1.calendar import CalendarError, cron_event, next_occurrence
from pid1.disabled import DisabledServices
from pid1.pid_file import read_pid_file
from tests.fuzz.target import CORPUS, ROOT, Contradiction, Target

# Calendar strings


def read_calendar(data: bytes) -> None:
    """A cron string, and from the first four bytes the time from when on it counts."""
    after = int.from_bytes(data[:4], "little")
    try:
        event = cron_event(data[4:].decode("utf-8", "surrogateescape"))
    except CalendarError:
        return
    for _ in range(3):
        found = next_occurrence(event, after)
        if found is None:
            return
        # A reading that the clock on the wall leaves out comes an hour later.
        wall = localtime(found)
        if found <= after or (wall.tm_mon not in event.months and wall.tm_mday != 1):
            raise Contradiction(f"{event}: {found} comes after {after}")
        after = int(found)


# Files


@cache
def _directory() -> str:
    made = tempfile.TemporaryDirectory(prefix="drover-fuzz-")
    _kept.append(made)
    return made.name


_kept: list[tempfile.TemporaryDirectory[str]] = []


def _file(name: str, data: bytes) -> str:
    path = f"{_directory()}/{name}"
    with open(path, "wb") as file:  # noqa: PTH123
        file.write(data)
    return path


@cache
def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()


def read_disabled(data: bytes) -> None:
    """The names in the file; what is added is there when it is read again, with the rest."""
    path = _file("disabled", data)
    services = DisabledServices(path)
    known = {line for line in data.decode(errors="surrogateescape").split("\n") if line}
    if not all(name in services for name in known):
        raise Contradiction("a name was lost")
    problem = _loop().run_until_complete(services.change(["fuzz"], []))
    again = DisabledServices(path)
    if problem is not None or not all(name in again for name in known | {"fuzz"}):
        raise Contradiction(f"a name was lost when another was added: {problem}")


def read_pid(data: bytes) -> None:
    """A number of a process, or none."""
    path = _file("pid", data)
    for validate in (False, True):
        pid = _loop().run_until_complete(read_pid_file(path, 0, validate))
        if pid is not None and (type(pid) is not int or (validate and pid <= 0)):
            raise Contradiction(f"process {pid!r}")


# Datagrams


def read_notification(data: bytes) -> None:
    """What a program reports about itself."""
    for name, value in notify.parse(data):
        if "\n" in name + value or "=" in name:
            raise Contradiction(f"{name!r} is {value!r}")


_REMOTE = Address(socket.AF_INET, 0xC0000201, 514)


def read_log_message(data: bytes) -> None:
    """A message for the system log becomes one line without control characters."""
    for sender in (None, _REMOTE):
        message = syslog.parse_datagram(data, sender)
        line = str(message)
        if any(ord(char) < 32 and char != "\t" for char in line):
            raise Contradiction(f"control characters in {line!r}")
        syslog.default_destination(message)


# The state of the previous image


_STRANGE: tuple[Any, ...] = (
    None, True, False, -1, 0, 1 << 70, 1.5, "", "x", "running", "starting", "stopping", [], {},
    [None], [[]], ["process", 1, ["a"]], ["carried", {}], ["carried", {"descriptors": [-1]}],
    ["carried", {"module": "no.such"}], ["data", "("], ["data", "1"], ["none"], [1, 2], {"x": 1},
)  # fmt: skip


def _garbled(data: bytes) -> bytes:
    """The state of the corpus with changes: each two bytes say what is replaced, and by what."""
    (example,) = (CORPUS / "reexec-state").glob("two-services")
    state: Any = json.loads(example.read_bytes())
    for at in range(0, len(data) - 1, 2):
        places: list[tuple[Any, Any]] = []
        waiting = [state]
        while waiting:
            inside = waiting.pop()
            items = inside.items() if isinstance(inside, dict) else enumerate(inside)
            for key, value in items:
                places.append((inside, key))
                if isinstance(value, dict | list):
                    waiting.append(value)
        inside, key = places[data[at] % len(places)]
        inside[key] = json.loads(json.dumps(_STRANGE[data[at + 1] % len(_STRANGE)]))
    return json.dumps(state).encode()


_HOOK = """
import os
_file = os.memfd_create("state")
os.write(_file, bytes.fromhex("{data}"))
os.lseek(_file, 0, os.SEEK_SET)
os.environ["DROVER_REEXEC_FD"] = str(_file)
"""
_GOING = ("Took over", "Going on in the same process", "successfully loaded")


def take_over(data: bytes) -> None:
    """A state that is cut off or garbled is refused, as a whole or in part, and the daemon goes on.

    It is a real daemon in a PID namespace of its own, for a state names processes that are
    signalled and descriptors that are closed.  An input that is no JSON object says what to change
    in one.
    """
    sys.path.insert(0, str(ROOT / "tests" / "system"))
    from tests.system.live import live_daemon, namespace_refusal

    if namespace_refusal() is not None:
        return
    state = data if data.startswith(b"{") else _garbled(data)
    hook = _HOOK.format(data=state.hex())
    with live_daemon("", hook=hook, namespace=True, ready=False) as daemon:
        deadline = time.monotonic() + 30
        while not any(text in daemon.log() for text in _GOING):
            if daemon.process.poll() is not None:
                raise Contradiction(f"the daemon ended:\n{daemon.errors()}\n{daemon.log()}")
            if time.monotonic() > deadline:
                raise Contradiction(f"the daemon does nothing:\n{daemon.log()}")
            time.sleep(0.01)


_CRON = (
    "*", "*/", "-", ",", "/", "@daily", "@hourly", "@yearly", "mon", "sun", "jan", "dec", " ",
    "0 0 29 2 *", "30 2 31 3 *", "59", "23", "7",
)  # fmt: skip

TARGETS = [
    Target("calendar", read_calendar, words=_CRON, longest=256),
    Target("disabled-file", read_disabled, slow=True),
    Target("pid-file", read_pid, longest=256),
    Target("notification", read_notification, words=("READY=1", "MAINPID=", "STATUS=", "\n", "=",
           "WATCHDOG=1", "FDSTORE=1", "BARRIER=1", "STOPPING=1")),
    Target("syslog-message", read_log_message, words=("<13>", "<165>1 ", "2003-10-11T22:14:15.003Z",
           "Jun 22 16:41:30 ", " host app - - - ", '[id a="b"]', "\\]", "\ufeff")),
    Target("reexec-state", take_over, longest=1 << 14, slow=True),
]  # fmt: skip
