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
# A busy machine can be too slow for what a session expects after a fraction of a second.  What
# drover does differently, it does every time.
ATTEMPTS = 3


@pytest.fixture(scope="module")
def run(
    request: pytest.FixtureRequest, shepherd_chroot: Path
) -> Iterator[Callable[[str, Pair], Session]]:
    """Run a session; the first time, all that the selected tests need have been started."""
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

        def get(session: str, pair: Pair) -> Session:
            started = running.pop((session, pair), None)
            try:
                if started is not None:
                    return started.result()
                return pool.submit(runner.run, shepherd_chroot, session, pair).result()
            except SandboxUnavailable as unavailable:
                pytest.skip(str(unavailable))

        yield get


@pytest.mark.parametrize("pair", PAIRS, ids=str)
@pytest.mark.parametrize("session", SESSIONS)
def test_session_gives_what_was_recorded(
    session: str, pair: Pair, run: Callable[[str, Pair], Session]
) -> None:
    recorded = runner.recorded(session)
    every_time: dict[str, str] | None = None
    for _ in range(ATTEMPTS):
        actual = run(session, pair)
        assert 'File "/opt/drover' not in actual.stdout + actual.stderr + actual.log, "a traceback"
        assert actual.captures, actual.stdout + actual.stderr
        found = compare.differences(session, recorded, actual, pair)
        if every_time is not None:
            found = {title: diff for title, diff in found.items() if title in every_time}
        every_time = found
        if not every_time:
            return
    report = [f"== {title}\n{diff}" for title, diff in (every_time or {}).items()]
    pytest.fail("\n".join([f"{len(report)} differences", *report]), pytrace=False)
