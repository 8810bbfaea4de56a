"""asyncio without the modules that a daemon does not need: quick to import, and still whole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import sexpdata

ROOT = Path(__file__).resolve().parents[2]
SEXPDATA = str(Path(sexpdata.__file__).parent)
SPARED = (
    "ssl", "inspect", "logging", "subprocess", "concurrent.futures", "traceback", "ast", "enum",
    "array", "collections", "functools", "heapq", "operator", "re", "reprlib",
    "threading", "typing", "warnings", "asyncio.locks", "asyncio.timeouts",
)  # fmt: skip

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
        # The reader of commands: it makes functools real, which makes typing real, and collections.
        f"sys.path.append({SEXPDATA!r}); import sexpdata",
        "for _ in 2 * [0]: signal.signal(signal.SIGUSR2, lambda *_: None)",
        "import logging; logging.getLogger('asyncio').error('heard')",
        "asyncio.log.logger.error('heard')",
        "import subprocess; assert subprocess.run(['true']).returncode == 0",
        "import subprocess; assert (subprocess.PIPE, subprocess.DEVNULL) == (-1, -3)",
        "import concurrent.futures as f; assert f.FIRST_COMPLETED == asyncio.FIRST_COMPLETED",
        "assert loop.run_until_complete(asyncio.to_thread(lambda: 5)) == 5",
        "import traceback; assert traceback.format_exc()",
        "from traceback import extract_stack; assert extract_stack()",
        "asyncio.ensure_future(asyncio.sleep(0), loop=loop).print_stack()",
        "import enum; assert enum.Enum('E', 'A B').B.value == 2",
        "from enum import IntEnum; assert isinstance(IntEnum('E', 'A B').A, int)",
        "import re; assert re.compile('a', re.IGNORECASE).match('A').re.flags & re.I",
        "import collections as c; assert c.Counter('aab').most_common() == [('a', 2), ('b', 1)]",
        "from collections import namedtuple as n; assert n('P', 'x y')(1, y=2).x == 1",
        "from collections.abc import Mapping; assert issubclass(dict, Mapping)",
        "import functools as f; assert f.lru_cache(lambda: 3)() == 3",
        "import array; assert array.array('i', [3])[0] == 3",
        "import socket, os\none, other = socket.socketpair()\n"
        "socket.send_fds(one, [b'x'], [0]); os.close(socket.recv_fds(other, 1, 1)[1][0])",
        "import heapq, operator; assert list(heapq.merge([1, 3], [2])) == [1, 2, 3]",
        "import threading as t; assert t.current_thread() is t.main_thread()",
        "import threading as t; one = t.Thread(target=print); one.start(); one.join()",
        "import warnings as w\nwith w.catch_warnings(record=True) as one:\n"
        "    w.simplefilter('always'); w.warn('heard')\nassert one[0].message.args == ('heard',)",
        "import warnings; warnings.warn('heard'); assert warnings.filters",
        "assert loop.run_until_complete(asyncio.wait_for(asyncio.sleep(0, 2), 5)) == 2",
        "assert 'Task' in repr(loop.create_task(asyncio.sleep(0)))",
        "import asyncio.timeouts\nasync def late():\n    async with asyncio.timeout(0.001):\n"
        "        await asyncio.sleep(5)\ntry: loop.run_until_complete(late())\n"
        "except TimeoutError as error: pass",
        "async def wait(): return await asyncio.Event().wait()\nasyncio.Lock(), asyncio.Queue()",
        "process = loop.run_until_complete(asyncio.create_subprocess_exec('true'))\n"
        "assert loop.run_until_complete(process.wait()) == 0",
    ],
)
def test_stand_ins_become_the_modules_when_they_are_used(use: str) -> None:
    done = run(use)
    assert done.returncode == 0, done.stderr


def test_a_program_that_has_imported_collections_gets_its_abc() -> None:
    """What pip's commands import of Python 3.11.2, whose `collections` has no such attribute."""
    imported = "import re, sys; vars(sys.modules['collections']).pop('abc', None)"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", imported + PROLOGUE], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_coroutine_function_is_refused_as_a_signal_handler() -> None:
    done = run("loop.add_signal_handler(signal.SIGUSR1, work)")
    assert "coroutines cannot be used" in done.stderr


def test_the_constants_of_signal_and_socket_still_have_their_names() -> None:
    done = run(
        "import socket\n"
        "assert repr(signal.Signals(15)) == '<Signals.SIGTERM: 15>'\n"
        "assert (signal.Signals(9).name, signal.Signals.SIGHUP.value) == ('SIGKILL', 1)\n"
        "assert signal.Signals['SIGINT'] == 2 in list(signal.Signals)\n"
        "assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "assert signal.getsignal(signal.SIGTERM) == signal.SIG_IGN\n"
        "assert signal.SIGUSR2 in signal.pthread_sigmask(signal.SIG_BLOCK, {12}) | {12}\n"
        "one = socket.socket(socket.AF_UNIX)\n"
        "assert (one.family, one.type) == (socket.AF_UNIX, socket.SOCK_STREAM)\n"
        "assert one.family.name == 'AF_UNIX'\n"
        "for wrong in (0, 4711):\n"
        "    try: signal.Signals(wrong)\n"
        "    except ValueError as error: assert str(error) == f'{wrong} is not a valid Signals'\n"
        "    else: raise AssertionError(wrong)\n"
        "try: signal.Signals.SIGNONE\n"
        "except AttributeError: pass\n"
        "else: raise AssertionError"
    )
    assert done.returncode == 0, done.stderr


def test_a_named_tuple_is_one() -> None:
    done = run(
        "import selectors\n"
        "key = selectors.SelectorKey('file', 3, events=1, data=None)\n"
        "assert key == ('file', 3, 1, None) and key.fd == 3\n"
        "assert key._replace(events=2)._asdict()['events'] == 2\n"
        "assert repr(key) == \"SelectorKey(fileobj='file', fd=3, events=1, data=None)\"\n"
        "for wrong in ((1,), (1, 2, 3, 4, 5)):\n"
        "    try: selectors.SelectorKey(*wrong)\n"
        "    except TypeError: pass\n"
        "    else: raise AssertionError(wrong)"
    )
    assert done.returncode == 0, done.stderr
