"""What `--help` and `--usage` print, in the layout of glibc's argp.

Rows are sorted by group and letter; the text is folded at column 79, the texts of the options start
in column 29. The rules are those of argp-help.c and argp-fmtstream.c of glibc; a test compares the
output with a program that uses argp.
"""

from __future__ import annotations

from hurd.tools.argp import DEFAULTS, VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hurd.tools.argp import Argp, Option

_SHORT_COLUMN = 2
_LONG_COLUMN = 6
_TEXT_COLUMN = 29
_HEADER_COLUMN = 1
_USAGE_INDENT = 12
_RIGHT_MARGIN = 79

_DUPLICATES_NOTE = (
    "Mandatory or optional arguments to long options are also mandatory or "
    "optional for any corresponding short options."
)


class _Stream:
    """Folds text: lines start at `left`, folded ones go on at `wrap`.

    Text is folded in the portions that lie between two changes of a margin, as argp does; a word
    that starts a portion is not moved to the next line.
    """

    def __init__(self) -> None:
        self._done: list[str] = []
        self._pending = ""
        self._column = 0
        self._left = 0
        self._wrap = 0

    def write(self, text: str) -> None:
        self._pending += text

    @property
    def column(self) -> int:
        self._fold()
        return max(self._column, 0)

    def margins(self, left: int, wrap: int) -> None:
        self._fold()
        self._left = left
        self._wrap = wrap

    def indent_to(self, column: int) -> None:
        self.write(" " * (column - self.column))

    def space(self, width: int) -> None:
        """A blank, or a new line when `width` more characters do not fit."""
        self.write("\n" if self.column + width >= _RIGHT_MARGIN else " ")

    def text(self) -> str:
        self._fold()
        return "".join(self._done)

    def _fold(self) -> None:
        text, self._pending = self._pending, ""
        while text:
            if self._column == 0 and self._left:
                self._done.append(" " * self._left)
                self._column = self._left
            self._column = max(self._column, 0)
            newline = text.find("\n")
            length = len(text) if newline < 0 else newline
            if self._column + length < _RIGHT_MARGIN:
                end = length if newline < 0 else length + 1
                self._done.append(text[:end])
                self._column = 0 if newline >= 0 else self._column + length
                text = text[end:]
                continue
            text = self._break(text, length)

    def _break(self, text: str, length: int) -> str:
        """Write the part of an overlong line that fits; return the rest of the text."""
        limit = _RIGHT_MARGIN - self._column
        blank = max(text.rfind(" ", 0, limit + 1), text.rfind("\t", 0, limit + 1))
        if blank >= 0:
            rest = text[blank + 1 :]
            line = text[:blank].rstrip(" \t")
        else:
            # A word that is longer than the line stands on it alone.
            end = limit + 1
            while end < length and text[end] not in " \t":
                end += 1
            if end >= length:
                self._done.append(text[: length + 1])
                self._column = 0
                return text[length + 1 :]
            line = text[:end]
            rest = text[end:].lstrip(" \t")
        self._done.append(line + "\n" + " " * self._wrap)
        # -1: the left margin is not added to a folded line.
        self._column = self._wrap or -1
        return rest


class _Entry:
    """An option with its aliases, and where it stands in the list."""

    def __init__(self, rows: list[Option], group: int, in_child: bool) -> None:
        self.rows = rows
        self.group = group
        self.in_child = in_child

    @property
    def real(self) -> Option:
        return self.rows[0]

    def shorts(self) -> list[str]:
        return [row.short for row in self.rows if row.short and not row.hidden]

    def longs(self) -> list[str]:
        return [row.name for row in self.rows if row.name and not row.hidden]


def _group_rank(group: int) -> tuple[bool, int]:
    # 0, 1, 2, …, then the negative ones up to -1.
    return (group < 0, group)


def _sort_key(entry: _Entry, child_group: int) -> tuple[object, ...]:
    shorts, longs = entry.shorts(), entry.longs()
    first = shorts[0] if shorts else longs[0][0] if longs else "\0"
    return (
        _group_rank(child_group if entry.in_child else entry.group),
        entry.in_child,
        _group_rank(entry.group),
        first.lower(),
        -ord(first),
        bool(shorts),
        longs[0].lower() if longs and not shorts else "",
    )


def _entries(argp: Argp) -> list[_Entry]:
    entries: list[_Entry] = []
    for rows, in_child in (
        (argp.options, False),
        (argp.child, True),
        (DEFAULTS, False),
        (VERSION, False),
    ):
        entries.extend(_grouped(rows, in_child))
    entries.sort(key=lambda entry: _sort_key(entry, argp.child_group))
    return entries


