"""What a fuzz target is, and how one input is given to it.

A target takes bytes and raises only if the program did: an exception that is not the documented
error of that input, more processor time than it may take, or an answer that contradicts itself.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

CORPUS = Path(__file__).parent / "corpus"
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Target:
    """An input of the program.

    `run` takes one input.  `seconds` of processor time are what it may take, `longest` is the
    number of bytes worth trying, `words` are what the input is made of.  `seeds` are files of the
    repository, by pattern, that are examples besides those of the target's corpus.  With `slow`,
    an input costs milliseconds (another process has to take part).
    """

    name: str
    run: Callable[[bytes], None]
    seconds: float = 1.0
    longest: int = 4096
    words: Sequence[str] = ()
    seeds: Sequence[str] = ()
    slow: bool = False

    @property
    def corpus(self) -> Path:
        """Where the examples are, and the inputs that once were too much."""
        return CORPUS / self.name

    def examples(self) -> list[Path]:
        """All files that are examples of this input, in a fixed order."""
        found = sorted(self.corpus.glob("*"))
        for pattern in self.seeds:
            found += sorted(path for path in ROOT.glob(pattern) if path.is_file())
        return [path for path in found if path.stat().st_size <= self.longest]


class TooSlow(BaseException):
    """An input took more than its time; not an Exception, lest the program catch it."""


class Contradiction(AssertionError):
    """What came out does not fit to what came in."""


def check(target: Target, data: bytes) -> None:
    """Give an input to a target; raises what it raises, or TooSlow."""
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("time is taken by signals, which only the main thread gets")

    def over(_number: int, frame: FrameType | None) -> None:
        raise TooSlow(f"{target.name}: {target.seconds:g} s of processor time")

    before = signal.signal(signal.SIGVTALRM, over)
    signal.setitimer(signal.ITIMER_VIRTUAL, target.seconds)
    try:
        target.run(data)
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


# What a program under test may not do to the machine it is tested on.

_FORBIDDEN = frozenset(
    {
        "os.chdir", "os.chmod", "os.chown", "os.chroot", "os.exec", "os.fork", "os.forkpty",
        "os.kill", "os.killpg", "os.link", "os.mkdir", "os.posix_spawn", "os.remove", "os.rename",
        "os.rmdir", "os.setxattr", "os.spawn", "os.symlink", "os.system", "os.truncate",
        "os.utime", "shutil.rmtree", "signal.pthread_kill", "socket.bind", "socket.connect",
        "subprocess.Popen", "syslog.openlog",
    }
)  # fmt: skip
_WRITING = 0o1 | 0o2 | 0o100 | 0o1000  # O_WRONLY, O_RDWR, O_CREAT, O_TRUNC
_harmless = 0


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if not _harmless:
        return
    if event in _FORBIDDEN or (
        event == "open"
        and isinstance(arguments[2], int)
        and arguments[2] & _WRITING
        and arguments[0] != "/dev/null"
    ):
        raise PermissionError(1, f"not in a fuzz target: {event}", str(arguments[:1]))


_installed = False


@contextmanager
def harmless() -> Iterator[None]:
    """Refuse, with EPERM, what would change files, start programs or signal processes."""
    global _harmless, _installed
    if not _installed:
        sys.addaudithook(_hook)  # there is no way to take one away again
        _installed = True
    _harmless += 1
    try:
        yield
    finally:
        _harmless -= 1
