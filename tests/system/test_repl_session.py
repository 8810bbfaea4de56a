"""The conversation that was recorded with the REPL of the GNU Shepherd, with ours."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator

from tests.system.live import PATIENCE, ROOT, live_daemon

_RECORDING = ROOT / "tests" / "data" / "wire" / "repl-session.txt"
_PROMPT = "scheme@(shepherd-user)> "
_CONFIGURATION = """
(use-modules (shepherd service repl))
(register-services (list (repl-service "@DIR@/repl")))
(start-service (lookup-service 'repl))
"""
# What is different on purpose (docs/compatibility.md): Guile's frames and its compiler's warnings
# are not ours, and we tell the place of an error.
_FRAMES = re.compile(r"(?:In \S.*:|\s+\d+:\d+ .*|;;; socket:.*)\n")
_PLACE = re.compile(r"^socket:\d+:\d+: ", re.M)


def _exchanges() -> Iterator[tuple[str, str]]:
    """What was sent, and what came back until the next prompt."""
    _, *parts = _RECORDING.read_text().split("## C>S ")
    for part in parts:
        sent, _, received = part.partition("\n")
        yield sent, received.removesuffix("\n")


def _until_prompt(client: socket.socket) -> str:
    received = b""
    while not received.endswith(_PROMPT.encode()):
        data = client.recv(65536)
        if not data:
            return f"{received.decode()}<EOF>"
        received += data
    return received.decode()


def test_recorded_conversation() -> None:
    exchanges = list(_exchanges())
    assert len(exchanges) == 17
    with live_daemon(_CONFIGURATION) as daemon, socket.socket(socket.AF_UNIX) as client:
        daemon.wait_status("repl", "running")
        client.settimeout(PATIENCE)
        client.connect(str(daemon.directory / "repl"))
        banner = _until_prompt(client)
        assert "This program is free software" in banner
        assert "Enter `,help' for help.\n" in banner
        for sent, recorded in exchanges:
            client.sendall(f"{sent}\n".encode())
            expected = _FRAMES.sub("", recorded)
            if sent == "(getpid)":
                expected = expected.replace("12", str(daemon.pid))
            assert _PLACE.sub("", _until_prompt(client)) == expected, sent
