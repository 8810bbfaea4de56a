"""Services of every kind for a daemon that is re-executed, and how they are compared."""

from __future__ import annotations

import re
from typing import Any

from tests.system.live import (
    LiveDaemon,
)

KINDS = """
(use-modules (shepherd service timer))
(define (marked name . keys)
  ;; Each start leaves a line, so that none is overlooked.
  (apply service (list name)
    #:start (make-forkexec-constructor
      (list "sh" "-c" (string-append "echo >>@DIR@/starts-" (symbol->string name)
                                     "; exec sleep 1000")))
    #:stop (make-kill-destructor)
    keys))
(define clients '(c0 c1 c2 c3 c4 c5))
(register-services (append (list
  (marked 'plain)
  (marked 'needs-plain #:requirement '(plain))
  (marked 'respawned #:respawn? #t)
  (marked 'disabled)
  (marked 'stopped)
  (marked 'unloaded)
  (service '(forked)
    #:start (make-forkexec-constructor
      '("sh" "-c" "echo >>@DIR@/starts-forked; sleep 1000 & echo $! >@DIR@/forked.pid")
      #:pid-file "@DIR@/forked.pid")
    #:stop (make-kill-destructor))
  (service '(value) #:start (lambda () '(custom 1 "two" #t)) #:stop (lambda (value) #f))
  (service '(symbol) #:start (const 'up) #:stop (const #f))
  (service '(once) #:one-shot? #t
    #:start (lambda () (system "echo >>@DIR@/starts-once") #t))
  (service '(never) #:start (const #f))
  (service '(talker)
    #:start (make-forkexec-constructor
      '("sh" "-c" "i=0; while :; do echo line $i; i=$((i+1)); sleep 0.001; done")
      #:log-file "@DIR@/talker.log")
    #:stop (make-kill-destructor))
  (service '(ticking)
    #:start (make-timer-constructor (calendar-event) (command '("true")))
    #:stop (make-timer-destructor))
  (service '(listening)
    #:start (make-inetd-constructor '("cat")
      (list (endpoint (make-socket-address AF_UNIX "@DIR@/listening"))))
    #:stop (make-inetd-destructor)))
  (map marked clients)))
(start-in-the-background
  '(plain needs-plain respawned disabled stopped unloaded forked value symbol once never talker
    ticking listening))
"""
UP = ("plain", "needs-plain", "respawned", "disabled", "forked", "value", "symbol", "talker",
       "ticking", "listening", "loaded", "evaluated", "passing")  # fmt: skip


def set_up(daemon: LiveDaemon) -> None:
    (daemon.directory / "more.scm").write_text(
        "(register-services (list (service '(loaded) "
        '#:start (make-forkexec-constructor \'("sleep" "1000")) '
        "#:stop (make-kill-destructor))))"
    )
    daemon.wait_log("started in the background")
    daemon.request("load", "root", str(daemon.directory / "more.scm"))
    for name, option in (("evaluated", ""), ("passing", "#:transient? #t")):
        daemon.request(
            "eval", "root",
            f"(register-services (list (service '({name}) {option} "
            "#:start (make-forkexec-constructor '(\"sleep\" \"1000\")) "
            "#:stop (make-kill-destructor))))",
        )  # fmt: skip
    for name in ("loaded", "evaluated", "passing"):
        assert daemon.request("start", name).result
    daemon.request("disable", "disabled")
    daemon.request("stop", "stopped")
    daemon.request("unload", "root", "unloaded")


def comparable(found: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """What must be the same before and after."""
    keys = ("status", "enabled?", "running", "startup-failures", "last-respawns",
            "exit-statuses", "transient?", "status-changes")  # fmt: skip
    return {
        name: {key: service[key] for key in keys if (name, key) not in _CHANGING}
        for name, service in found.items()
        if not re.fullmatch(r"c\d", name)
    }


# A timer's value shows its past runs; the sockets of a listener may get other numbers.
_CHANGING = {("ticking", "running"), ("listening", "running")}

# A hook of `live_daemon`: what is under way is soon interrupted.
SHORT_PATIENCE = """
from pid1 import reexec
reexec.PATIENCE = 0.3
"""
