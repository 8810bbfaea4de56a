"""The text that a datum was read from: its name, and where in it something stands."""

from __future__ import annotations

from services.scheme.errors import Location


class Source:
    """A text and its name: turns offsets into locations."""

    __slots__ = ("name", "text")

    def __init__(self, text: str, name: str | None = None) -> None:
        self.text = text
        self.name = name

    def location(self, offset: int) -> Location:
        """Line and column of ``offset``, from 1; tabs count to the next multiple of 8."""
        start = self.text.rfind("\n", 0, offset) + 1
        line = self.text.count("\n", 0, start) + 1
        column = len(self.text[start:offset].expandtabs(8)) + 1
        return Location(self.name or "#<unknown port>", line, column)


def decode(data: bytes) -> str:
    """The text of a file: by its coding cookie, else UTF-8, else Latin-1.

    The cookie is ``-*- coding: NAME -*-`` within the first 500 bytes (Guile's limit).
    """
    start = data[:500]
    if b"coding:" in start:
        import re

        cookie = re.search(rb"-\*-.*?coding:[ \t]*([-\w.]+).*?-\*-", start)
        if cookie:
            try:
                return data.decode(cookie[1].decode("ascii"))
            except (LookupError, UnicodeError):
                pass
    try:
        return data.removeprefix(b"\xef\xbb\xbf").decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")
