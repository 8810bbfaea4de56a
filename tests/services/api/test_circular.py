"""Lists without an end given to procedures of the library: an error, and the daemon goes on."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from configured import Configured, configured

from services.configuration import error_message
from services.convert import to_wire
from services.scheme import SchemeError

DEFINITIONS = """
(use-modules (ice-9 match) (shepherd system) (shepherd service timer)
             (shepherd endpoints) (shepherd service system-log))
(define (endless item) (let ((ring (list item))) (set-cdr! ring ring) ring))
"""


@pytest.fixture
async def scheme() -> AsyncIterator[Configured]:
    async with configured() as scheme:
        await scheme.load(DEFINITIONS)
        yield scheme


@pytest.mark.parametrize(
    "form",
    [
        "(service (endless 'a))",
        "(service '(a) #:requirement (endless 'b))",
        "(service '(a) #:actions (endless (action 'x car)))",
        "(register-services (endless (service '(a))))",
        '(make-forkexec-constructor (endless "a"))',
        '(make-forkexec-constructor \'("a") #:environment-variables (endless "A=1"))',
        "(make-forkexec-constructor '(\"a\") #:resource-limits (endless '(nofile 1 1)))",
        '(make-forkexec-constructor \'("a") #:extra-ports (endless (current-output-port)))',
        '(make-inetd-constructor \'("a") (endless (endpoint (make-socket-address AF_UNIX "x"))))',
        "(calendar-event #:hours (endless 1))",
        "(sexp->calendar-event (endless 'calendar-event))",
        "(unregister-services (endless 'a))",
        '(apply system* (endless "true"))',
        "(apply throw 'key (endless 1))",
    ],
)
async def test_a_list_without_an_end_is_refused(form: str, scheme: Configured) -> None:
    with pytest.raises(SchemeError) as caught:
        await scheme.load(form)
    assert error_message(caught.value)


@pytest.mark.parametrize(
    "form",
    [
        '(make-forkexec-constructor \'("a") #:supplementary-groups (endless 1))',
        "(start-in-the-background (endless 'nope))",
        "(with-blocked-signals (endless SIGUSR1) #t)",
        "(match (endless 1) ((a ...) #f) (_ #t))",
        "(circular-list? (endless 1))",
    ],
)
async def test_a_list_without_an_end_is_read_to_where_it_comes_round(
    form: str, scheme: Configured
) -> None:
    await scheme.load(form)


async def test_a_client_gets_a_list_without_an_end_as_it_prints(scheme: Configured) -> None:
    sent = to_wire(await scheme.load("(endless 1)"))
    assert isinstance(sent, str)
    assert sent.startswith("(1 1 1 ")
    assert sent.endswith("...")
