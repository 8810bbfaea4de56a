"""Endpoints, and services that listen for others: real sockets and programs."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest
from configured import Configured
from running import eventually, free_port, logged

from pid1.log import Output, client_output
from pid1.service import STOPPED
from pid1.sexp import write
from pid1.values import encode
from services.scheme import SchemeError
from services.scheme.printer import write as print_value


async def talk(path: Path | int, text: bytes) -> bytes:
    """Connect, send, and read to the end."""
    if isinstance(path, int):
        reader, writer = await asyncio.open_connection("127.0.0.1", path)
    else:
        reader, writer = await asyncio.open_unix_connection(path)
    writer.write(text)
    writer.write_eof()
    answer = await reader.read()
    writer.close()
    return answer


async def test_endpoints_and_their_accessors(scheme: Configured) -> None:
    value = await scheme.load(
        """
        (define e (endpoint (make-socket-address AF_INET6 IN6ADDR_LOOPBACK 80)
                            #:name "web" #:style SOCK_STREAM #:backlog 5 #:socket-owner "root"
                            #:socket-group 3 #:socket-directory-permissions #o700
                            #:bind-attempts 2))
        (list (endpoint? e) (endpoint? 1) (endpoint-name e) (endpoint-address e)
              (endpoint-style e) (endpoint-backlog e) (endpoint-socket-owner e)
              (endpoint-socket-group e) (endpoint-socket-directory-permissions e)
              (endpoint-bind-attempts e))
        """
    )
    family = int(socket.AF_INET6)
    assert print_value(value) == f'(#t #f "web" #({family} 1 80 0 0) 1 5 "root" 3 448 2)'
    default = await scheme.load(
        '(default-bind-attempts 7) (endpoint-bind-attempts (endpoint #(1 "/x")))'
    )
    assert default == 7
    await scheme.load("(default-bind-attempts 5)")


@pytest.mark.parametrize(
    "form",
    [
        "(endpoint 12)",
        "(endpoint #(1 2))",
        '(endpoint #(1 "/x") #:name 1)',
        '(endpoint #(1 "/x") #:backlog "a")',
        '(endpoint #(1 "/x") #:bogus 1)',
        "(make-inetd-constructor '() '())",
        '(make-inetd-constructor \'("cat") 12)',
        "(make-systemd-constructor '(\"cat\") '(1))",
    ],
)
async def test_what_makes_no_sense_is_refused(scheme: Configured, form: str) -> None:
    with pytest.raises(SchemeError):
        await scheme.load(form)


async def test_an_inetd_service(scheme: Configured, tmp_path: Path) -> None:
    port = free_port()
    await scheme.load(
        f"""
        (register-services
          (list (service '(inet)
                  #:start (make-inetd-constructor '("/bin/cat")
                            (list (endpoint (make-socket-address AF_INET INADDR_LOOPBACK {port}))
                                  (endpoint (make-socket-address AF_UNIX "{tmp_path}/d/sock")
                                            #:name "unix-one"))
                            #:service-name-stem "echo" #:max-connections 3)
                  #:stop (make-inetd-destructor))))
        """
    )
    value = await scheme.start("inet")
    text = write(encode(value))
    assert text.startswith("(inetd-service (version 0) (endpoints ((endpoint (version 0) (name ")
    assert text.endswith('(command ("/bin/cat")))')
    async with logged() as log:
        assert await talk(port, b"hello") == b"hello"
        assert await talk(tmp_path / "d" / "sock", b"again") == b"again"
        assert any("Starting service echo-1..." in line for line in log)


async def test_the_old_form_with_a_bare_address(scheme: Configured) -> None:
    port = free_port()
    await scheme.load(
        f"""
        (register-services
          (list (service '(inet)
                  #:start (make-inetd-constructor '("cat")
                            (make-socket-address AF_INET INADDR_LOOPBACK {port})
                            #:socket-style SOCK_STREAM #:listen-backlog 3)
                  #:stop (make-inetd-destructor))))
        """
    )
    value = await scheme.start("inet")
    assert value.endpoints[0].backlog == 3
    assert await talk(port, b"x") == b"x"


async def test_a_configuration_may_bind_by_itself(
    scheme: Configured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As tests/inetd.sh of the GNU Shepherd does."""
    monkeypatch.setattr("pid1.endpoints.RETRY_DELAY", 0.01)
    port = free_port()
    output = Output()
    client_output.set(output)
    await scheme.load(
        f"""
        (define attempts 0)
        (define original bind)
        (set! bind
          (lambda (sock address)
            (set! attempts (+ 1 attempts))
            (if (< attempts 3)
                (throw 'system-error "bind" "Oh!" '() (list EADDRINUSE))
                (original sock address))))
        (register-services
          (list (service '(inet)
                  #:start (make-inetd-constructor '("cat")
                            (list (endpoint
                                   (make-socket-address AF_INET INADDR_LOOPBACK {port}))))
                  #:stop (make-inetd-destructor))))
        """
    )
    try:
        await scheme.start("inet")
    finally:
        await scheme.load("(set! bind original)")
    assert await talk(port, b"x") == b"x"
    text = f"Address 127.0.0.1:{port} is in use; retrying to bind it in one second."
    assert output.lines.count(text) == 2


async def test_a_systemd_service(scheme: Configured, tmp_path: Path) -> None:
    await scheme.load(
        f"""
        (define constructor
          (make-systemd-constructor
            '("/bin/sh" "-c" "echo $LISTEN_FDS $LISTEN_FDNAMES; exec sleep 100")
            (list (endpoint (make-socket-address AF_UNIX "{tmp_path}/s") #:name "one"))
            #:log-file "{tmp_path}/log"))
        (register-services
          (list (service '(lazy) #:start constructor #:stop (make-systemd-destructor))
                (service '(wrapped)
                  #:start (lambda args ((make-systemd-constructor '("sleep" "100")
                             (list (endpoint (make-socket-address AF_UNIX "{tmp_path}/w")))
                             #:lazy-start? #f)))
                  #:stop (lambda (value) ((make-systemd-destructor) value)))))
        """
    )
    value = await scheme.start("lazy")
    assert write(encode(value)).startswith("(systemd-service (version 0) ")
    _, writer = await asyncio.open_unix_connection(tmp_path / "s")
    await eventually(lambda: scheme.service("lazy").main_pid is not None)
    await eventually(lambda: "1 one" in (tmp_path / "log").read_text())
    writer.close()
    await scheme.start("wrapped")
    assert scheme.service("wrapped").main_pid is not None
    await scheme.manager.stop(scheme.service("wrapped"))
    assert scheme.service("wrapped").status == STOPPED
