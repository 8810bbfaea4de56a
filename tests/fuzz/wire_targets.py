"""The control socket: commands as the daemon reads them, replies as herd reads them."""

from __future__ import annotations

import atexit
import os
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from pid1 import herd
from pid1.errors import ActionNotFound, ServiceNotFound
from pid1.wire import (
    MAX_REQUEST,
    Command,
    DatumScanner,
    WireError,
    error_to_wire,
    read_command,
    write_reply,
)
from tests.fuzz.target import ROOT, Contradiction, Target

_PATIENCE = 5.0  # seconds that a daemon may leave a client without an answer


def read_request(data: bytes) -> None:
    """What a client sends, whole and in pieces: the same command, or none."""
    whole = _outcome(data, len(data) or 1)
    step = 1 + (data[0] if data else 0) % 7
    if len(data) <= 256 and _outcome(data, step) != whole:
        raise Contradiction(f"in pieces of {step} bytes it means something else")


def _outcome(data: bytes, step: int) -> object:
    scanner = DatumScanner()
    try:
        for at in range(0, len(data), step):
            datum = scanner.feed(data[at : at + step])
            if datum is not None:
                return _replies(read_command(datum))
    except WireError:
        return "refused"
    return "incomplete"


def _replies(command: Command) -> bytes:
    # The daemon repeats what it was sent when it complains of it.
    unknown = ActionNotFound(command.action, command.service)
    return write_reply(
        [*command.arguments, command.directory],
        error_to_wire(unknown, command.action, command.service),
        [],
    ) + write_reply(False, error_to_wire(ServiceNotFound(command.service), False, False), [])


# A daemon that runs


class _Socket:
    """A real daemon; started for the first input."""

    def __init__(self) -> None:
        sys.path.insert(0, str(ROOT / "tests" / "system"))
        from tests.system.live import live_daemon

        self._context = live_daemon(
            "(register-services (list (service '(sleeper) #:start (lambda () #t)"
            " #:actions (actions (say (lambda (running . words) (display words)))))))"
        )
        self.daemon = self._context.__enter__()
        atexit.register(close)

    def close(self) -> None:
        self._context.__exit__(None, None, None)


@cache
def _running() -> _Socket:
    return _Socket()


def talk_to_daemon(data: bytes) -> None:
    """Whatever a client sends, the daemon hangs up or waits for more, and others are served."""
    daemon = _running().daemon
    with daemon.connect(_PATIENCE) as client:
        with suppress(BrokenPipeError, ConnectionResetError):
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)
        with suppress(ConnectionResetError):
            while client.recv(65536):
                pass
    begin = time.monotonic()
    status = daemon.status("sleeper")
    if not status or time.monotonic() - begin > _PATIENCE:
        raise Contradiction("other clients are kept waiting")


# A daemon that lies


class _Liar:
    """Answers each connection with the bytes it was told."""

    def __init__(self) -> None:
        self.directory = tempfile.TemporaryDirectory(prefix="drover-liar-")
        self.path = Path(self.directory.name) / "socket"
        self.reply = b""
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.path))
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Answer nobody any more."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()
        self.directory.cleanup()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # closed
                return
            with client, suppress(OSError):
                client.recv(65536)
                client.sendall(self.reply)


@cache
def _liar() -> _Liar:
    return _Liar()


def close() -> None:
    """Leave no daemon and no thread behind: other tests look at their children, and fork."""
    if _running.cache_info().currsize:
        _running().close()
        _running.cache_clear()
    if _liar.cache_info().currsize:
        _liar().close()
        _liar.cache_clear()


@contextmanager
def _output(file: int) -> Iterator[None]:
    """Have what this process writes go into an open file."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = [os.dup(number) for number in (1, 2)]
    os.dup2(file, 1)
    os.dup2(file, 2)
    try:
        yield
    finally:
        for number, old in enumerate(kept, 1):
            os.dup2(old, number)
            os.close(old)


_COMMANDS = (
    ("status",), ("status", "foo"), ("detailed-status",), ("log",), ("graph",), ("analyze", "root"),
    ("start", "foo"), ("stop", "foo"), ("doc", "foo"), ("eval", "root", "1"), ("help", "root"),
    ("graph", "root", "--svg"), ("analyze", "root", "--svg"), ("--json", "status"),
    ("--json", "status", "foo"), ("--json", "log"), ("--json", "analyze", "root"),
    ("--json", "eval", "root", "1"), ("--json", "start", "foo"), ("log", "--follow"),
    ("--json", "log", "-f"), ("spawn", "transient", "true"), ("--complete", "start", "f"),
)  # fmt: skip


def read_reply(data: bytes) -> None:
    """herd ends with one of its statuses, whatever the daemon answers; the first byte says how
    herd was called.
    """
    if not data:
        return
    liar = _liar()
    liar.reply = data[1:]
    words = _COMMANDS[data[0] % len(_COMMANDS)]
    if words[0] == "--complete":
        os.environ["SHEPHERD_SOCKET"] = str(liar.path)
    else:
        words = ("-s", str(liar.path), *words)
    file = os.open(os.devnull, os.O_WRONLY)
    try:
        with _output(file):
            status = herd.main(words)
    finally:
        os.close(file)
    if status not in (0, 1, 2):
        raise Contradiction(f"exit status {status}")


_WORDS = (
    "(shepherd-command (version 0) ", "(action status) ", "(service root) ", "(arguments ()) ",
    '(directory "/"))', "(", ")", "#:", "#{", "}#", '"', "\\x41", "\\", "#t", "#f", "1/2", "-1",
    "#|", "|#", ";", "'", "#(", ".", "[", "]", "+nan.0", "#\\a",
)  # fmt: skip
_REPLIES = (
    "(reply (version 0) ", "(result ", "(error ", "(messages (", "(service (version 0) ",
    "(provides (foo)) ", "(requires ()) ", "(respawn? #f) ", '(docstring "x") ', "(enabled? #t) ",
    "(running (process (version 0) (id 1) (command (\"a\")))) ", "(conflicts ()) ",
    "(last-respawns ()) ", "(status-changes ((running . 1))) ", "(startup-failures (1)) ",
    "(status running) ", "(one-shot? #f) ", "(transient? #f) ", "(respawn-limit (5 . 7)) ",
    "(exit-statuses ((0 . 1))) ", '(recent-messages ((1 . "x"))) ', '(log-files ("/x")) ',
    "(pending-replacement? #f) ", "(actions (a)) ", "service-not-found", "action-not-found",
    "action-exception", "timer", "inetd-service", "systemd-service", "(past-runs ())",
    "calendar-event", "(seconds (0)) ", "(command (version 0) ",
)  # fmt: skip
TARGETS = [
    Target("wire-request", read_request, longest=1 << 16, words=_WORDS),
    Target("wire-socket", talk_to_daemon, words=_WORDS, longest=MAX_REQUEST, slow=True),
    Target("herd-reply", read_reply, longest=1 << 15, words=_WORDS + _REPLIES, seconds=2.0),
]
