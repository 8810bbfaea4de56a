"""``herd --json``: what docs/json.md promises, for every recorded reply of the GNU shepherd."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from herd_recordings import ScriptedDaemon, recordings

from pid1.herd import main

PAGE = Path(__file__).parents[3] / "docs" / "json.md"
RECORDINGS = {recording.name: recording for recording in recordings() if recording.request}
FOO = (
    '(service (version 0) (provides (foo)) (requires (%s)) (respawn? #f) (docstring "") '
    "(enabled? #t) (running %s) (status running) (status-changes ((running . 1))))"
)


pytestmark = pytest.mark.usefixtures("utc")


def reply(result: str, messages: str = "") -> bytes:
    return f"(reply (version 0) (result {result}) (error #f) (messages ({messages})))".encode()


class Client:
    """Runs herd in this process against scripted replies."""

    def __init__(self, socket: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.socket = socket
        self._capture = capture

    def run(self, data: bytes, *arguments: str) -> tuple[int, dict[str, Any]]:
        with ScriptedDaemon(self.socket, data):
            status = main(["-s", str(self.socket), "--json", *arguments])
        self.socket.unlink()
        return status, self.document()

    def document(self) -> dict[str, Any]:
        """What was printed, which has to be one line of JSON on standard output."""
        out, err = self._capture.readouterr()
        assert err == ""
        assert out.isascii()
        assert out.count("\n") == 1
        assert out.endswith("\n")
        document: dict[str, Any] = json.loads(out)
        assert document["version"] == 1
        assert isinstance(document["messages"], list)
        return document


@pytest.fixture
def client(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Client:
    return Client(tmp_path / "socket", capfd)


def documented(heading: str) -> set[str]:
    """The properties in the first table of a section of the page."""
    section = PAGE.read_text().split(f"\n## {heading}\n")[1]
    table = re.search(r"\| --- .*\n((?:\|.*\n)+)", section)
    assert table
    rows = [row.split("|")[1] for row in table[1].splitlines()]
    return {name for row in rows for name in re.findall(r"`(\w+)`", row)}


@pytest.mark.parametrize("name", RECORDINGS)
def test_every_command_is_answered_in_json_with_the_same_status(name: str, client: Client) -> None:
    recording = RECORDINGS[name]
    status, document = client.run(recording.reply, *recording.arguments)
    assert status == recording.status
    shown = recording.stdout.splitlines()
    assert [line for message in document["messages"] for line in message.split("\n")] == shown[
        : sum(message.count("\n") + 1 for message in document["messages"])
    ]
    if "error" in document:
        assert status == 1
        assert set(document) == {"version", "messages", "error"}
        # The text says the same.
        assert recording.stderr.startswith(f"herd: error: {document['error']['message']}")
        assert document["error"].get("exception", "") in recording.stderr
    for service in [*document.get("services", ()), document.get("service")]:
        if service is not None:
            assert set(service) == documented("Services")
    for change in document.get("events", ()):
        assert set(change) == documented("Changes")
    if recording.arguments == ["log"]:
        assert len(document["events"]) == len(shown)
    if "result" in document and recording.arguments[:2] == ["eval", "root"]:
        assert shown[-1] == document["printed"]


def test_running_values_have_their_types(client: Client) -> None:
    seen = {}
    for recording in RECORDINGS.values():
        if recording.arguments[:1] == ["status"]:
            _, document = client.run(recording.reply, *recording.arguments)
            for service in document.get("services", [document.get("service")]):
                if service and service["running"]:
                    seen[service["running"]["type"]] = service["running"]
    assert set(seen) == {
        "process", "inetd-service", "systemd-service", "system-log", "timer", "value",
    }  # fmt: skip
    assert seen["inetd-service"]["endpoints"][0]["address"] == "127.0.0.1:4455"
    assert seen["process"]["pid"] > 0
    assert seen["timer"]["action"]["type"] in ("command", "procedure")


@pytest.mark.parametrize(
    ("scheme", "expected"),
    [
        ("#t", True),
        ("-5", -5),
        ("2.5", 2.5),
        ("1/3", "1/3"),
        ("+inf.0", "+inf.0"),
        ("+nan.0", "+nan.0"),
        ('"wörld"', "wörld"),
        ('"#<unspecified>"', None),
        ("#{odd name}#", "odd name"),
        ("#:key", "#:key"),
        ("(1 (a) #(b))", [1, ["a"], ["b"]]),
        ("(a . 1)", {"car": "a", "cdr": 1}),
        ("(a b . c)", {"car": "a", "cdr": {"car": "b", "cdr": "c"}}),
        ("123456789012345678901234567890", 123456789012345678901234567890),
    ],
)
def test_values(scheme: str, expected: object, client: Client) -> None:
    status, document = client.run(reply(f"({scheme})"), "do", "foo")
    assert (status, document["result"]) == (0, expected)
    assert document["printed"] == scheme


def test_n_limits_what_has_happened(client: Client) -> None:
    recording = RECORDINGS["kinds-41-status-logged"]
    everything = client.run(recording.reply, *recording.arguments)[1]["service"]
    assert len(everything["messages"]) > 1
    limited = client.run(recording.reply, *recording.arguments, "-n1")[1]["service"]
    assert limited["messages"] == everything["messages"][:1]
    assert limited["status_changes"] == everything["status_changes"]


def test_errors_that_are_not_the_daemons(client: Client, capfd: pytest.CaptureFixture[str]) -> None:
    for arguments, kind, message in (
        (["--bogus"], "usage", "unknown option '--bogus'"),
        (["-n", "x", "status"], "usage", "x: expected a positive integer"),
        (["start"], "usage", "an action and a service are needed"),
        (["-s", "/nope", "status"], "connection", "/nope: No such file or directory"),
        (["status", "-s", "/nope", "log", "-f"], "usage", "'--follow' goes with 'log' only"),
        (["-s", "/nope", "log", "-f"], "connection", "/nope: No such file or directory"),
        (["graph", "--svg"], "usage", "'--svg' and '--json' exclude each other"),
    ):
        assert main([*arguments, "--json"]) == 1
        assert client.document()["error"] == {"kind": kind, "message": message}
    # After "--" it is no option.
    assert main(["--bogus", "--", "x"]) == 1
    assert "unknown option" in capfd.readouterr().err


def test_replies_without_sense(client: Client) -> None:
    for data, kind in (
        (b"", "connection"),
        (b"(reply)", "connection"),
        (reply("5"), "reply"),
        (reply("((service (version 0) (provides ())))"), "reply"),
    ):
        status, document = client.run(data, "status", "foo")
        assert (status, document["error"]["kind"]) == (1, kind)
    assert client.run(b"", "stop", "root") == (0, {"version": 1, "messages": []})


def test_a_start_that_fails(client: Client) -> None:
    status, document = client.run(reply("#f", '"no"'), "start", "foo")
    assert status == 1
    assert document["messages"] == ["no"]
    assert document["error"] == {
        "kind": "start-failed", "message": "failed to start service foo", "service": "foo",
    }  # fmt: skip


def test_a_graph_with_a_hole(client: Client) -> None:
    root = (FOO % ("", "#t")).replace("(foo)", "(root shepherd)")
    status, document = client.run(reply(f"(({FOO % ('bar', '#t')} {root}))"), "graph")
    assert status == 1
    assert document["error"]["kind"] == "inconsistent-graph"
    assert document["error"]["service"] == "bar"
