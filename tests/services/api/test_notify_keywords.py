"""``#:notify`` and ``#:watchdog`` as configurations write them."""

from __future__ import annotations

import pytest
from configured import Configured
from running import eventually, logged

from pid1.forkexec import ForkExec
from pid1.readiness import Readiness
from pid1.service import RUNNING
from services.scheme import SchemeError
from services.scheme.printer import write
from services.scheme.types import iterate


def said(error: SchemeError) -> str:
    """The message of an error, without what it is about."""
    _who, message, values = error.arguments[:3]
    return str(message).replace("~a", "{}").replace("~S", "{}").format(*map(write, iterate(values)))


async def readiness(scheme: Configured, keywords: str) -> list[object] | None:
    """What the keywords are taken to mean."""
    made = await scheme.load(f'(make-forkexec-constructor \'("true") {keywords})')
    assert isinstance(made.host, ForkExec)
    found = made.host.readiness
    assert found is None or isinstance(found, Readiness)
    return None if found is None else found.carry()


@pytest.mark.parametrize(
    ("keywords", "expected"),
    [
        ("", None),
        ("#:notify #f", None),
        ("#:notify #f #:watchdog #f", None),
        ("#:notify 'fd", [3, None]),
        ("#:notify '(fd . 12)", [12, None]),
        ("#:notify 'sd", [None, None]),
        ("#:notify 'sd #:watchdog 1/2", [None, 0.5]),
    ],
)
async def test_keywords_are_understood(
    scheme: Configured, keywords: str, expected: list[object] | None
) -> None:
    assert await readiness(scheme, keywords) == expected


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ("#:notify #t", "Wrong type for argument 'notify': #t"),
        ("#:notify 'pipe", "Wrong type for argument 'notify': pipe"),
        ("#:notify '(fd . 2)", "Wrong type for argument 'notify': (fd . 2)"),
        ("#:notify '(fd 3)", "Wrong type for argument 'notify': (fd 3)"),
        ("#:notify '(fd . 1024)", "Wrong type for argument 'notify': (fd . 1024)"),
        ("#:notify 'sd #:watchdog 0", "Wrong type for argument 'watchdog': 0"),
        ("#:notify 'sd #:watchdog #t", "Wrong type for argument 'watchdog': #t"),
        ("#:notify 'fd #:watchdog 1", "#:watchdog needs #:notify 'sd"),
        ("#:watchdog 1", "#:watchdog needs #:notify 'sd"),
        ('#:notify \'fd #:pid-file "p"', "#:notify and #:pid-file exclude each other"),
    ],
)
async def test_what_makes_no_sense_is_refused(
    scheme: Configured, keywords: str, message: str
) -> None:
    with pytest.raises(SchemeError) as caught:
        await readiness(scheme, keywords)
    assert message in said(caught.value)


async def test_a_procedure_can_use_the_constructor(scheme: Configured) -> None:
    """As start procedures do that have something to do before or after."""
    await scheme.load(
        """
        (register-services
         (list (service '(wrapped)
                 #:start (lambda ()
                           (let ((process ((make-forkexec-constructor
                                            '("sh" "-c" "echo >&3; exec sleep 1000")
                                            #:notify 'fd))))
                             (format #t "ready: ~a~%" (process? process))
                             process))
                 #:stop (make-kill-destructor))))
        """
    )
    async with logged() as log:
        await scheme.start("wrapped")
        await eventually(lambda: "ready: #t" in log)
    assert scheme.service("wrapped").status == RUNNING
