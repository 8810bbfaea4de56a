"""Recorded conversations of the GNU herd and shepherd, and a daemon that plays its part again."""

from __future__ import annotations

import re
import shlex
import socket
import threading
from calendar import timegm
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pid1.sexp_reader import IncompleteError, read

WIRE = Path(__file__).parents[2] / "data" / "wire"
DAY = (2026, 11, 23)  # of all recordings, made in UTC


@dataclass(frozen=True)
class Recording:
    """One run of the GNU herd: its arguments, what went over the wire, what it printed."""

    name: str
    arguments: list[str]
    status: int
    request: bytes
    reply: bytes
    stdout: str
    stderr: str

    @property
    def now(self) -> int:
        """The time at which herd printed its output, from a relative time in it."""
        seen = re.search(r"(\d\d):(\d\d):(\d\d) \((\d+) seconds? ago\)", self.stdout)
        if seen:
            hour, minute, second, ago = map(int, seen.groups())
            return timegm((*DAY, hour, minute, second)) + ago
        return max(map(int, re.findall(rb"\b1795\d{6}\b", self.reply)), default=0)


def _section(data: bytes, tag: bytes) -> bytes:
    """What went in one direction, joined."""
    out = b""
    position = 0
    pattern = re.compile(rb"^## " + tag + rb" (\d+) bytes \(t=[0-9.]+s\)\n", re.M)
    while found := pattern.search(data, position):
        position = found.end() + int(found[1])
        out += data[found.end() : position]
    return out


def recordings() -> list[Recording]:
    """All recordings with a reply, in order of their names."""
    found = []
    for file in sorted(WIRE.glob("*.txt")):
        data = file.read_bytes()
        if not data.startswith(b"## command: "):
            continue
        head, stdout = data.split(b"## client stdout\n")
        stdout, stderr = stdout.split(b"## client stderr\n")
        command, status = head.decode().splitlines()[:2]
        words = shlex.split(command.removeprefix("## command: "))
        if words[0] == "timeout":
            continue  # the daemon hung, the client was killed
        if words[:2] == ["bash", "-c"]:
            words = shlex.split(words[2].split("; ")[-1])
        found.append(
            Recording(
                name=file.stem,
                arguments=[word for word in words[1:] if word not in ("-s", "@SOCK@")],
                status=int(status.removeprefix("## exit status: ")),
                request=_section(head, b"C>S"),
                reply=_section(head, b"S>C"),
                stdout=stdout.decode(),
                stderr=stderr.removesuffix(b"## end\n").decode(),
            )
        )
    return found


def _is_complete(request: bytes) -> bool:
    try:
        read(request)
    except IncompleteError:
        return False
    return True


class ScriptedDaemon:
    """Listens on a socket; gives each client in turn the next of ``replies`` and hangs up."""

    def __init__(self, file: Path, *replies: bytes) -> None:
        self.file = str(file)
        self.requests: list[bytes] = []
        self._replies = replies
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.settimeout(10)
        self._listener.bind(self.file)
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> ScriptedDaemon:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join(10)
        self._listener.close()

    def _serve(self) -> None:
        for reply in self._replies:
            client, _ = self._listener.accept()
            with client:
                client.settimeout(10)
                request = b""
                while not _is_complete(request):
                    more = client.recv(1 << 20)
                    if not more:
                        break
                    request += more
                self.requests.append(request)
                with suppress(OSError):  # the client may have seen enough
                    client.sendall(reply)
