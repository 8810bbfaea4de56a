"""Results are named tuples: by name, by place, and frozen."""

from __future__ import annotations

import pickle

import pytest

from hurd.structures import Flock, Timespec


def test_by_name_and_by_place() -> None:
    time = Timespec(1, tv_nsec=2)
    assert (time.tv_sec, time[1]) == time == (1, 2)
    assert repr(time) == "Timespec(tv_sec=1, tv_nsec=2)"
    assert pickle.loads(pickle.dumps(time)) == time


def test_they_do_not_change() -> None:
    with pytest.raises(AttributeError):
        Timespec(1, 2).tv_sec = 3  # type: ignore[misc]


def test_all_values_and_no_others() -> None:
    with pytest.raises(TypeError, match="Timespec takes tv_sec, tv_nsec; got no tv_nsec"):
        Timespec(1)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="Timespec takes tv_sec, tv_nsec"):
        Timespec(1, 2, 3)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"Flock takes l_type, .*; got l_nothing"):
        Flock(1, 0, 0, 0, 5, l_nothing=1)  # type: ignore[call-arg]
