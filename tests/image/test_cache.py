"""The cache: entries are made once and appear whole, whatever happens while they are made."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from image.cache import Cache, default_directory, digest, explained
from image.errors import ImageError, NoSpace
from tests.image.users import ROOT


def test_an_entry_is_made_once(cache: Cache) -> None:
    made: list[Path] = []

    def make(aside: Path) -> None:
        made.append(aside)
        aside.mkdir()
        (aside / "file").write_text("whole")

    first = cache.get("trees", "key", make)
    assert cache.get("trees", "key", make) == first
    assert (first / "file").read_text() == "whole"
    assert len(made) == 1
    assert not made[0].exists()


def test_a_failure_leaves_nothing_and_does_not_stay(cache: Cache) -> None:
    def fail(aside: Path) -> None:
        aside.mkdir()
        (aside / "half").write_text("half")
        raise ImageError("no")

    with pytest.raises(ImageError):
        cache.get("trees", "key", fail)
    assert [path.name for path in (cache.directory / "trees").iterdir()] == [".lock"]
    assert cache.get("trees", "key", lambda aside: aside.touch()).exists()


def test_what_a_killed_process_left_is_no_entry(cache: Cache) -> None:
    partial = cache.directory / "trees" / "key.partial"
    partial.mkdir(parents=True)
    (partial / "half").write_text("half")
    entry = cache.get("trees", "key", lambda aside: aside.mkdir())
    assert list(entry.iterdir()) == []
    assert not partial.exists()


def test_processes_wait_for_each_other(cache: Cache, tmp_path: Path) -> None:
    code = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from image.cache import Cache\n"
        "def make(aside):\n"
        "    with open(sys.argv[2], 'a') as log: log.write('made\\n')\n"
        "    time.sleep(0.3)\n"
        "    aside.touch()\n"
        "print(Cache(Path(sys.argv[1])).get('trees', 'key', make).exists())\n"
    )
    words = [sys.executable, "-c", code, str(cache.directory), str(tmp_path / "log")]
    running = [
        subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    assert [process.communicate()[0] for process in running] == ["True\n"] * 3
    assert (tmp_path / "log").read_text() == "made\n"


def test_a_cache_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ImageError, match=r"file/cache/trees: the cache cannot be used"):
        Cache(tmp_path / "file" / "cache").get("trees", "key", lambda aside: aside.touch())


def test_it_is_where_the_user_keeps_caches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert default_directory() == Path("/somewhere/drover/image")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", "/home/ann")
    assert default_directory() == Path("/home/ann/.cache/drover/image")


def test_digests_tell_where_parts_end() -> None:
    assert digest(["ab"]) != digest(["a", "b"])
    assert digest(["ab"]) == digest([b"ab"])


def test_a_full_disk_has_a_message_of_its_own() -> None:
    with pytest.raises(NoSpace, match="unpacking: No space left on device"), explained("unpacking"):
        raise OSError(28, os.strerror(28))
    with pytest.raises(ImageError, match="root: Permission denied"), explained("root"):
        raise PermissionError(13, os.strerror(13))
