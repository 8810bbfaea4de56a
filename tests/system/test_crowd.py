"""Many clients at once, some of them bad: everybody who asks is answered, and soon."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator

import pytest

from bench.client import Nuisance, many
from tests.system.live import LiveDaemon, Reply, command, live_daemon, receive

_HUNDRED = """
(register-services
  (map (lambda (n)
         (service (list (string->symbol (string-append "s" (number->string n))))
           #:start (const #t) #:stop (const #f)))
       (iota 100)))
(start-in-the-background (map (lambda (n) (string->symbol (format #f "s~a" n))) (iota 100)))
"""


@pytest.fixture(scope="module")
def daemon() -> Iterator[LiveDaemon]:
    with live_daemon(_HUNDRED) as running:
        running.wait_log("Successfully started 100 services")
        yield running


def test_five_hundred_clients_at_once_are_all_answered(daemon: LiveDaemon) -> None:
    took = many(daemon.socket, 500, "status", "s7")
    assert len(took) == 500
    # 0.2 s is what bench/run asks for, on a machine that does nothing else.
    assert statistics.median(took) < 2


def test_two_hundred_clients_ask_for_everything(daemon: LiveDaemon) -> None:
    took = many(daemon.socket, 200, "status", "root")
    assert len(took) == 200
    assert max(took) < 5
    clients = [daemon.connect() for _ in range(200)]
    for client in clients:
        client.sendall(command("status"))
    for client in clients:
        (services,) = Reply(receive(client)).result
        assert len(services) == 101
        client.close()


def test_status_of_all_is_never_out_of_date(daemon: LiveDaemon) -> None:
    for number in range(20):
        name = f"s{number}"
        assert daemon.request("disable", name).error is False
        assert daemon.all_services()[name]["enabled?"] is False
        assert daemon.request("stop", name).error is False
        assert daemon.all_services()[name]["status"].name == "stopped"
        daemon.request("eval", "root", f'(format #t "number {number}~%")')
        assert daemon.all_services()["root"]["recent-messages"][0][-1] == f"number {number}"
        assert daemon.request("enable", name).error is False
        assert daemon.request("start", name).result
        assert daemon.all_services()[name]["status"].name == "running"


def test_clients_that_never_finish_do_not_keep_others_waiting(daemon: LiveDaemon) -> None:
    nuisance = Nuisance(daemon.socket, 1000)
    try:
        took = []
        for _ in range(50):
            began = time.monotonic()
            assert daemon.status("s3")["status"].name == "running"
            took.append(time.monotonic() - began)
        assert statistics.median(took) < 0.2
        assert max(took) < 2
        assert len(many(daemon.socket, 200, "status", "s3")) == 200
    finally:
        nuisance.close()
    assert daemon.alive()
