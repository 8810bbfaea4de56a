"""Listening endpoints, with real sockets."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from running import free_port

from pid1.addresses import INET, INET6, UNIX, Address
from pid1.endpoints import Endpoint, open_socket, open_sockets
from pid1.errors import keyed
from pid1.log import Output, client_output
from pid1.sexp import write

LOOPBACK = 0x7F000001


@pytest.fixture
def said() -> Iterator[Output]:
    """What is said to the client meanwhile."""
    output = Output()
    token = client_output.set(output)
    yield output
    client_output.reset(token)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def unix(path: Path, **options: int | str) -> Endpoint:
    return Endpoint(Address(UNIX, str(path)), **options)  # type: ignore[arg-type]


def test_addresses_are_shown_as_text() -> None:
    assert str(Address(INET, LOOPBACK, 80)) == "127.0.0.1:80"
    assert str(Address(INET6, 1, 80)) == "[::1]:80"
    assert str(Address(UNIX, "/run/x")) == "/run/x"


def test_addresses_become_the_vectors_and_tuples_of_both_sides() -> None:
    for address, vector, python in [
        (Address(INET, LOOPBACK, 4455), [INET, LOOPBACK, 4455], ("127.0.0.1", 4455)),
        (Address(INET6, 1, 4456), [INET6, 1, 4456, 0, 0], ("::1", 4456, 0, 0)),
        (Address(UNIX, "/path"), [UNIX, "/path"], "/path"),
    ]:
        assert address.to_vector() == vector
        assert Address.from_vector(vector) == address
        assert address.to_python() == python
        assert Address.from_python(address.family, python) == address
    assert write(Address(UNIX, "/path").to_vector()) == '#(1 "/path")'


def test_a_peer_without_a_name_has_an_empty_path() -> None:
    assert Address.from_python(UNIX, "").parts == ("",)
    assert Address.from_python(UNIX, None).parts == ("",)
    assert Address.from_python(INET6, ("fe80::1%lo", 5, 0, 3)).parts == (0xFE80 << 112 | 1, 5, 0, 3)


@pytest.mark.parametrize(
    "parts",
    [(INET, 1 << 32, 1), (INET, 1), (INET, 1, 65536), (UNIX, 3), (12345, 1), (INET6, -1, 1)],
)
def test_what_is_no_address_is_refused(parts: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="not a socket address"):
        Address(*parts)


async def test_tcp_endpoints_accept_connections() -> None:
    port = free_port()
    (sock,) = await open_sockets([Endpoint(Address(INET, LOOPBACK, port))])
    with sock, socket.create_connection(("127.0.0.1", port)) as client:
        assert not sock.getblocking()
        assert not sock.get_inheritable()
        connection, peer = sock.accept()
        with connection:
            assert peer == client.getsockname()


async def test_an_ipv6_endpoint_leaves_the_port_to_ipv4() -> None:
    port = free_port()
    sockets = await open_sockets(
        [Endpoint(Address(INET6, 0, port)), Endpoint(Address(INET, 0, port))]
    )
    for sock in sockets:
        sock.close()


async def test_datagram_endpoints_do_not_listen(tmp_path: Path) -> None:
    path = tmp_path / "log"
    (sock,) = await open_sockets([unix(path, style=socket.SOCK_DGRAM)])
    with sock, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
        client.sendto(b"hello", str(path))
        assert sock.recv(100) == b"hello"


async def test_a_unix_socket_is_open_to_all_in_a_directory_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "socket"
    with await open_socket(unix(path, permissions=0o710)):
        assert mode(path) == 0o666
        assert mode(path.parent) == 0o710
        assert mode(path.parent.parent) == 0o755 & ~current_umask()
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))


def current_umask() -> int:
    mask = os.umask(0o22)
    os.umask(mask)
    return mask


async def test_a_directory_that_exists_is_left_as_it_is(tmp_path: Path) -> None:
    directory = tmp_path / "d"
    directory.mkdir(mode=0o700)
    with await open_socket(unix(directory / "s", permissions=0o755)):
        assert mode(directory) == 0o700


async def test_a_socket_left_over_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "s"
    (await open_socket(unix(path))).close()
    assert path.exists()
    with await open_socket(unix(path)):
        pass


async def test_a_file_that_is_no_socket_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "s"
    path.write_text("precious")
    with pytest.raises(OSError) as error:
        await open_socket(unix(path, bind_attempts=1))
    assert error.value.errno == errno.EADDRINUSE
    assert path.read_text() == "precious"


async def test_an_address_in_use_is_tried_again_without_blocking(
    said: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pid1.endpoints.RETRY_DELAY", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        opening = asyncio.ensure_future(open_socket(Endpoint(Address(INET, LOOPBACK, port))))
        await asyncio.sleep(0.07)
        assert said.lines
        assert not opening.done()
    with await opening as sock:
        assert sock.getsockname()[1] == port
    text = f"Address 127.0.0.1:{port} is in use; retrying to bind it in one second."
    assert set(said.lines) == {text}


async def test_after_the_last_attempt_the_error_is_reported(
    said: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pid1.endpoints.RETRY_DELAY", 0.01)
    with socket.create_server(("127.0.0.1", 0)) as holder:
        address = Address(INET, LOOPBACK, holder.getsockname()[1])
        with pytest.raises(OSError) as error:
            await open_socket(Endpoint(address, bind_attempts=3))
    assert len(said.lines) == 2
    assert keyed(error.value).arguments == [
        "bind", "~A", [os.strerror(errno.EADDRINUSE)], [errno.EADDRINUSE],
    ]  # fmt: skip


async def test_if_one_endpoint_fails_all_are_closed(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError):
        await open_sockets([Endpoint(Address(INET, LOOPBACK, port)), unix(tmp_path / "file" / "s")])
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port)).close()


async def test_cancelling_closes_what_was_opened(tmp_path: Path) -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", 0)) as holder:
        busy = Endpoint(Address(INET, LOOPBACK, holder.getsockname()[1]))
        opening = asyncio.ensure_future(
            open_sockets([Endpoint(Address(INET, LOOPBACK, port)), busy])
        )
        await asyncio.sleep(0.02)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port)).close()


async def test_binding_can_be_done_by_somebody_else(
    said: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pid1.endpoints.RETRY_DELAY", 0.01)
    seen: list[Address] = []

    async def bind(sock: socket.socket, address: Address) -> None:
        await asyncio.sleep(0)
        seen.append(address)
        if len(seen) < 3:
            raise OSError(errno.EADDRINUSE, "Oh!")
        sock.bind(address.to_python())

    address = Address(INET, LOOPBACK, free_port())
    (await open_socket(Endpoint(address), bind)).close()
    assert seen == [address] * 3
    assert len(said.lines) == 2


@pytest.mark.parametrize("option", ["owner", "group"])
async def test_an_unknown_owner_is_an_error_and_leaves_no_socket(
    tmp_path: Path, option: str
) -> None:
    with pytest.raises(OSError) as error:
        await open_socket(unix(tmp_path / "s", **{option: "no-such-name"}))
    assert keyed(error.value).arguments[0] in ("getpwnam", "getgrnam")
    assert not (tmp_path / "s").exists()


@pytest.mark.skipif(os.getuid() != 0, reason="only root may give files away")
async def test_root_gives_the_socket_and_a_new_directory_to_their_owner(tmp_path: Path) -> None:
    path = tmp_path / "d" / "s"
    with await open_socket(unix(path, owner="daemon", group=12)):
        for entry in (path, path.parent):
            assert (entry.stat().st_uid, entry.stat().st_gid) == (1, 12)


def test_endpoints_are_written_as_the_gnu_shepherd_writes_them() -> None:
    endpoint = Endpoint(Address(UNIX, "/tmp/ine/sock"), name="unix-one", owner=1000, group=1000)
    assert str(endpoint) == (
        '#<<endpoint> name: "unix-one" address: #(1 "/tmp/ine/sock") style: 1 backlog: 128 '
        "owner: 1000 group: 1000 permissions: 493 bind-attempts: 5>"
    )
    assert write(endpoint.to_wire()) == (
        '(endpoint (version 0) (name "unix-one") (address #(1 "/tmp/ine/sock")) (style 1) '
        "(backlog 128) (owner 1000) (group 1000) (permissions 493) (bind-attempts 5))"
    )
