"""What a service manager has to say about itself to be measured beside the others.

A peer is one small module: how its services are written down, and the commands that start it, ask
it and stop its services.  What is measured, and how, is the same for all (``running.py``).
"""

from __future__ import annotations

import signal
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from bench import process


@dataclass(frozen=True)
class Setup:
    """What a peer shall run: services called ``names``, each running ``program`` with ``fifo``.

    ``directory`` is empty, in memory, and has the same name in every root directory.
    """

    directory: Path
    names: Sequence[str]
    program: Path
    fifo: Path

    def script(self) -> str:
        """The program with its argument as an executable file, without a shell in between."""
        return f"#!{self.program} {self.fifo}\n"


class Peer(ABC):
    """A service manager; ``root`` is its root directory, in which its programs have their names."""

    name: str
    # Those of Debian's packages that it is made of.
    packages: ClassVar[Sequence[str]] = ()
    # Looked for before anything is measured.
    programs: ClassVar[Sequence[str]] = ()
    # Seconds for which it leaves a service dead that has died, by itself or as configured here.
    respawn_delay: ClassVar[float] = 0.0
    # Seconds that a service must have run so that its death is not the sign of a crash loop.
    settle: ClassVar[float] = 0.05
    # What ends it in order, with its services.
    end: ClassVar[signal.Signals] = signal.SIGTERM
    # Remarks on the figures, by metric; a figure that is None in the table has one that says why.
    notes: ClassVar[Mapping[str, str]] = {}

    def __init__(self, root: Path) -> None:
        self.root = root

    @abstractmethod
    def version(self) -> str:
        """Name and version."""

    @abstractmethod
    def write(self, setup: Setup) -> None:
        """Write the services down; this is not measured."""

    @abstractmethod
    def command(self, setup: Setup) -> list[str]:
        """The manager, in the foreground, starting all services."""

    @abstractmethod
    def status_one(self, setup: Setup, name: str) -> list[str]:
        """The command that asks for one service."""

    @abstractmethod
    def status_all(self, setup: Setup) -> list[str]:
        """The command that asks for all services."""

    @abstractmethod
    def stop_all(self, setup: Setup) -> list[str]:
        """The command that stops all services and leaves the manager alone."""

    def missing(self) -> str | None:
        """Why it cannot be measured here; None if it can."""
        for program in self.programs:
            if not (self.root / program.lstrip("/")).exists():
                return f"{self.name}: there is no {program} in {self.root}"
        return None

    def output(self, *command: str) -> str:
        """What one of its programs prints."""
        return process.output(self.root, command).strip()


def write_script(file: Path, text: str) -> None:
    """Write an executable file."""
    file.write_text(text, encoding="utf-8")
    file.chmod(0o755)
