"""The built-in kinds of services, as configurations make them: real sockets, files, clocks."""

from __future__ import annotations

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from configured import Configured, configured
from running import eventually, logged

from pid1.errors import KeyedError
from pid1.log import Output, client_output
from pid1.service import RUNNING, STOPPED
from pid1.sexp import Symbol, write
from pid1.timer import Timer
from pid1.values import encode
from services.scheme import SchemeError
from services.scheme.printer import write as print_value


@pytest.fixture
async def scheme() -> AsyncIterator[Configured]:
    async with configured() as scheme:
        yield scheme


def free_port(kind: int = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


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


# Endpoints, inetd, systemd


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


# Timers


async def test_calendar_events(scheme: Configured) -> None:
    value = await scheme.load(
        """
        (use-modules (shepherd service timer))
        (define e (calendar-event #:hours '(9 3) #:days-of-week '(sunday friday)))
        (list (calendar-event? e) (calendar-event-seconds e) (calendar-event-hours e)
              (calendar-event-days-of-week e) (command? e)
              (calendar-event-minutes (cron-string->calendar-event "*/20 3 * jan mon"))
              (seconds-to-wait (calendar-event #:months '(2) #:days-of-month '(30))))
        """
    )
    assert print_value(value) == "(#t (0) (3 9) (0 5) #f (0 20 40) +inf.0)"


async def test_the_next_date_of_an_event(scheme: Configured) -> None:
    value = await scheme.load(
        """
        (use-modules (shepherd service timer) (srfi srfi-19))
        (date->string (next-calendar-event
                        (calendar-event #:months '(2) #:days-of-month '(29) #:hours '(0)
                                        #:minutes '(0))
                        (string->date "2026-11-23" "~Y-~m-~d"))
                      "~Y-~m-~d ~H:~M:~S")
        """
    )
    assert value == "2028-02-29 00:00:00"


@pytest.mark.parametrize(
    "form, message",
    [
        ("(calendar-event #:minutes '(60))", "minutes: 60: value out of range (0-59)"),
        ("(calendar-event #:days-of-week '(mon))", "calendar-event: mon: invalid day of week"),
        (
            '(cron-string->calendar-event "60 * * * *")',
            '\\"60 * * * *\\": invalid minutes cron field',
        ),
    ],
)
async def test_calendar_errors_are_message_conditions(
    scheme: Configured, form: str, message: str
) -> None:
    with pytest.raises(SchemeError) as error:
        await scheme.load(f"(use-modules (shepherd service timer)) {form}")
    assert error.value.key == "%exception"
    assert message in print_value(error.value.arguments[0])


async def test_commands_and_their_accessors(scheme: Configured) -> None:
    value = await scheme.load(
        """
        (use-modules (shepherd service timer))
        (define c (command '("sleep" "1") #:user "nobody" #:directory "/tmp"
                           #:environment-variables '("A=b")
                           #:resource-limits '((nofile 10 20))))
        (list (command? c) (command-arguments c) (command-user c) (command-group c)
              (command-directory c) (command-environment-variables c)
              (command-resource-limits c))
        """
    )
    assert print_value(value) == ('(#t ("sleep" "1") "nobody" #f "/tmp" ("A=b") ((nofile 10 20)))')


async def test_a_timer_with_a_command_and_one_with_a_procedure(scheme: Configured) -> None:
    await scheme.load(
        """
        (use-modules (shepherd service timer))
        (define count 0)
        (register-services
          (list (service '(tmr)
                  #:start (make-timer-constructor
                            (calendar-event #:seconds (iota 60))
                            (command '("sh" "-c" "echo tick; exit 3"))
                            #:occurrences 1)
                  #:stop (make-timer-destructor)
                  #:actions (list timer-trigger-action))
                (service '(proc)
                  #:start (make-timer-constructor
                            (calendar-event #:hours '(3) #:minutes '(0))
                            (lambda () (sleep 0.01) (set! count (+ 1 count)) (error "bad" 42)))
                  #:stop (make-timer-destructor)
                  #:actions (list timer-trigger-action))))
        """
    )
    timer = await scheme.start("tmr")
    assert isinstance(timer, Timer)
    await eventually(lambda: scheme.service("tmr").status == STOPPED)
    assert timer.past_runs[0][0] == 768
    proc = await scheme.start("proc")
    await scheme.perform("proc", "trigger")
    await eventually(lambda: proc.past_runs)
    assert write(proc.past_runs[0][0]) == '(exception misc-error #f "~A ~S" ("bad" 42) #f)'
    assert await scheme.load("count") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        '12 (command \'("true"))',
        "(calendar-event) 12",
        "(calendar-event) (lambda () 1) #:occurrences 0",
        "(calendar-event) (lambda () 1) #:max-duration 'x",
    ],
)
async def test_a_wrong_timer_loads_and_fails_to_start(scheme: Configured, arguments: str) -> None:
    await scheme.load(
        f"""
        (use-modules (shepherd service timer))
        (register-services
          (list (service '(tmr) #:start (make-timer-constructor {arguments})
                                #:stop (make-timer-destructor))))
        """
    )
    with pytest.raises(KeyedError) as error:
        await scheme.start("tmr")
    assert error.value.key == "wrong-type-arg"


