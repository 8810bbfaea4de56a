"""What earlier builds leave for later ones: packages, unpacked trees, lists, partitions.

Entries have the digest of what they were made from as their name and never change, so there is
nothing to invalidate.  An entry is made aside and renamed when it is whole; whoever makes one holds
a lock of its kind, so builds that run at once make each entry once.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from image.errors import ImageError, NoSpace


def default_directory() -> Path:
    """Return ``$XDG_CACHE_HOME/drover/image``, by default below ``~/.cache``."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    # The specification has relative ones ignored.
    above = Path(base) if os.path.isabs(base) else Path.home() / ".cache"
    return above / "drover" / "image"


class Cache:
    """A directory of finished entries, by kind and key; several processes may use it."""

    def __init__(self, directory: Path | None = None) -> None:
        self.directory = (directory or default_directory()).absolute()

    def get(self, kind: str, key: str, make: Callable[[Path], None]) -> Path:
        """Return the entry, after ``make`` has made it where it is told if it is missing.

        ``make`` gets a path that does not exist and makes a file or a directory there.  What it
        leaves behind when it raises is removed.
        """
        entry = self.directory / kind / key
        if entry.exists():
            return entry
        with self.lock(kind):
            if entry.exists():
                return entry
            # Left by a process that was killed: whoever makes entries holds the lock.
            partial = entry.with_name(f"{key}.partial")
            remove(partial)
            try:
                make(partial)
                partial.rename(entry)
            finally:
                remove(partial)
        return entry

    @contextmanager
    def lock(self, kind: str) -> Iterator[Path]:
        """Keep other processes from changing this kind; yields its directory."""
        directory = self.directory / kind
        try:
            # Files of a root may be in it that not everybody is to read.
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            directory.mkdir(exist_ok=True)
            descriptor = os.open(
                directory / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644
            )
        except OSError as error:
            raise ImageError(f"{directory}: the cache cannot be used: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield directory
        finally:
            os.close(descriptor)


def remove(path: Path) -> None:
    """Remove a file or a directory with all it holds, if there is one."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def digest(parts: Iterable[str | bytes]) -> str:
    """Return the SHA-256 of a sequence, in hexadecimal; ("ab",) and ("a", "b") differ."""
    result = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogateescape") if isinstance(part, str) else part
        result.update(b"%d:" % len(data))
        result.update(data)
    return result.hexdigest()


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal; OSError if it cannot be read."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Turn a full disk or another OSError into a message that begins with ``what``."""
    try:
        yield
    except OSError as error:
        text = f"{what}: {error.strerror or error}"
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise NoSpace(text) from error
        raise ImageError(text) from error
