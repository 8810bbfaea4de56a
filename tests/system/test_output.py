"""Services that print a lot: nothing is lost, and clients are answered meanwhile."""

from __future__ import annotations

import re
import statistics
import time
from pathlib import Path

import pytest

from tests.system.disk import small_disk
from tests.system.live import LiveDaemon, eventually, live_daemon

_LINES = 200_000
_PRINT = f"seq -f %099.0f {_LINES}; echo end; exec sleep 1000"

_PRINTERS = f"""
(define (printer name command . rest)
  (service (list name)
    #:start (apply make-forkexec-constructor (list "sh" "-c" command) rest)
    #:stop (make-kill-destructor)))
(register-services
  (list (printer 'own "{_PRINT}" #:log-file "@DIR@/own.log")
        (printer 'common "{_PRINT}")
        (printer 'endless "exec yes what it has to say" #:log-file "/dev/null")))
"""
_STAMPED = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d (?:(?:sh\[\d+\]|\[sh\]) )?(.*)\Z")


def _said(log: Path) -> list[str]:
    matches = map(_STAMPED.match, log.read_text().splitlines())
    return [match[1] if match else "no stamp" for match in matches]


@pytest.mark.parametrize("service", ["own", "common"])
def test_every_line_is_stamped_and_none_is_lost(service: str) -> None:
    with live_daemon(_PRINTERS) as daemon:
        assert daemon.request("start", service).result
        log = daemon.directory / "own.log" if service == "own" else daemon.log_file
        eventually(lambda: log.read_bytes().endswith(b" end\n"), what="all is written")
        printed = [line for line in _said(log) if line.startswith("0000")]
        assert printed == [f"{number:099}" for number in range(1, _LINES + 1)]
        newest = [entry[-1] for entry in daemon.status(service)["recent-messages"]]
        assert newest == ["end", *[f"{_LINES - n:099}" for n in range(19)]]


def _latencies(daemon: LiveDaemon, count: int) -> list[float]:
    found = []
    for _ in range(count):
        began = time.monotonic()
        daemon.status("own")
        found.append(time.monotonic() - began)
    return found


def test_status_is_given_while_a_service_prints_without_end() -> None:
    with live_daemon(_PRINTERS) as daemon:
        assert daemon.request("start", "endless").result
        eventually(lambda: daemon.status("endless")["recent-messages"], what="it prints")
        # Other programs want the processor too, here.
        assert statistics.median(_latencies(daemon, 50)) < 0.05


def test_full_disk_does_not_keep_a_service_from_the_daemons_log() -> None:
    """What is not counted as lost is there, in order, once there is room again."""
    talk = (
        "i=0; while :; do echo line $i of many; i=$((i+1)); [ $((i%50)) != 0 ] || sleep 0.01; done"
    )
    configuration = f"""
(register-services (list
  (service '(talker) #:start (make-forkexec-constructor (list "sh" "-c" "{talk}"))
                     #:stop (make-kill-destructor))))
"""
    with small_disk() as disk:
        ballast = disk / "ballast"
        ballast.write_bytes(bytes(32768))
        options = ["-l", str(disk / "daemon.log")]
        with live_daemon(configuration, options=options, ready=False) as daemon:
            daemon.log_file = disk / "daemon.log"
            daemon.wait_ready()
            assert daemon.request("start", "talker").result

            def seen() -> int:
                return int(daemon.status("talker")["recent-messages"][0][-1].split()[1])

            eventually(lambda: seen() > 3000, what="the service goes on printing")
            assert len(re.findall(r"line \d+ of many", daemon.log())) < 2000
            pid = daemon.main_pid("talker")
            ballast.unlink()
            daemon.wait_log("line(s) lost.")
            daemon.wait_log(" of many", daemon.log().count(" of many") + 10)
            assert daemon.main_pid("talker") == pid
            text = daemon.log()
            numbers = [int(number) for number in re.findall(r"\] line (\d+) of many\n", text)]
            assert numbers == sorted(numbers)
            missing = numbers[-1] + 1 - len(numbers)
            lost = sum(map(int, re.findall(r" (\d+) line\(s\) lost\.", text)))
            # Lines of the daemon itself may be among those that were lost.
            assert 0 < missing <= lost <= missing + 20
