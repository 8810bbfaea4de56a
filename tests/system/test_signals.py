"""Handlers of signals that a configuration installs run, and leave the daemon's alone."""

from __future__ import annotations

import os
import signal

from tests.system.live import eventually, live_daemon

_CONFIGURATION = """
(define count 0)
(sigaction SIGUSR1
  (lambda (number)
    (set! count (+ count 1))
    (format #t "signal ~a, time ~a~%" number count)))
"""


def test_signals() -> None:
    with live_daemon(_CONFIGURATION) as daemon:
        for time in (1, 2):
            os.kill(daemon.pid, signal.SIGUSR1)
            daemon.wait_log(f"signal {int(signal.SIGUSR1)}, time {time}")
        assert daemon.request("eval", "root", "(sigaction SIGUSR1 SIG_IGN)").error is False
        os.kill(daemon.pid, signal.SIGUSR1)
        assert daemon.alive()
        assert daemon.request("eval", "root", "(car (sigaction SIGUSR1))").result == [1]
        refused = daemon.request("eval", "root", "(sigaction SIGCHLD SIG_IGN)")
        assert "handled by the daemon itself" in str(refused.error)
        assert daemon.log().count("signal 10, time") == 2
        os.kill(daemon.pid, signal.SIGTERM)
        eventually(lambda: daemon.process.poll() is not None, what="the daemon ends")
