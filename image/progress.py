"""What a build says while it works: bars on a terminal, plain lines elsewhere, or nothing.

All of it goes to the standard error stream; results go to standard output.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Display
    from rich.progress import TaskID


class Step:
    """One step of the work, which may be told how far it is; this one tells nobody."""

    def total(self, amount: int | None) -> None:
        """Say how much there is to do; None if that is not known."""

    def advance(self, amount: int = 1) -> None:
        """Say that so much more has been done."""

    def say(self, text: str) -> None:
        """Say what is being worked on, or what came out."""


class Progress:
    """Where the messages of a build go; this one shows warnings and nothing else."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream

    @contextmanager
    def step(self, title: str, total: int | None = None) -> Iterator[Step]:
        """Announce a step, which lasts as long as the block."""
        yield Step()

    def note(self, text: str) -> None:
        """Show a line for those who follow the build."""

    def warn(self, text: str) -> None:
        """Show a line for everybody."""
        print(f"hurd-image: warning: {text}", file=self.stream or sys.stderr, flush=True)


class _Silent(Progress):
    def warn(self, text: str) -> None:
        """Nothing."""


SILENT = _Silent()


class _PlainStep(Step):
    def __init__(self) -> None:
        self.result = ""

    def say(self, text: str) -> None:
        self.result = text


class Plain(Progress):
    """A line for each step, with the time it took if that was noticeable."""

    @contextmanager
    def step(self, title: str, total: int | None = None) -> Iterator[Step]:
        """Print a line when the step ends well; an error says what failed."""
        step = _PlainStep()
        begun = time.monotonic()
        yield step
        taken = time.monotonic() - begun
        text = f"{title}: {step.result}" if step.result else title
        self.note(f"{text} ({taken:.1f} s)" if taken >= 0.1 else text)

    def note(self, text: str) -> None:
        """Print a line."""
        print(text, file=self.stream or sys.stderr, flush=True)


class Bars(Progress):
    """A bar that moves, on a terminal."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        from rich.console import Console

        self.console: Console = Console(file=stream, highlight=False)

    @contextmanager
    def step(self, title: str, total: int | None = None) -> Iterator[Step]:
        """Show a bar, and leave the line with the time when the step ends."""
        from rich import progress

        columns = (
            progress.SpinnerColumn(finished_text="✓"),
            progress.TextColumn("{task.description}", markup=False),
            progress.BarColumn(),
            progress.TaskProgressColumn(),
            progress.TimeElapsedColumn(),
            progress.TextColumn("{task.fields[said]}", markup=False, style="dim"),
        )
        with progress.Progress(*columns, console=self.console) as display:
            task = display.add_task(title, total=total, said="")
            yield _Bar(display, task)
            whole = display.tasks[0].total or 1
            display.update(task, total=whole, completed=whole)

    def note(self, text: str) -> None:
        """Print a line."""
        self.console.print(text, markup=False)

    def warn(self, text: str) -> None:
        """Print a line that is seen."""
        self.console.print(f"hurd-image: warning: {text}", markup=False, style="yellow")


class _Bar(Step):
    def __init__(self, display: Display, task: TaskID) -> None:
        self.display = display
        self.task = task

    def total(self, amount: int | None) -> None:
        self.display.update(self.task, total=amount)

    def advance(self, amount: int = 1) -> None:
        self.display.advance(self.task, amount)

    def say(self, text: str) -> None:
        self.display.update(self.task, said=text)


def make_progress(*, quiet: bool = False, stream: TextIO | None = None) -> Progress:
    """Return what suits the stream (standard error by default); quiet shows warnings only."""
    stream = stream or sys.stderr
    if quiet:
        return Progress(stream)
    if stream.isatty():
        with suppress(ImportError):
            return Bars(stream)
    return Plain(stream)
