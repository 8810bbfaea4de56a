"""Whoever ends the machine waits for the daemon, but not when the daemon itself ends it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from standin.control import Standin

from hurd import codes, message, startup
from hurd.errors import HurdError
from hurd.shutdown_notice import ShutdownNotice


class Told:
    """A notice, a port to send to it, and how often it has told."""

    def __init__(self, patience: float = 30.0) -> None:
        self.told = threading.Event()
        self.notice = ShutdownNotice("init", self.told.set, patience)
        self.port = self.notice._right.make_send()
        self.answered = threading.Event()

    def stop_machine(self) -> None:
        """What /hurd/startup does."""

        def ask() -> None:
            startup.startup_dosync(self.port, 60000)
            self.answered.set()

        threading.Thread(target=ask, daemon=True).start()

    def close(self) -> None:
        self.notice.allow()
        self.notice.close()
        self.port.close()


@pytest.fixture
def told(standin: Standin) -> Iterator[Told]:
    made = Told()
    yield made
    made.close()


def test_the_end_waits_until_it_is_allowed(told: Told, standin: Standin) -> None:
    assert standin.calls("startup_request_notification") == 1
    told.stop_machine()
    assert told.told.wait(5)
    assert not told.answered.wait(0.1)
    told.notice.allow()
    assert told.answered.wait(5)


def test_an_end_that_was_allowed_before_is_not_told(told: Told) -> None:
    told.notice.allow()
    told.stop_machine()
    assert told.answered.wait(5)
    assert not told.told.is_set()


def test_an_end_that_did_not_come_has_to_be_allowed_again(told: Told) -> None:
    told.notice.allow()
    told.notice.refuse()
    told.stop_machine()
    assert told.told.wait(5)
    assert not told.answered.is_set()


def test_nobody_is_held_up_for_ever(standin: Standin) -> None:
    short = Told(patience=0.1)
    began = time.monotonic()
    short.stop_machine()
    assert short.answered.wait(5)
    assert short.told.is_set()
    assert 0.1 <= time.monotonic() - began < 5
    short.close()


def test_other_messages_are_refused(told: Told) -> None:
    with pytest.raises(HurdError) as caught:
        message.call(told.port, 29501, message.Body(), "startup_other")
    assert caught.value.errno == codes.MIG_BAD_ID
    told.stop_machine()
    assert told.told.wait(5)


def test_a_message_that_makes_no_sense_is_passed_over(
    told: Told, unreadable: threading.Event
) -> None:
    message.send(told.port, 999)
    assert unreadable.wait(5)
    told.stop_machine()
    assert told.told.wait(5)


def test_without_startup_there_is_no_notice(standin: Standin) -> None:
    before = standin.references()
    standin.fail("startup_request_notification", codes.EPERM)
    with pytest.raises(HurdError, match="startup_request_notification"):
        ShutdownNotice("init", lambda: None)
    assert standin.references() == before
