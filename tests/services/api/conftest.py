"""A fixture for the tests of the library for configurations."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from configured import Configured, configured


@pytest.fixture
async def scheme() -> AsyncIterator[Configured]:
    """Evaluates forms in one module, like a configuration file, with a running supervisor."""
    async with configured() as scheme:
        yield scheme
