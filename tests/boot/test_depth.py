"""What is done further down the stack of C gives, and raises, what it would anywhere."""

from __future__ import annotations

import traceback

import pytest

from boot.bundled import further_down


def test_the_value_comes_back() -> None:
    assert further_down(lambda: further_down(lambda: [1, 2])) == [1, 2]


@pytest.mark.parametrize("error", [KeyError("x"), SystemExit(3)])
def test_an_error_comes_back_without_the_way(error: BaseException) -> None:
    def fail() -> None:
        raise error

    with pytest.raises(type(error)) as raised:
        further_down(fail)
    assert raised.value is error
    names = [frame.name for frame in traceback.extract_tb(raised.value.__traceback__)]
    assert names[-1] == "fail"
    assert names.count("descend") == 1
