"""``herd analyze`` of a daemon that has started nothing, is not done, or did too much to tell."""

from __future__ import annotations

import subprocess
from pathlib import Path

from pid1.chart import KEPT
from tests.system.live import LiveDaemon, live_daemon

_CONFIGURATION = """
(register-services (list
  (service '(quick) #:start (const #t) #:stop (const #f))
  (service '(endless) #:start (lambda () (sleep 1000) #t) #:stop (const #f))))
(start-in-the-background '(endless))
"""


def _analyze(herd: Path, daemon: LiveDaemon) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [herd, "-s", daemon.socket, "analyze"], capture_output=True, text=True, timeout=30
    )


def test_nothing_to_tell_is_an_error(herd: Path) -> None:
    with live_daemon("") as daemon:
        done = _analyze(herd, daemon)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == "herd: error: no service has been started\n"


def test_what_still_starts_is_named(herd: Path) -> None:
    with live_daemon(_CONFIGURATION) as daemon:
        daemon.wait_status("endless", "starting")
        done = _analyze(herd, daemon)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == "\nStill starting: endless\n"


def test_what_is_not_in_the_chart_is_counted(herd: Path) -> None:
    times = KEPT // 4 + 10
    with live_daemon(_CONFIGURATION) as daemon:
        assert daemon.request("eval", "root", f"""
            (for-each (lambda (i)
                        (start-service (lookup-service 'quick))
                        (stop-service (lookup-service 'quick)))
                      (iota {times}))""").error is False  # fmt: skip
        out = _analyze(herd, daemon).stdout
        last = out.splitlines()[-1]
        assert last.startswith("The chart was full: ")
        assert int(last.split()[4]) >= 40
