"""runit: a tree of runsvdir, one runsv per service, and the services."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from typing import ClassVar

from bench import debian
from bench.peers.base import Peer, Setup, write_script


class Runit(Peer):
    """runsvdir on a directory of service directories."""

    name = "runit"
    packages = ("runit",)
    programs = ("/usr/bin/runsvdir", "/usr/bin/sv")
    # runsv starts at once a service that has run for a second, and otherwise waits for it.
    settle = 1.1
    end = signal.SIGHUP
    notes: ClassVar[Mapping[str, str]] = {
        "stop": "no dependencies: `sv down` with all directories, until the services are gone",
        "shutdown": "all at once: there is no order",
        "respawn": "of a service that has run for more than a second; else it waits for one",
        "memory": "of `runsvdir` and one `runsv` per service",
        "idle": "`runsvdir` looks for new directories every five seconds",
    }

    def version(self) -> str:
        return f"runit {debian.version(self.root, 'runit')}"

    def write(self, setup: Setup) -> None:
        for name in setup.names:
            directory = setup.directory / name
            directory.mkdir()
            write_script(directory / "run", setup.script())
        # runsvdir waits for a directory that has changed in this second to become older.
        os.utime(setup.directory, (0, 0))

    def command(self, setup: Setup) -> list[str]:
        return ["runsvdir", "-P", str(setup.directory)]

    def status_one(self, setup: Setup, name: str) -> list[str]:
        return ["sv", "status", str(setup.directory / name)]

    def status_all(self, setup: Setup) -> list[str]:
        return ["sv", "status", *[str(setup.directory / name) for name in setup.names]]

    def stop_all(self, setup: Setup) -> list[str]:
        # Not `sv stop`, which looks every 0.4 s.
        return ["sv", "down", *[str(setup.directory / name) for name in setup.names]]
