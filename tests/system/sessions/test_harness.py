"""The comparison with the recordings would notice: what it evens out, and what it does not."""

from __future__ import annotations

import dataclasses
import re
import string

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from . import compare, differences, runner
from .accepted import DIFFERENCES
from .difference import Difference
from .normalise import RULES, normalise
from .runner import Pair

RECORDED = {name: runner.recorded(name) for name in runner.OUTPUT}
TEXTS = [
    text
    for session in RECORDED.values()
    for capture in session.captures.values()
    for text in capture.fields().values()
    if 0 < len(text) < 3000
]
BOTH_DROVER = Pair(daemon="drover", client="drover")


def test_recordings_are_all_read() -> None:
    assert {name: len(session.captures) for name, session in RECORDED.items()} == {
        "basic": 65,
        "kinds": 65,
        "syslog": 8,
        "edge": 45,
    }
    assert len(RECORDED["kinds"].terminals) == 13


@given(st.sampled_from(TEXTS))
def test_normalising_twice_changes_nothing(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


@settings(max_examples=300)
@given(st.sampled_from(TEXTS), st.data())
def test_a_changed_letter_outside_a_rule_is_noticed(text: str, data: st.DataObject) -> None:
    # What is cut from the answers of `start` is the one exception.
    assume(not text.startswith("(reply (version 0) (result (service "))
    letters = [m.start() for m in re.finditer("[A-Za-z#?!]", text)]
    assume(letters)
    position = data.draw(st.sampled_from(letters))
    spans = [m.span() for rule in RULES for m in re.finditer(rule.pattern, text, re.M)]
    assume(not any(start <= position < end for start, end in spans))
    letter = data.draw(st.sampled_from([c for c in string.ascii_letters if c != text[position]]))
    changed = text[:position] + letter + text[position + 1 :]
    assert normalise(changed) != normalise(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("(respawn-limit (5 . 7))", "(respawn-limit (5 . 5))"),
        ("(exit-statuses ((1792 . 1795394553)))", "(exit-statuses ((9 . 1795394553)))"),
        ("(last-respawns (1795394553))", "(last-respawns (1795394553 1795394553))"),
        ("Process exited with code 7.", "Process exited with code 8."),
        ("(running 123)", "(running 124)"),
        ("It is running since 00:40:35 (1 second ago).", "It is running since 00:40:35."),
        ("(sockets (15 17))", "(sockets (15))"),
    ],
)
def test_different_values_stay_different(one: str, other: str) -> None:
    assert normalise(one) != normalise(other)


def test_order_of_one_services_changes_is_kept() -> None:
    first = " 3 Nov 2026 00:00:01\tservice a is being started"
    second = " 3 Nov 2026 00:00:01\tservice a is running"
    other = " 3 Nov 2026 00:00:01\tservice b is running"
    assert normalise("\n".join([first, second, other])) == normalise(
        "\n".join([other, first, second])
    )
    assert normalise("\n".join([first, second])) != normalise("\n".join([second, first]))


def test_a_difference_is_reported_with_its_capture() -> None:
    recorded = RECORDED["basic"]
    capture = recorded.captures["04-status-foo"]
    wrong = dataclasses.replace(capture, stdout=capture.stdout.replace("enabled", "disabled"))
    changed = dataclasses.replace(recorded, captures=recorded.captures | {"04-status-foo": wrong})
    gnu = Pair(daemon="gnu", client="gnu")
    assert compare.differences("basic", recorded, recorded, gnu) == {}
    ((title, report),) = compare.differences("basic", recorded, changed, gnu).items()
    assert title == "basic-04-status-foo stdout"
    assert "-  It is enabled." in report
    assert "+  It is disabled." in report


def test_a_missing_capture_is_reported() -> None:
    recorded = RECORDED["basic"]
    fewer = {name: c for name, c in recorded.captures.items() if name != "04-status-foo"}
    changed = dataclasses.replace(recorded, captures=fewer)
    reports = compare.differences("basic", recorded, changed, Pair(daemon="gnu", client="gnu"))
    assert {title.split(" ")[0] for title in reports} == {"basic-04-status-foo"}


def test_an_accepted_difference_that_is_gone_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = Difference("made-up", "basic-04-status-foo", "stdout", "enabled", "gone")
    monkeypatch.setattr(differences, "DIFFERENCES", [entry])
    recorded = RECORDED["basic"]
    found = compare.differences("basic", recorded, recorded, BOTH_DROVER)
    assert list(found) == ["basic-04-status-foo stdout"]


def test_every_accepted_difference_applies_to_a_recording() -> None:
    for entry in DIFFERENCES:
        texts = [
            normalise(text, session)
            for session, recorded in RECORDED.items()
            for name, field, text in compare.texts(recorded)
            if differences.concerns(entry, f"{session}-{name}", field)
        ]
        found = [text for text in texts if re.search(entry.pattern, text, re.M)]
        assert found, entry
        assert all(re.sub(entry.pattern, entry.drover, t, flags=re.M) != t for t in found), entry
