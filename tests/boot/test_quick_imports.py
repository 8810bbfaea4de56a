"""asyncio without the modules that a daemon does not need: quick to import, and still whole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SPARED = ("ssl", "inspect", "logging", "subprocess", "concurrent.futures", "traceback", "ast")

PROLOGUE = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from boot.quick_imports import install
install()
import asyncio, signal
loop = asyncio.SelectorEventLoop()
loop.add_signal_handler(signal.SIGUSR1, lambda: None)
async def work():
    return (await asyncio.wait([asyncio.ensure_future(asyncio.sleep(0, 1))]))[0].pop().result()
assert loop.run_until_complete(work()) == 1
"""


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", PROLOGUE + code],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_spared_modules_are_not_imported_by_a_loop_and_its_tasks() -> None:
    done = run(
        "for name, module in list(sys.modules.items()):\n"
        "    if getattr(module, '__file__', None): print(name)\n"
    )
    assert done.returncode == 0, done.stderr
    imported = set(done.stdout.split())
    assert "asyncio.base_events" in imported
    assert imported.isdisjoint(SPARED)


@pytest.mark.parametrize(
    "use",
    [
        "import inspect; assert str(inspect.signature(lambda a: 1)) == '(a)'",
        "import logging; logging.getLogger('asyncio').error('heard')",
        "asyncio.log.logger.error('heard')",
        "import subprocess; assert subprocess.run(['true']).returncode == 0",
        "import subprocess; assert (subprocess.PIPE, subprocess.DEVNULL) == (-1, -3)",
        "import concurrent.futures as f; assert f.FIRST_COMPLETED == asyncio.FIRST_COMPLETED",
        "assert loop.run_until_complete(asyncio.to_thread(lambda: 5)) == 5",
        "import traceback; assert traceback.format_exc()",
        "from traceback import extract_stack; assert extract_stack()",
        "asyncio.ensure_future(asyncio.sleep(0), loop=loop).print_stack()",
        "process = loop.run_until_complete(asyncio.create_subprocess_exec('true'))\n"
        "assert loop.run_until_complete(process.wait()) == 0",
    ],
)
def test_stand_ins_become_the_modules_when_they_are_used(use: str) -> None:
    done = run(use)
    assert done.returncode == 0, done.stderr


def test_a_coroutine_function_is_refused_as_a_signal_handler() -> None:
    done = run("loop.add_signal_handler(signal.SIGUSR1, work)")
    assert "coroutines cannot be used" in done.stderr
