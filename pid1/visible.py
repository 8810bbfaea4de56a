"""Text that others have written, fit for a terminal or a log: control characters become visible.

An escape sequence can change a terminal's title, colours and keys, and move the cursor to have one
text pass for another; marks of direction reorder a line.
"""

from __future__ import annotations

_DIRECTIONS = (0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_CONTROLS = {
    # C0 and C1, the latter also as bytes that were no UTF-8.
    **{code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))},
    **{0xDC00 + code: f"\\x{code:02x}" for code in range(0x80, 0xA0)},
    **{code: f"\\u{code:04x}" for code in _DIRECTIONS},
}
_INSIDE = {code: text for code, text in _CONTROLS.items() if code not in (0x09, 0x0A)}


def visible(text: str) -> str:
    """Return ``text`` with control characters, but tabs and newlines, as ``\\x1b`` and so on."""
    return text if text.isprintable() else text.translate(_INSIDE)


def one_line(text: str) -> str:
    """Return ``text`` as a single line: newlines and tabs are visible, too."""
    return text if text.isprintable() else text.translate(_CONTROLS)
