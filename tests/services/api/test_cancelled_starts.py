"""Start procedures that are cancelled: what they were about to wait for is given up, too."""

from __future__ import annotations

import asyncio
import gc

import pytest
from configured import Configured
from running import logged

from pid1.service import STOPPED


async def test_a_start_that_is_cancelled_before_it_waits_is_unwound(
    scheme: Configured, recwarn: pytest.WarningsRecorder
) -> None:
    await scheme.load(
        """
        (register-services
          (list (service '(slow)
                  #:start (lambda ()
                            (dynamic-wind
                              (const #t)
                              (lambda () (sleep 1000))
                              (lambda () (display "given up\\n")))))))
        """
    )
    service = scheme.service("slow")
    starting = asyncio.ensure_future(scheme.start("slow"))
    await asyncio.sleep(0)
    # Its procedure has run as far as it gets at once; the task that awaits the rest has not begun.
    assert service.job is not None
    async with logged() as lines:
        await scheme.manager.stop(service)
        assert await starting is False
    assert service.status == STOPPED
    assert "given up" in lines
    del starting
    gc.collect()
    assert [str(one.message) for one in recwarn] == []
