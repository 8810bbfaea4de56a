"""What the evaluator makes of some hundred expressions equals what Guile 3.0.11 made of them.

The files are written by ``library/record.scm``.  Each expression is evaluated in a module of its
own, after the modules that the file names.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from services.scheme import SchemeError, user_module
from services.scheme.printer import write
from services.scheme.types import Symbol, Values, scheme_list
from tests.services.scheme.evaluating import value

_FOLDER = Path(__file__).with_name("recorded")
# Behind this line stand expressions for which the key of the error is the same, the text is not.
_OTHER_WORDS = ";; refused in other words"


def _cases() -> list[tuple[str, str, str, bool]]:
    found = []
    for file in sorted(_FOLDER.glob("*.txt")):
        modules, exactly = "", True
        for line in file.read_text(encoding="utf-8").splitlines():
            exactly = exactly and line != _OTHER_WORDS
            if line.startswith("(use-modules"):
                modules = line
            elif not line.startswith(";"):
                text, expected = line.split("\t", 1)
                found.append((modules, text, expected, exactly))
    return found


def _outcome(modules: str, text: str) -> str:
    module = user_module()
    value(modules, module)
    try:
        result = value(text, module)
    except SchemeError as error:
        return "ERR " + write(scheme_list([Symbol(error.key), *error.arguments]))
    if isinstance(result, Values):
        return "values: " + write(scheme_list(result.items))
    return write(result)


def _plain(text: str) -> str:
    """Addresses differ from run to run; only files know where their forms stand."""
    text = re.sub(r"\(\(line \. \d+\) \(column \. \d+\)\)", "#f", text)
    text = re.sub(r"#<procedure .*?>(?=[ )]|$)", "#<procedure>", text)
    return re.sub(r"(#<[a-z: -]+) [0-9a-f]{6,}", r"\1 ADDRESS", text)


@pytest.mark.parametrize(("modules", "text", "expected", "exactly"), _cases())
def test_an_expression_has_the_value_that_guile_gives_it(
    modules: str, text: str, expected: str, exactly: bool
) -> None:
    if "getserv" in text and not Path("/etc/services").exists():
        pytest.skip("/etc/services is not there")
    outcome = _plain(_outcome(modules, text))
    if exactly:
        assert outcome == _plain(expected)
    else:
        assert outcome.split(" ")[:2] == expected.split(" ")[:2]