def _grouped(rows: Sequence[Option], in_child: bool) -> Iterator[_Entry]:
    group = 0
    entry: _Entry | None = None
    for row in rows:
        if row.alias and entry is not None:
            entry.rows.append(row)
            continue
        if entry is not None:
            yield entry
        if row.group:
            group = row.group
        elif not row.name and not row.short:
            group += 1
        entry = _Entry([row], group, in_child)
    if entry is not None:
        yield entry


def usage_text(argp: Argp, name: str, *, full: bool = False) -> str:
    """The lines `Usage: …`; with all options when `full`, else with `[OPTION...]`."""
    stream = _Stream()
    _usage(stream, argp, name, _entries(argp) if full else None)
    return stream.text()


def help_text(argp: Argp, name: str) -> str:
    """What `--help` prints."""
    stream = _Stream()
    _usage(stream, argp, name, None)
    stream.write(argp.before)
    if stream.column > 0:
        stream.write("\n")
    stream.write("\n")
    _options(stream, argp, _entries(argp))
    if argp.after:
        stream.write("\n" + argp.after)
        if stream.column > 0:
            stream.write("\n")
    return stream.text()


def _usage(stream: _Stream, argp: Argp, name: str, entries: list[_Entry] | None) -> None:
    for number, pattern in enumerate(argp.arguments.split("\n")):
        stream.margins(0, _USAGE_INDENT)
        stream.write(f"{'  or: ' if number else 'Usage:'} {name}")
        stream.margins(_USAGE_INDENT, _USAGE_INDENT)
        if entries is None or number:
            stream.write(" [OPTION...]")
        else:
            _usage_options(stream, entries)
        stream.space(1 + len(pattern))
        stream.write(pattern)
        stream.margins(0, 0)
        stream.write("\n")


def _usage_options(stream: _Stream, entries: list[_Entry]) -> None:
    letters = "".join(
        letter for entry in entries if entry.real.arg is None for letter in entry.shorts()
    )
    if letters:
        stream.write(f" [-{letters}]")
    for entry in entries:
        arg = entry.real.arg
        for letter in entry.shorts() if arg is not None else ():
            if entry.real.optional:
                stream.write(f" [-{letter}[{arg}]]")
            else:
                stream.space(6 + len(arg or ""))
                stream.write(f"[-{letter} {arg}]")
    for entry in entries:
        for long in entry.longs():
            stream.write(f" [--{long}{_argument(entry.real)}]")


def _argument(row: Option) -> str:
    if row.arg is None:
        return ""
    return f"[={row.arg}]" if row.optional else f"={row.arg}"


def _options(stream: _Stream, argp: Argp, entries: list[_Entry]) -> None:
    previous: _Entry | None = None
    separate = False
    suppressed = False
    for entry in entries:
        real = entry.real
        if not real.short and not real.name:
            if real.doc:
                _header(stream, real.doc, previous is not None)
            separate = True
            previous = entry
            continue
        if not entry.shorts() and not entry.longs():
            continue
        if separate and previous is not None and previous.group != entry.group:
            stream.write("\n")
        if entry.in_child and argp.child_header and not (previous and previous.in_child):
            _header(stream, argp.child_header, previous is not None)
            separate = True
        suppressed |= bool(real.arg is not None and entry.shorts() and entry.longs())
        _option(stream, entry)
        previous = entry
    if suppressed:
        stream.write("\n" + _DUPLICATES_NOTE + "\n")


def _header(stream: _Stream, text: str, blank_line: bool) -> None:
    if blank_line:
        stream.write("\n")
    stream.indent_to(_HEADER_COLUMN)
    stream.margins(_HEADER_COLUMN, _HEADER_COLUMN)
    stream.write(text)
    stream.margins(0, 0)
    stream.write("\n")


def _option(stream: _Stream, entry: _Entry) -> None:
    real = entry.real
    longs = entry.longs()
    first = True
    stream.margins(0, _SHORT_COLUMN)
    for letter in entry.shorts():
        _comma(stream, first, _SHORT_COLUMN)
        first = False
        stream.write(f"-{letter}")
        if not longs and real.arg is not None:
            stream.write(f"[{real.arg}]" if real.optional else f" {real.arg}")
    stream.margins(0, _LONG_COLUMN)
    for long in longs:
        _comma(stream, first, _LONG_COLUMN)
        first = False
        stream.write(f"--{long}{_argument(real)}")
    if real.doc:
        column = stream.column
        stream.margins(_TEXT_COLUMN, _TEXT_COLUMN)
        if column > _TEXT_COLUMN + 3:
            stream.write("\n")
        elif column >= _TEXT_COLUMN:
            stream.write("   ")
        else:
            stream.indent_to(_TEXT_COLUMN)
        stream.write(real.doc)
    stream.margins(0, 0)
    stream.write("\n")


def _comma(stream: _Stream, first: bool, column: int) -> None:
    if not first:
        stream.write(", ")
    stream.indent_to(column)
