"""drover and the GNU Shepherd by the same rules as the others: through commands and a signal."""

from __future__ import annotations

from bench.daemon import Candidate
from bench.peers.base import Peer, Setup
from bench.services import RESPAWN_DELAY, write_configuration


class Shepherd(Peer):
    """One of the two, with the configuration that they have when they are compared closely."""

    respawn_delay = RESPAWN_DELAY

    def __init__(self, candidate: Candidate) -> None:
        super().__init__(candidate.root)
        self._candidate = candidate
        self.name = candidate.name

    def version(self) -> str:
        return self._candidate.version()

    def write(self, setup: Setup) -> None:
        write_configuration(
            setup.directory / "configuration",
            setup.program,
            len(setup.names),
            setup.fifo,
            setup.fifo,
        )

    def command(self, setup: Setup) -> list[str]:
        return [
            self._candidate.shepherd,
            f"--config={setup.directory}/configuration",
            f"--socket={setup.directory}/socket",
            f"--logfile={setup.directory}/log",
            "--silent",
        ]

    def status_one(self, setup: Setup, name: str) -> list[str]:
        return self._herd(setup, "status", name)

    def status_all(self, setup: Setup) -> list[str]:
        return self._herd(setup, "status")

    def stop_all(self, setup: Setup) -> list[str]:
        return self._herd(setup, "stop", "base")

    def _herd(self, setup: Setup, *words: str) -> list[str]:
        return [self._candidate.herd, f"--socket={setup.directory}/socket", *words]
