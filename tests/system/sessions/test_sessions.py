"""The recorded sessions give the same results with drover in place of the GNU Shepherd.

The GNU Shepherd with its own `herd` runs too: it shows that the sandbox and the normalisation are
sound before anything is said about drover.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import cast

import pytest
from sandbox import SandboxUnavailable

from . import compare, runner
from .runner import Pair, Session

pytestmark = [pytest.mark.interop, pytest.mark.slow]

PAIRS = [
    Pair(daemon="gnu", client="gnu"),
    Pair(daemon="gnu", client="drover"),
    Pair(daemon="drover", client="gnu"),
    Pair(daemon="drover", client="drover"),
]
SESSIONS = list(runner.OUTPUT)

# They sleep most of the time; more at once would disturb the ones that depend on the clock.
AT_ONCE = 3


@pytest.fixture(scope="module")
def result(
    request: pytest.FixtureRequest, shepherd_chroot: Path
) -> Iterator[Callable[[str, Pair], Session]]:
    """What a session left; all that the selected tests need are started at once."""
    wanted: list[tuple[str, Pair]] = [
        (str(item.callspec.params["session"]), cast(Pair, item.callspec.params["pair"]))
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.parent is request.node
    ]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        running: dict[tuple[str, Pair], Future[Session]] = {
            (session, pair): pool.submit(runner.run, shepherd_chroot, session, pair)
            for session, pair in wanted
        }

        def wait(session: str, pair: Pair) -> Session:
            try:
                return running[session, pair].result()
            except SandboxUnavailable as unavailable:
                pytest.skip(str(unavailable))

        yield wait


@pytest.mark.parametrize("pair", PAIRS, ids=str)
@pytest.mark.parametrize("session", SESSIONS)
def test_session_gives_what_was_recorded(
    session: str, pair: Pair, result: Callable[[str, Pair], Session]
) -> None:
    actual = result(session, pair)
    assert 'File "/opt/drover' not in actual.stdout + actual.stderr + actual.log, "a traceback"
    found = compare.differences(session, runner.recorded(session), actual, pair)
    if found:
        if not actual.captures:
            found = [actual.stdout, actual.stderr]
        pytest.fail("\n".join([f"{len(found)} differences", *found]), pytrace=False)