async def test_schedule_and_spawn_use_the_configured_defaults(
    scheme: Configured, tmp_path: Path
) -> None:
    await scheme.load(
        f"""
        (use-modules (shepherd service timer) (shepherd service transient))
        (default-environment-variables (list "PATH=/bin:/usr/bin" "COLOUR=blue"))
        (default-service-directory "{tmp_path}")
        (register-services (list (timer-service) (transient-service '(spawner other))))
        """
    )
    try:
        name = await scheme.perform("spawner", "spawn", "sh", "-c", "echo $COLOUR; pwd; sleep 9")
        assert isinstance(name, Symbol)
        service = scheme.service(name.name)
        await eventually(lambda: len(service.messages()) == 2)
        assert [line for _, line in service.messages()] == [str(tmp_path), "blue"]
        assert service.requirement == ("spawner",)
        timer = await scheme.perform("timer", "schedule", "at", "23:59", "true")
        assert '"COLOUR=blue"' in write(encode(timer))
    finally:
        import os

        from pid1.forkexec import default_directory
        from services.api import parameters
        from services.scheme.parameters import set_value
        from services.scheme.types import scheme_list

        set_value(
            parameters.environment_variables,
            scheme_list([f"{k}={v}" for k, v in os.environ.items()]),
        )
        set_value(parameters.service_directory, default_directory())


# Logs


async def test_a_system_log_with_a_destination_in_scheme(
    scheme: Configured, tmp_path: Path
) -> None:
    await scheme.load(
        f"""
        (use-modules (shepherd service system-log))
        (register-services
          (list (system-log-service
                  (list (endpoint (make-socket-address AF_UNIX "{tmp_path}/dev/log")
                                  #:style SOCK_DGRAM))
                  #:kernel-log-file #f #:max-silent-time #f #:history-size 3
                  #:message-destination
                  (lambda (m)
                    (cond ((string-contains (system-log-message-content m) "slow")
                           (sleep 0.02) '("{tmp_path}/slow"))
                          ((string-contains (system-log-message-content m) "boom")
                           (error "dest boom"))
                          ((= (system-log-message-priority m) (system-log-priority emergency))
                           '("{tmp_path}/emerg"))
                          (else
                           (list (format #f "{tmp_path}/f~a"
                                         (if (= (system-log-message-facility m)
                                                (system-log-facility authorization/private))
                                             "-auth" ""))
                                 "{tmp_path}/all")))))))
        """
    )
    await scheme.load(
        f'(use-modules (shepherd service system-log)) (define default "{tmp_path}/default")'
    )
    value = await scheme.start("syslogd")
    assert write(encode(value)).startswith("(system-log (version 0) (endpoints ((endpoint ")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
        client.connect(str(tmp_path / "dev" / "log"))
        for message in (b"<14>one", b"<0>two", b"<86>three", b"<14>slow", b"<14>four"):
            client.send(message)
        await eventually(lambda: len(scheme.service("syslogd").messages()) == 3)
        await eventually(lambda: (tmp_path / "slow").exists())
        await eventually(lambda: "four" in (tmp_path / "all").read_text())

    def lines(name: str) -> list[str]:
        return [line[20:] for line in (tmp_path / name).read_text().splitlines()]

    assert lines("all") == ["localhost one", "localhost three", "localhost four"]
    assert lines("emerg")[0].endswith(" two")
    assert lines("f-auth") == ["localhost three"]
    with pytest.raises(SchemeError):
        await scheme.load("(system-log-priority nonsense)")


async def test_log_rotation_of_a_service(scheme: Configured, tmp_path: Path) -> None:
    await scheme.load(
        f"""
        (use-modules (shepherd service log-rotation))
        (define compressed '())
        (register-services
          (list (service '(chatty)
                  #:start (make-forkexec-constructor
                            '("sh" "-c" "for i in 1 2 3 4 5; do echo line $i; done; sleep 99")
                            #:log-file "{tmp_path}/chatty.log")
                  #:stop (make-kill-destructor))
                (log-rotation-service #:provision '(rotate) #:requirement '(chatty)
                                      #:external-log-files '("{tmp_path}/external")
                                      #:rotation-size-threshold 20)))
        """
    )
    (tmp_path / "external").write_text("x" * 100)
    await scheme.start("rotate")
    chatty = scheme.service("chatty")
    assert chatty.status == RUNNING
    await eventually(lambda: len(chatty.messages()) == 5)
    output = Output()
    client_output.set(output)
    await scheme.perform("rotate", "files")
    assert f"{tmp_path}/chatty.log\tchatty" in output.lines
    assert f"{tmp_path}/external\t(external)" in output.lines
    await scheme.perform("rotate", "trigger")
    timer = scheme.service("rotate").value
    await eventually(lambda: timer.past_runs)
    assert timer.past_runs[0][0] is Symbol("success")
    text = gzip.decompress((tmp_path / "chatty.log.1.gz").read_bytes()).decode()
    assert [line[20:] for line in text.splitlines()][:5] == [f"line {n}" for n in range(1, 6)]
    assert gzip.decompress((tmp_path / "external.1.gz").read_bytes()) == b"x" * 100


