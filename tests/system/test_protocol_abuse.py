"""Whatever comes in on the control socket: the daemon answers or closes, and lives."""

from __future__ import annotations

import ast
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pid1.control import MAX_SILENT
from pid1.wire import MAX_DEPTH, MAX_REQUEST, MAX_WORDS
from tests.system.live import ROOT, LiveDaemon, Reply, command, eventually, live_daemon, receive

ABUSE = Path(__file__).parents[1] / "data" / "wire" / "protocol-abuse.txt"
_SERVICES = """
(register-services (list
  (service '(there)
    #:start (make-forkexec-constructor '("sleep" "1000"))
    #:stop (make-kill-destructor))
  (service '(slow)
    #:start (lambda ()
      (let loop () (if (file-exists? "@DIR@/go") 'up (begin (sleep 0.02) (loop)))))
    #:stop (const #f))))
(start-in-the-background '(there))
"""


@pytest.fixture(scope="module")
def daemon() -> Iterator[LiveDaemon]:
    with live_daemon(_SERVICES) as running:
        running.wait_status("there", "running")
        running.first_pid = running.main_pid("there")
        yield running


@pytest.fixture(autouse=True)
def unharmed(daemon: LiveDaemon) -> Iterator[None]:
    yield
    assert daemon.alive()
    assert daemon.main_pid("there") == daemon.first_pid


def recorded() -> list[tuple[bytes, bytes]]:
    """What was sent to the GNU Shepherd, and what it answered before it closed."""
    found = []
    for line in ABUSE.read_text().splitlines():
        sent, arrow, received = line.partition(" => ")
        if arrow and not line.startswith("##"):
            found.append((ast.literal_eval(sent), ast.literal_eval(received)))
    return found


# What the recording kept of a long request and of a long reply, in bytes.
_SENT, _RECEIVED = 150, 200
# The GNU Shepherd never closes after this one.
_DIFFERENT = {b"#.(exit)": b""}


def _alike(received: bytes, expected: bytes) -> bool:
    if len(expected) < _RECEIVED:
        return received == expected
    # Procedures of the daemon itself print differently.
    expected = expected.partition(b"#<procedure ")[0]
    return received.startswith(expected)


@pytest.mark.parametrize(("sent", "expected"), recorded())
def test_recorded_abuse_is_answered_alike(daemon: LiveDaemon, sent: bytes, expected: bytes) -> None:
    expected = _DIFFERENT.get(sent, expected.removesuffix(b"<EOF>"))
    if len(sent) == _SENT and sent.endswith(b"(string"):
        sent += b')))")) (directory "/"))'
    answer = daemon.exchange(sent)
    assert _alike(answer, expected), answer


_STATUS = command("status", "there")


def test_limits_are_those_of_the_documentation() -> None:
    text = (ROOT / "docs" / "wire-protocol.md").read_text()
    rows = dict(re.findall(r"^\| (.*?) \| (\d+)(?: MiB)? \|", text, re.MULTILINE))
    assert int(rows["length of a command"]) << 20 == MAX_REQUEST
    assert int(rows["depth of its parentheses"]) == MAX_DEPTH
    assert int(rows["words, strings and parentheses in it"]) == MAX_WORDS
    assert int(rows["clients that have not sent a whole command"]) == MAX_SILENT


@pytest.mark.parametrize("length", [1, 10, len(_STATUS) - 1])
def test_half_a_request_is_closed_when_the_client_ends(daemon: LiveDaemon, length: int) -> None:
    assert daemon.exchange(_STATUS[:length]) == b""


def test_request_in_single_bytes_is_answered(daemon: LiveDaemon) -> None:
    with daemon.connect() as client:
        for index in range(len(_STATUS)):
            client.sendall(_STATUS[index : index + 1])
        assert Reply(receive(client)).result


@pytest.mark.parametrize(
    "piece", [b"(" * 65536, b'("' + b"x" * 65535, b"(a " * 21845, b" " * 65536, b"#|" * 32768]
)
def test_endless_request_is_cut_off(daemon: LiveDaemon, piece: bytes) -> None:
    begin = time.monotonic()
    sent = 0
    with daemon.connect() as client, suppress(BrokenPipeError, ConnectionResetError):
        while sent < 100_000_000:
            client.sendall(piece)
            sent += len(piece)
    assert sent <= MAX_REQUEST + 1_000_000
    assert time.monotonic() - begin < 5
    with daemon.connect() as client:
        client.sendall(_STATUS)
        assert Reply(receive(client)).result


