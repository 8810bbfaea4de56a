"""Clients whose commands take long hold every descriptor: others are served, they are excused."""

from __future__ import annotations

import resource
from pathlib import Path

from tests.system.live import Reply, command, eventually, live_daemon, receive

_CONFIGURATION = """
(register-services (list
  (service '(slow) #:start (lambda () (sleep 1000) #t) #:stop (const #f))))
"""


def test_who_has_the_last_descriptor_is_told_that_the_command_goes_on() -> None:
    with live_daemon(_CONFIGURATION) as daemon:
        used = [int(entry.name) for entry in Path(f"/proc/{daemon.pid}/fd").iterdir()]
        before = resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (max(used) + 8, before[1]))
        clients = []
        try:
            for _ in range(max(used) + 16):
                client = daemon.connect()
                client.sendall(command("start", "slow"))
                clients.append(client)
            # Somebody else is served, though each descriptor is a client's that waits.
            assert daemon.request("status", "slow").result
            excused = []
            for client in clients:
                client.setblocking(False)
                try:
                    excused.append(Reply(receive(client)))
                except BlockingIOError:
                    client.settimeout(30)
            assert excused
            for reply in excused:
                assert "too many clients are waiting" in str(reply.error)
            assert daemon.status("slow")["status"].name == "starting"
            resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, before)
            daemon.request("stop", "slow")
            for client in clients[:3]:
                assert Reply(receive(client)).result is False
        finally:
            for client in clients:
                client.close()
        eventually(daemon.alive)
        assert "Unexpected error" not in daemon.log()