async def test_compression_by_a_procedure(scheme: Configured, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("x" * 100)
    (tmp_path / "x.1").write_text("older")
    await scheme.load(
        f"""
        (use-modules (shepherd service log-rotation))
        (define seen #f)
        (register-services
          (list (log-rotation-service #:external-log-files '("{tmp_path}/x")
                                      #:compression (lambda (file) (sleep 0.01) (set! seen file))
                                      #:rotation-size-threshold 20)))
        """
    )
    await scheme.start("log-rotation")
    await scheme.perform("log-rotation", "trigger")
    await eventually(lambda: (tmp_path / "x").read_text() == "")
    timer = scheme.service("log-rotation").value
    await eventually(lambda: timer.past_runs)
    assert await scheme.load("seen") == f"{tmp_path}/x.1"
    assert (tmp_path / "x.2").read_text() == "older"
    moved = await scheme.load(
        f"""
        (define moves '())
        (rotate-past-logs "{tmp_path}/x" (lambda (old new) (set! moves (cons old moves))))
        moves
        """
    )
    assert print_value(moved) == f'("{tmp_path}/x.1" "{tmp_path}/x.2")'


async def test_monitoring(scheme: Configured) -> None:
    await scheme.load(
        """
        (use-modules (shepherd service monitoring))
        (register-services (list (monitoring-service #:period 2)))
        """
    )
    async with logged() as log:
        await scheme.start("monitoring")
        assert any(line.startswith("service names: 1; heap: ") for line in log)
    with pytest.raises(SchemeError):
        await scheme.load("(monitoring-service #:period -1)")


# The REPL


class Conversation:
    """A client of the REPL."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def until(self, mark: bytes) -> str:
        """What is printed before ``mark``."""
        data = await asyncio.wait_for(self.reader.readuntil(mark), 5)
        return data.removesuffix(mark).decode()

    async def say(self, text: str) -> str:
        """The answer to an expression."""
        self.writer.write(text.encode() + b"\n")
        return await self.until(b"scheme@(shepherd-user)> ")


@pytest.fixture
async def conversation(scheme: Configured, tmp_path: Path) -> AsyncIterator[Conversation]:
    await scheme.load(
        f"""
        (use-modules (shepherd service repl))
        (register-services (list (repl-service "{tmp_path}/repl")))
        """
    )
    await scheme.start("repl")
    client = Conversation(*await asyncio.open_unix_connection(tmp_path / "repl"))
    await client.until(b"scheme@(shepherd-user)> ")
    yield client
    client.writer.close()


async def test_a_conversation(conversation: Conversation) -> None:
    first = await conversation.say("(+ 2 3)")
    number = int(first.split()[0].removeprefix("$"))
    assert first == f"${number} = 5\n"
    assert await conversation.say('(display "x")') == "x"
    assert await conversation.say("(define zz 1)") == ""
    assert await conversation.say("zz") == f"${number + 1} = 1\n"
    assert await conversation.say("(values 1 2)") == f"${number + 2} = 1\n${number + 3} = 2\n"
    assert await conversation.say("(if #f #f)") == ""
    assert (await conversation.say('(error "boom" 1)')).endswith("boom 1\n")
    assert "Unbound variable: unbound-thing" in await conversation.say("(unbound-thing)")
    both = await conversation.say("(use-modules (shepherd service))(service-name-count)")
    assert both == f"${number + 4} = 2\n"
    assert await conversation.say(f"(+ 1 ${number})") == f"${number + 5} = 6\n"
    conversation.writer.write(b"(list 1\n")
    assert await conversation.say("2)") == f"${number + 6} = (1 2)\n"


async def test_what_is_no_expression_is_told(conversation: Conversation) -> None:
    assert ")" in await conversation.say(") 5")
    assert await conversation.say(",help") != ""
    assert await conversation.say(",zork") == "Unknown meta command: zork\n"


async def test_leaving(scheme: Configured, conversation: Conversation) -> None:
    assert "repl-client-1" in {one.name for one in scheme.manager.registry}
    conversation.writer.write(b",q\n")
    assert await asyncio.wait_for(conversation.reader.read(), 5) == b""
    await eventually(lambda: scheme.manager.registry.get("repl-client-1") is None)


async def test_a_long_computation_does_not_stop_others(
    scheme: Configured, conversation: Conversation
) -> None:
    conversation.writer.write(b"(let loop () (loop))\n")
    await asyncio.sleep(0.05)
    begin = asyncio.get_running_loop().time()
    for _ in range(10):
        await asyncio.sleep(0)
    assert asyncio.get_running_loop().time() - begin < 0.2
    await scheme.manager.stop(scheme.service("repl-client-1"))
    await asyncio.wait_for(conversation.reader.read(), 5)