def test_largest_request_is_carried_out(daemon: LiveDaemon) -> None:
    text = "x" * (MAX_REQUEST - 1000)
    assert daemon.request("eval", "root", f'(string-length "{text}")').result == [len(text)]


def test_silent_clients_do_not_keep_others_waiting(daemon: LiveDaemon) -> None:
    silent = [daemon.connect() for _ in range(1000)]
    try:
        begin = time.monotonic()
        assert daemon.alive()
        assert time.monotonic() - begin < 1
        # The newest of them are still welcome.
        silent[-1].sendall(_STATUS)
        assert Reply(receive(silent[-1])).result
        served = len(list(Path(f"/proc/{daemon.pid}/fd").iterdir()))
        assert served < MAX_SILENT + 50
    finally:
        for client in silent:
            client.close()


def test_many_clients_at_once_are_all_answered(daemon: LiveDaemon) -> None:
    clients = [daemon.connect() for _ in range(500)]
    for client in clients:
        client.sendall(_STATUS)
    assert all(Reply(receive(client)).result for client in clients)
    for client in clients:
        client.close()


def test_clients_in_parallel(daemon: LiveDaemon) -> None:
    failures: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(20):
                assert daemon.request("status", "there").result
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(25)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_start_goes_on_when_its_client_vanishes(daemon: LiveDaemon) -> None:
    for _ in range(20):
        with daemon.connect() as client:
            client.sendall(command("start", "slow"))
            daemon.wait_status("slow", "starting")
    (daemon.directory / "go").touch()
    daemon.wait_status("slow", "running")
    daemon.request("stop", "slow")
    (daemon.directory / "go").unlink()


_LARGE = command("eval", "root", "(make-string 4000000 #\\x)")


def test_clients_that_vanish_before_a_large_reply(daemon: LiveDaemon) -> None:
    for _ in range(10):
        with daemon.connect() as client:
            client.sendall(_LARGE)
        with daemon.connect() as client:
            client.sendall(_LARGE)
            assert client.recv(1000)
    files = Path(f"/proc/{daemon.pid}/fd")
    eventually(lambda: len(list(files.iterdir())) < 20, what="their connections are closed")


def test_slow_reader_gets_all_of_a_large_reply(daemon: LiveDaemon) -> None:
    with daemon.connect() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.sendall(_LARGE)
        first = client.recv(100)
        # Others are served meanwhile.
        assert daemon.alive()
        assert Reply(first + receive(client)).result == ["x" * 4_000_000]


@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.binary(max_size=300))
def test_random_bytes(daemon: LiveDaemon, data: bytes) -> None:
    answer = daemon.exchange(data)
    assert not answer or Reply(answer)


_TOKENS = st.sampled_from(
    [b"(", b")", b"[", b"]", b'"', b"\\", b"#", b"|", b";", b"\n", b" ", b".", b"'", b"`", b",",
     b"#{", b"}#", b"#|", b"|#", b"#t", b"#f", b"#\\a", b"#:k", b"1", b"-1e9", b"1/0", b"+inf.0",
     b"shepherd-command", b"(version 0)", b"(action status)", b"(service there)",
     b"(arguments ())", b'(directory "/")', b"\xff", b"\x00", b"\xc3\xb6", b"\\x41;"]
)  # fmt: skip


@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(tokens=st.lists(_TOKENS, max_size=40))
def test_random_tokens(daemon: LiveDaemon, tokens: list[bytes]) -> None:
    answer = daemon.exchange(b"".join(tokens))
    assert not answer or Reply(answer)


_DATA = st.recursive(
    st.sampled_from([b"status", b"there", b"root", b'"x"', b"0", b"#f", b"#:k", b"#{a b}#"]),
    lambda inner: st.lists(inner, max_size=4).map(lambda items: b"(" + b" ".join(items) + b")"),
    max_leaves=12,
)


@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(action=_DATA, service=_DATA, arguments=_DATA, directory=_DATA)
def test_commands_of_random_data(
    daemon: LiveDaemon, action: bytes, service: bytes, arguments: bytes, directory: bytes
) -> None:
    answer = daemon.exchange(
        b"(shepherd-command (version 0) (action %b) (service %b) (arguments %b) (directory %b))"
        % (action, service, arguments, directory)
    )
    assert not answer or Reply(answer)
