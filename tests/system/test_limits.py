"""The daemon may use more descriptors than it was given; its services may not."""

from __future__ import annotations

import resource

from tests.system.live import LiveDaemon, eventually, live_daemon

SERVICES = """
(define names
  (map (lambda (n) (string->symbol (string-append "s" (number->string n)))) (iota 80)))
(register-services
 (map (lambda (name)
        (service (list name)
          #:start (make-forkexec-constructor '("sleep" "1000"))
          #:stop (make-kill-destructor)))
      names))
(define (report name . options)
  (service (list name)
    #:start (apply make-forkexec-constructor
                   '("sh" "-c" "ulimit -n; exec sleep 1000") options)
    #:stop (make-kill-destructor)))
(register-services
 (list (report 'plain) (report 'forked #:resource-limits '((core 0 0)))))
(start-in-the-background names)
"""


def reported(daemon: LiveDaemon, service: str) -> str:
    """What a fresh process of the service says its limit is."""
    daemon.request("restart", service)
    lines = eventually(
        lambda: daemon.status(service)["recent-messages"], what="the limit is printed"
    )
    return str(lines[0][1])


def test_descriptors_are_the_daemon_s_own_affair() -> None:
    # 64 soft, 4096 hard: too few for eighty services, were it not raised.
    with live_daemon(SERVICES, prefix=["prlimit", "--nofile=64:4096"]) as daemon:
        daemon.wait_log("Successfully started 80 services in the background.")
        assert resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE) == (4096, 4096)
        assert reported(daemon, "plain") == "64"
        assert reported(daemon, "forked") == "64"
        daemon.reexecute()
        assert resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE) == (4096, 4096)
        assert reported(daemon, "plain") == "64"
        assert reported(daemon, "forked") == "64"
