"""The keywords ``#:notify`` and ``#:watchdog`` of ``make-forkexec-constructor``.

``#:notify`` is ``'sd``, ``'fd`` (descriptor 3), ``'(fd . NUMBER)`` or ``#f``.
"""

from __future__ import annotations

from pid1.readiness import FIRST_DESCRIPTOR, Readiness
from services import keywords
from services.scheme.errors import misc_error
from services.scheme.types import Pair, Symbol, Value

# Programs with more descriptors than this need a limit raised for them first.
_LAST_DESCRIPTOR = 1023


def read_readiness(who: str, options: dict[str, Value]) -> Readiness | None:
    """Return what the keywords ask for; raises SchemeError for what makes no sense."""
    notify = options.get("notify", False)
    watchdog = options.get("watchdog", False)
    seconds = None
    if watchdog is not False:
        seconds = keywords.number(who, "watchdog", watchdog)
        if not 0 < seconds < float("inf"):
            raise keywords.mismatch(who, "watchdog", watchdog, "positive?")
        if notify is not Symbol("sd"):
            raise misc_error(who, "#:watchdog needs #:notify 'sd")
    if notify is False:
        return None
    if options.get("pid-file", False) is not False:
        raise misc_error(who, "#:notify and #:pid-file exclude each other")
    if notify is Symbol("sd"):
        return Readiness(None, seconds)
    number: Value = FIRST_DESCRIPTOR
    if type(notify) is Pair:
        notify, number = notify.car, notify.cdr
    if (
        notify is not Symbol("fd")
        or type(number) is not int
        or not FIRST_DESCRIPTOR <= number <= _LAST_DESCRIPTOR
    ):
        raise keywords.mismatch(who, "notify", options["notify"], "readiness?")
    return Readiness(number)
