"""Control characters in replies, which services may have printed, do nothing to a terminal."""

from __future__ import annotations

import posix

import pytest

from pid1.herd.harmless import disarm
from pid1.herd.printing import written
from pid1.herd.talk import Reply
from pid1.sexp import Keyword, Raw, Symbol, Vector

ESCAPE = "a\x1b[2Jb"
SHOWN = r"a\x1b[2Jb"


def reply() -> Reply:
    result = [ESCAPE, Symbol(ESCAPE), Keyword(ESCAPE), Raw(ESCAPE), [Vector([ESCAPE])], 5,
              (ESCAPE, (Symbol("x"), ESCAPE))]  # fmt: skip
    return Reply(result, [Symbol("error"), ESCAPE], [ESCAPE, "plain"])


@pytest.mark.parametrize(("output", "errors"), [(True, True), (True, False), (False, True)])
def test_what_goes_to_a_terminal_is_made_visible(
    output: bool, errors: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Where the test's own output goes is not known.
    monkeypatch.setattr(posix, "isatty", lambda number: output if number == 1 else errors)
    found = reply()
    disarm(found)
    assert found.messages == ([SHOWN, "plain"] if output else [ESCAPE, "plain"])
    assert ("\x1b" in _all(found.result)) is not output
    assert ("\x1b" in _all(found.error)) is not errors


def test_a_long_dotted_list_is_made_visible(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posix, "isatty", lambda number: True)
    chain: object = ESCAPE
    for _ in range(10_000):
        chain = (1, chain)
    found = Reply(chain, False, [])
    disarm(found)
    assert written(found.result).endswith('b")')
    assert "\x1b" not in written(found.result)


def _all(value: object) -> str:
    """Every text in ``value``, as it is."""
    if isinstance(value, (list, tuple)):
        return "".join(map(_all, value))
    return str(getattr(value, "name", getattr(value, "text", value)))
