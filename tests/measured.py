"""For `scripts/coverage`: measures the daemons and clients that tests start with -I -S, too.

Those read no site-packages, where coverage.py hooks into all other interpreters.  So the scripts
that start them get a few lines in front; and since tests kill their daemons, which ends a
measurement without a result, they are told to write it first, by a signal that nothing else uses.
What the tests' own process forks writes its result before it becomes another program.

Tests marked `unmeasured` start everything as it is, for what they assert is not so when it is
measured: which modules are loaded, what a signal does, how much memory or time something takes.
"""

from __future__ import annotations

import _thread
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import coverage
import pytest

ROOT = Path(__file__).resolve().parents[1]
_SAVE = signal.SIGRTMAX - 2
_PATIENCE = 5.0  # seconds
_MOST_RESULTS = 5  # of what one test forks
_forks: Counter[str | None] = Counter()
_measuring = True  # what the test that runs starts
# Has coverage.py begin in any interpreter that reads site-packages.
_FOR_OTHERS = {
    name: value for name, value in os.environ.items() if name.startswith("COVERAGE_PROCESS_")
}
_START = """\
import sys
sys.path.append({site!r})
import os, posix, signal
with __import__("contextlib").suppress(Exception):
    import coverage
    _measured = coverage.Coverage(data_file={data!r}, config_file={config!r}, auto_data=True)
    _measured.start()
    def _saving(function, process=os.getpid()):
        def call(*arguments):
            if os.getpid() == process:
                _measured.stop()
                _measured.save()
            return function(*arguments)
        return call
    os.execve, os.execv = _saving(os.execve), _saving(os.execv)
    os._exit = posix._exit = _saving(os._exit)
    signal.signal({number}, lambda *_: os._exit(0))
    import _thread, threading
    def _tracing(start):
        def begin(function, *arguments):
            def run(*values, **named):
                sys.settrace(threading.gettrace())
                return function(*values, **named)
            return start(run, *arguments)
        return begin
    _thread.start_new_thread = _tracing(_thread.start_new_thread)
sys.path.remove({site!r})
"""


def _lines() -> str:
    return _START.format(
        site=str(Path(coverage.__file__).resolve().parents[1]),
        data=os.environ["COVERAGE_FILE"],
        config=str(ROOT / "pyproject.toml"),
        number=int(_SAVE),
    )


def _start() -> str:
    # What it is put in front of goes through `str.format`.
    return _lines().replace("{", "{{").replace("}", "}}")


class _Start(str):
    """A script with the lines in front, if what the test starts is to be measured."""

    def format(self, *arguments: object, **named: object) -> str:
        made = super().format(*arguments, **named)
        return _lines() + made if _measuring else made


def _measure_commands() -> None:
    """Put the lines in front of what is given to `python -I -c`, unless it asks what is loaded.

    What is killed writes its result first.
    """
    begin: Any = subprocess.Popen.__init__
    kill: Any = subprocess.Popen.kill

    def init(self: Any, args: Any, *others: Any, **named: Any) -> None:
        words = list(args) if isinstance(args, (list, tuple)) else []
        at = _command(words)
        if _measuring and at is not None and "sys.modules" not in words[at]:
            words[at] = _lines() + words[at]
            args = words
        begin(self, args, *others, **named)

    def save_and_kill(self: Any) -> None:
        if self.poll() is None and _is_measured(self.pid):
            _save(self.pid)
        kill(self)

    process: Any = subprocess.Popen
    process.__init__, process.kill = init, save_and_kill


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Take note whether what the test starts is to be measured."""
    global _measuring
    _measuring = item.get_closest_marker("unmeasured") is None
    if _measuring:
        os.environ.update(_FOR_OTHERS)
    else:
        for name in _FOR_OTHERS:
            os.environ.pop(name, None)


def pytest_configure() -> None:
    """Have everything that is started from now on measured."""
    from pid1 import launchers

    os.register_at_fork(before=lambda: _forks.update([_test()]))
    os.execve, os.execv = _after_writing(os.execve), _after_writing(os.execv)
    os._exit = _after_writing(os._exit)
    _thread.start_new_thread = _tracing(_thread.start_new_thread)
    # Written once for all tests.
    launchers._CLIENT = _start() + launchers._CLIENT
    launchers._DAEMON = _start() + launchers._DAEMON
    _measure_commands()
    sys.path[:0] = [str(ROOT / "tests/system"), str(ROOT / "tests/boot")]
    # Tests import them by either name, which makes two modules.
    for name in ("live", "tests.system.live"):
        live: Any = import_module(name)
        live._MAIN = _Start(live._MAIN)
        live._kill_all = _after_saving(live._kill_all)
    for name in ("console", "tests.boot.console"):
        console: Any = import_module(name)
        console._MAIN = _Start(console._MAIN)
        console.machine = _saving(console.machine)


def _tracing(start: Callable[..., int]) -> Callable[..., int]:
    """Measures what runs on a thread that is not one of the module threading."""

    def begin(function: Callable[..., object], *arguments: Any) -> int:
        def run(*values: object, **named: object) -> object:
            sys.settrace(threading.gettrace())
            return function(*values, **named)

        return start(run, *arguments)

    return begin


def _after_writing(end: Callable[..., Any]) -> Callable[..., Any]:
    parent = os.getpid()

    def write_and_end(*arguments: Any) -> Any:
        current = coverage.Coverage.current()
        if os.getpid() != parent and current is not None and _forks[_test()] <= _MOST_RESULTS:
            # Without a descriptor, for instance, there is none.
            with suppress(Exception):
                current.save()
        return end(*arguments)

    return write_and_end


def _command(words: list[Any]) -> int | None:
    """Where the code of `python -I … -c` stands, which may be started by another program."""
    for at, word in enumerate(words):
        if word in ("-I", "-IS"):
            while at < len(words) and str(words[at]).startswith("-") and words[at] != "-c":
                at += 1
            is_code = words[at : at + 1] == ["-c"] and isinstance(words[at + 1], str)
            return at + 1 if is_code else None
    return None


def _test() -> str | None:
    return os.environ.get("PYTEST_CURRENT_TEST")


def _after_saving(kill_all: Callable[[Any], None]) -> Callable[[Any], None]:
    def save_and_kill_all(process: Any) -> None:
        found = _save_all(process.pid)
        kill_all(process)
        # What a daemon had started is nobody's child now.
        for pid in found:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)

    return save_and_kill_all


def _saving(machine: Callable[..., Any]) -> Callable[..., Any]:
    @contextmanager
    def saved(*words: str, **options: Any) -> Iterator[Any]:
        with machine(*words, **options) as made:
            try:
                yield made
            finally:
                _save_all(made.process.pid)

    return saved


def _save_all(pid: int) -> list[int]:
    """Have a process and its descendants write what was measured, which ends them.

    Returns all of them.
    """
    from tests.system.live import children

    found = [pid]
    for one in found:
        found += children(one)
    for one in found:
        if _is_measured(one):
            _save(one)
    return found


def _is_measured(pid: int) -> bool:
    with suppress(OSError, IndexError):
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
        [caught] = [line.split()[1] for line in status.splitlines() if line.startswith("SigCgt")]
        return bool(int(caught, 16) >> (_SAVE - 1) & 1)
    return False


def _save(pid: int) -> None:
    from tests.system.live import process_state

    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, _SAVE)
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end and process_state(pid) not in (None, "Z", "T"):
        time.sleep(0.01)
