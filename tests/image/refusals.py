"""How the reading of packages is refused: in one line, leaving nothing half-done behind."""

from __future__ import annotations

import pytest

from image.cache import Cache
from image.errors import ArchiveError
from image.settings import DebianSource
from image.sources.debian import read_packages
from tests.image.archive import HURD


def refused(source: DebianSource, cache: Cache, words: str) -> str:
    """The message of a source that is refused; nothing half-done is left in the cache."""
    with pytest.raises(ArchiveError, match=words) as caught:
        read_packages(source, HURD, cache)
    assert not list(cache.directory.rglob("*.partial"))
    assert not list(cache.directory.glob("downloads/new"))
    text = str(caught.value)
    assert "\n" not in text
    return text
