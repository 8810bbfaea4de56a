"""argz vectors: words in one block of memory, each ended by a NUL byte.

The form of translator records, of translator options and of argument and environment vectors in
the Hurd's RPCs (glibc's argz.h).  File names are bytes there, so text goes through the
`surrogateescape` handler and comes back as it went in.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def pack(words: Sequence[str | bytes]) -> bytes:
    """The argz vector of `words`; b"" for none.

    Raises ValueError, naming the word, if one holds a NUL; TypeError if `words` is one string.
    """
    if isinstance(words, (str, bytes)):
        raise TypeError(f"expected a sequence of words, got {words!r}")
    packed = []
    for word in words:
        raw = word.encode("utf-8", "surrogateescape") if isinstance(word, str) else bytes(word)
        if b"\0" in raw:
            raise ValueError(f"embedded NUL in {word!r}")
        packed.append(raw + b"\0")
    return b"".join(packed)


def unpack(data: bytes) -> list[str]:
    """The words of an argz vector.  The last one may lack its NUL, as glibc allows."""
    return [word.decode("utf-8", "surrogateescape") for word in unpack_bytes(data)]


def unpack_bytes(data: bytes) -> list[bytes]:
    """The words of an argz vector, undecoded."""
    if not data:
        return []
    return data.removesuffix(b"\0").split(b"\0")
