"""What ``--help``, ``--usage`` and ``--version`` print, for all programs."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from pid1.options import Option
    from pid1.programs import Program

VERSION = "0.1.0"
_DESCRIPTION_COLUMN = 30
_WIDTH = 78
_CLOSING = """
An argument that is mandatory or optional for a long option is so for the
corresponding short option, too.
"""


def print_usage(name: str, which: str) -> str:
    """Return what the option ``which`` ("help", "usage" or "version") of a program prints."""
    if which == "version":
        return version_text(name)
    from pid1.programs import program

    known = program(name)
    return usage_text(known) if which == "usage" else help_text(known)


def long_form(option: Option) -> str:
    """Return ``--name=ARGUMENT``."""
    if option.argument is None:
        return f"--{option.name}"
    if option.optional:
        return f"--{option.name}[={option.argument}]"
    return f"--{option.name}={option.argument}"


def help_text(program: Program) -> str:
    """Return the text of ``--help``."""
    lines = [f"{program.name} [OPTIONS...] {program.operands}".rstrip(), program.purpose]
    for option in reversed(program.options):
        start = f"  -{option.short}, " if option.short else " " * 6
        start += long_form(option)
        if len(start) >= _DESCRIPTION_COLUMN:
            lines.append(start)
            start = ""
        lines.append(f"{start:<{_DESCRIPTION_COLUMN}}{option.help}")
    for heading, entries in (
        ("Exit status", program.exit_statuses),
        ("Environment", program.environment),
        ("Files", program.files),
    ):
        if entries:
            lines += ["", f"{heading}:", *_entries(entries)]
    return "\n".join(lines) + "\n" + _CLOSING


def _entries(entries: Sequence[tuple[str, str]]) -> list[str]:
    """Return pairs of a term and its meaning as lines, the meaning in a column of its own."""
    lines = []
    for term, meaning in entries:
        start = f"  {term}"
        if len(start) >= _DESCRIPTION_COLUMN:
            lines.append(start)
            start = ""
        for word in meaning.split():
            if start.strip() and len(start) + 1 + len(word) > _WIDTH:
                lines.append(start)
                start = ""
            start = (
                f"{start} {word}"
                if len(start) > _DESCRIPTION_COLUMN
                else f"{start:<{_DESCRIPTION_COLUMN}}{word}"
            )
        lines.append(start)
    return lines


def usage_text(program: Program) -> str:
    """Return the one line of ``--usage``; the three standard options are left out."""
    options = program.options
    flags = "".join(option.short for option in options if option.short and not option.argument)
    words = [program.name, f"[-{flags}]"] if flags else [program.name]
    for option in options:
        if option.short and option.argument:
            value = f"[{option.argument}]" if option.optional else option.argument
            words.append(f"[-{option.short} {value}]")
    words += [f"[{long_form(option)}]" for option in options[3:]]
    return " ".join([*words, "[--]", program.operands]).rstrip() + "\n"


def version_text(program: str) -> str:
    """Return the text of ``--version``; its first line has the form of the GNU standards."""
    return (
        f"{program} (drover) {VERSION}\n"
        "Copyright (C) the drover authors\n"
        "License GPLv3+: GNU GPL version 3 or later <https://gnu.org/licenses/gpl.html>\n"
        "This is free software: you are free to change and redistribute it.\n"
        "There is NO WARRANTY, to the extent permitted by law.\n"
    )
