"""What ``--help``, ``--usage`` and ``--version`` print, for all programs."""

from __future__ import annotations

from pid1.options import Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

VERSION = "0.1.0"
_DESCRIPTION_COLUMN = 30
HERD_NOTES = """\
SHEPHERD_SOCKET names the daemon's socket unless '-s' does.  NO_COLOR turns
colours off.  HERD_HYPERLINKS makes names of log files clickable in terminals.
The exit status is 0 on success, 1 after an error or when the action returned
false, 130 after an interrupt, 141 when nobody reads the output.
"""
_CLOSING = """
An argument that is mandatory or optional for a long option is so for the
corresponding short option, too.
"""


def _long_form(option: Option) -> str:
    if option.argument is None:
        return f"--{option.name}"
    if option.optional:
        return f"--{option.name}[={option.argument}]"
    return f"--{option.name}={option.argument}"


def help_text(
    program: str, operands: str, purpose: str, options: Sequence[Option], notes: str = ""
) -> str:
    """Return the text of ``--help``; ``notes`` are paragraphs that follow the options."""
    lines = [f"{program} [OPTIONS...] {operands}", purpose]
    for option in reversed(options):
        start = f"  -{option.short}, " if option.short else " " * 6
        start += _long_form(option)
        if len(start) >= _DESCRIPTION_COLUMN:
            lines.append(start)
            start = ""
        lines.append(f"{start:<{_DESCRIPTION_COLUMN}}{option.help}")
    return "\n".join(lines) + "\n" + (f"\n{notes}" if notes else "") + _CLOSING


def usage_text(program: str, operands: str, options: Sequence[Option]) -> str:
    """Return the one line of ``--usage``; the three standard options are left out."""
    flags = "".join(option.short for option in options if option.short and not option.argument)
    words = [program, f"[-{flags}]"] if flags else [program]
    for option in options:
        if option.short and option.argument:
            value = f"[{option.argument}]" if option.optional else option.argument
            words.append(f"[-{option.short} {value}]")
    words += [f"[{_long_form(option)}]" for option in options[3:]]
    return " ".join([*words, "[--]", operands]) + "\n"


def version_text(program: str) -> str:
    """Return the text of ``--version``; its first line has the form of the GNU standards."""
    return (
        f"{program} (drover) {VERSION}\n"
        "Copyright (C) the drover authors\n"
        "License GPLv3+: GNU GPL version 3 or later <https://gnu.org/licenses/gpl.html>\n"
        "This is free software: you are free to change and redistribute it.\n"
        "There is NO WARRANTY, to the extent permitted by law.\n"
    )
