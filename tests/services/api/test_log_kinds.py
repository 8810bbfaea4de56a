"""The system log, log rotation and monitoring, as configurations make them."""

from __future__ import annotations

import gzip
import socket
from pathlib import Path

import pytest
from configured import Configured
from running import eventually, logged

from pid1.log import Output, client_output
from pid1.service import RUNNING
from pid1.sexp import Symbol, write
from pid1.values import encode
from services.scheme import SchemeError
from services.scheme.printer import write as print_value


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
