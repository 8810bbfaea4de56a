"""What the builder leaves on the machine of whoever builds."""

from __future__ import annotations

import stat
from pathlib import Path

from image.cache import Cache


def test_nobody_else_reads_the_cache(tmp_path: Path) -> None:
    """The files of a tarball are in it, those as well that only its owner may read."""
    cache = Cache(tmp_path / "new" / "cache")

    def make(aside: Path) -> None:
        aside.write_text("root:$6$...")

    assert cache.get("tarballs", "key", make).read_text()
    assert stat.S_IMODE(cache.directory.stat().st_mode) == 0o700
