"""s6: a tree of s6-svscan, one s6-supervise per service, and the services."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from bench import debian
from bench.peers.base import Peer, Setup, write_script


class S6(Peer):
    """s6-svscan on a directory of service directories."""

    name = "s6"
    packages = ("s6",)
    programs = ("/usr/bin/s6-svscan", "/usr/bin/s6-svc", "/usr/bin/s6-svstat")
    # s6-supervise waits one second after each death, and that cannot be changed.
    respawn_delay = 1.0
    notes: ClassVar[Mapping[str, str]] = {
        "status-all": "there is no such command: a shell runs `s6-svstat` for each service",
        "status-all-cpu": "there is no such command: a shell runs `s6-svstat` for each service",
        "stop": "no dependencies without s6-rc: `s6-svc -wD -d` with all directories",
        "shutdown": "all at once: there is no order without s6-rc",
        "respawn": "beyond the second that it always waits",
        "memory": "of `s6-svscan` and one `s6-supervise` per service",
    }

    def version(self) -> str:
        return f"s6 {debian.version(self.root, 's6')}"

    def write(self, setup: Setup) -> None:
        for name in setup.names:
            directory = setup.directory / name
            directory.mkdir()
            write_script(directory / "run", setup.script())

    def command(self, setup: Setup) -> list[str]:
        # More services than are allowed by default; nothing happens before all are there.
        return ["s6-svscan", "-C", str(len(setup.names) + 10), str(setup.directory)]

    def status_one(self, setup: Setup, name: str) -> list[str]:
        return ["s6-svstat", str(setup.directory / name)]

    def status_all(self, setup: Setup) -> list[str]:
        return ["sh", "-c", f'for i in {setup.directory}/*; do s6-svstat "$i"; done']

    def stop_all(self, setup: Setup) -> list[str]:
        return ["s6-svc", "-wD", "-d", *[str(setup.directory / name) for name in setup.names]]
