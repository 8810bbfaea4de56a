"""Command-line options with the syntax of the GNU Shepherd's programs (SHEPHERD.md section 9).

Long options may be abbreviated, short ones combined, and options may follow operands.  ``argparse``
differs in most of its messages and costs ten times the start-up of ``herd``.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class Option:
    """One option; ``argument`` is its argument's placeholder in the help, None if it takes none."""

    __slots__ = ("argument", "help", "name", "optional", "short")

    def __init__(
        self,
        name: str,
        short: str | None,
        argument: str | None,
        help: str,
        optional: bool = False,
    ) -> None:
        self.name = name
        self.short = short
        self.argument = argument
        self.help = help
        self.optional = optional


STANDARD = (
    Option("version", None, None, "display version information and exit"),
    Option("usage", None, None, "display short usage message and exit"),
    Option("help", None, None, "display this help and exit"),
)
"""Options that every program has; they come before its own."""


class OptionError(Exception):
    """A command line that cannot be understood; ``hint`` says whether ``--help`` would help."""

    def __init__(self, message: str, hint: bool = False) -> None:
        super().__init__(message)
        self.hint = hint


class MissingArgumentError(OptionError):
    """A short option without its argument; the Shepherd's programs print this to stdout, bare."""


def parse(
    arguments: Sequence[str], options: Sequence[Option]
) -> Iterator[tuple[str | None, str | None]]:
    """Yield (long name, argument or None) for each option and (None, text) for each operand.

    In the order of the command line, so that ``--version`` is honoured before a later mistake is
    found.  Raises OptionError where the command line goes wrong.
    """
    position, count = 0, len(arguments)
    while position < count:
        word = arguments[position]
        position += 1
        following = arguments[position] if position < count else None
        available = following is not None and (following[:1] != "-" or following == "-")
        if word == "--":
            for operand in arguments[position:]:
                yield None, operand
            return
        if word[:2] == "--":
            name, equals, value = word[2:].partition("=")
            option = _find_long(name, options)
            if option.argument is None or equals:
                yield option.name, value if equals else None
            elif option.optional:
                yield option.name, None
            elif available:
                position += 1
                yield option.name, following
            else:
                raise OptionError(f"option '--{option.name}' requires an argument", hint=True)
        elif word[:1] == "-" and word != "-":
            for index, char in enumerate(word[1:], 2):
                option = _find_short(char, options)
                if option.argument is None:
                    yield option.name, None
                    continue
                if index < len(word):
                    yield option.name, word[index:]
                elif available:
                    position += 1
                    yield option.name, following
                elif option.optional:
                    yield option.name, None
                else:
                    raise MissingArgumentError(f"Argument required by `-{char}'.")
                break
        else:
            yield None, word


def _find_long(name: str, options: Sequence[Option]) -> Option:
    candidates = []
    for option in options:
        if option.name == name:
            return option
        if option.name.startswith(name):
            candidates.append(option)
    if len(candidates) > 1:
        raise OptionError(f"option '--{name}' is ambiguous", hint=True)
    if not candidates:
        raise OptionError(f"unknown option '--{name}'", hint=True)
    return candidates[0]


def _find_short(char: str, options: Sequence[Option]) -> Option:
    for option in options:
        if option.short == char:
            return option
    raise OptionError(f"unknown option '-{char}'")
