"""dinit: one process for all services, which depend on one that has no process.

Debian has no package of it: ``dinit`` and ``dinitctl`` are looked for on PATH.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from bench.peers.base import Peer, Setup

_SERVICE = """\
type = process
command = {command}
restart = true
restart-limit-count = 0
depends-on = base
"""


class Dinit(Peer):
    """dinit as the manager of a container."""

    name = "dinit"
    # The default of `restart-delay`, the least time between two starts.
    settle = 0.3
    notes: ClassVar[Mapping[str, str]] = {
        "stop": "`dinitctl stop` of a service that wants all others, until these are gone",
        "respawn": "of a service that has run for more than 0.2 s; else it waits for that",
    }

    def __init__(self, _root: Path) -> None:
        super().__init__(Path("/"))
        self._dinit = shutil.which("dinit")
        self._dinitctl = shutil.which("dinitctl")

    def missing(self) -> str | None:
        if self._dinit is None or self._dinitctl is None:
            return "dinit: there is no dinit and dinitctl on PATH, and Debian has no package of it"
        return None

    def version(self) -> str:
        first = self.output(self._dinit or "", "--version").splitlines()[0]
        return f"dinit {first.rpartition(' ')[2].rstrip('.')}"

    def write(self, setup: Setup) -> None:
        command = f"{setup.program} {setup.fifo}"
        for name in setup.names:
            (setup.directory / name).write_text(_SERVICE.format(command=command))
        (setup.directory / "base").write_text("type = internal\n")
        wanted = "".join(f"waits-for = {name}\n" for name in setup.names)
        (setup.directory / "all").write_text(f"type = internal\n{wanted}")
        # Without it, dinit would end with the last of the others.
        (setup.directory / "stay").write_text("type = internal\n")

    def command(self, setup: Setup) -> list[str]:
        return [
            self._dinit or "",
            "--container",
            "--quiet",
            "--services-dir",
            str(setup.directory),
            "--socket-path",
            self._socket(setup),
            "all",
            "stay",
        ]

    def status_one(self, setup: Setup, name: str) -> list[str]:
        return self._control(setup, "status", name)

    def status_all(self, setup: Setup) -> list[str]:
        return self._control(setup, "list")

    def stop_all(self, setup: Setup) -> list[str]:
        return self._control(setup, "stop", "all")

    def _control(self, setup: Setup, *words: str) -> list[str]:
        return [self._dinitctl or "", "--socket-path", self._socket(setup), *words]

    def _socket(self, setup: Setup) -> str:
        return os.path.join(setup.directory, ".socket")
