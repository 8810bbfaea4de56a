"""Command lines as glibc's argp and getopt_long read them: permuted options, abbreviations, errors.

The Hurd's own tools are written with argp; users know its messages and exit status. A tool states
its options as a table (`Argp`) and gets each option and argument handed to its parser, in argp's
order. What `--help` and `--usage` print is in `hurd.tools.argp_help`.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import NoReturn

# Status of a wrong command line: glibc's argp_err_exit_status, which is EX_USAGE of <sysexits.h>.
USAGE_STATUS = 64


class Option:
    """One row of an option table.

    `name` is the long name and `short` the letter, either may be None; without both, the row is the
    header of the rows below it. `arg` names the argument. An `alias` is another name of the row
    above it. The parser is called with the letter, or with the long name when there is no letter.
    """

    __slots__ = ("alias", "arg", "doc", "group", "hidden", "name", "optional", "short")

    def __init__(
        self,
        name: str | None,
        short: str | None = None,
        arg: str | None = None,
        doc: str = "",
        *,
        alias: bool = False,
        hidden: bool = False,
        optional: bool = False,
        group: int = 0,
    ) -> None:
        self.name = name
        self.short = short
        self.arg = arg
        self.doc = doc
        self.alias = alias
        self.hidden = hidden
        self.optional = optional
        self.group = group


class Argp:
    """What a command line may hold.

    `before` and `after` are the texts around the list of options, `arguments` one line for each
    form of the arguments. `child` is a table whose options are listed apart, under `child_header`.
    `in_order` hands arguments over where they stand instead of after all options.
    """

    __slots__ = (
        "after",
        "arguments",
        "before",
        "child",
        "child_group",
        "child_header",
        "in_order",
        "name",
        "options",
        "version",
    )

    def __init__(
        self,
        name: str,
        version: str,
        options: Sequence[Option],
        arguments: str,
        before: str,
        after: str = "",
        *,
        child: Sequence[Option] = (),
        child_header: str = "",
        child_group: int = 0,
        in_order: bool = False,
    ) -> None:
        self.name = name
        self.version = version
        self.options = options
        self.arguments = arguments
        self.before = before
        self.after = after
        self.child = child
        self.child_header = child_header
        self.child_group = child_group
        self.in_order = in_order


# What argp adds to every table.
DEFAULTS = (
    Option("help", "?", None, "Give this help list", group=-1),
    Option("usage", None, None, "Give a short usage message"),
    Option("program-name", None, "NAME", "Set the program name", hidden=True),
    Option(
        "HANG", None, "SECS", "Hang for SECS seconds (default 3600)", hidden=True, optional=True
    ),
)
VERSION = (Option("version", "V", None, "Print program version", group=-1),)


class State:
    """A command line while it is read; the parser may move `next`, the index of the next word."""

    __slots__ = ("argp", "argument_count", "argv", "name", "next")

    def __init__(self, argp: Argp, argv: Sequence[str]) -> None:
        self.argp = argp
        self.argv = list(argv)
        self.next = 0
        self.argument_count = 0
        self.name = argp.name

    def error(self, message: str) -> NoReturn:
        """Report a wrong command line and exit with status 64."""
        report(f"{self.name}: {message}")
        self.see_help()

    def see_help(self) -> NoReturn:
        report(f"Try `{self.name} --help' or `{self.name} --usage' for more information.")
        raise SystemExit(USAGE_STATUS)

    def usage(self) -> NoReturn:
        """Print the usage on standard error and exit with status 64 (argp_usage)."""
        from hurd.tools.argp_help import usage_text

        sys.stdout.flush()
        sys.stderr.write(usage_text(self.argp, self.name))
        self.see_help()


def report(line: str) -> None:
    """Write one line to standard error, after what stands in standard output's buffer."""
    sys.stdout.flush()
    # Names of files need not be text.
    print(line.encode(errors="surrogateescape").decode(errors="backslashreplace"), file=sys.stderr)
    sys.stderr.flush()


if TYPE_CHECKING:
    # Called with the option's letter or long name and its argument; None is an argument.
    Parser = Callable[[str | None, str | None, State], None]


class _Table:
    """The options of an `Argp` by letter and by long name."""

    def __init__(self, argp: Argp) -> None:
        # Each value is the key that the parser gets, and the row that says about the argument.
        self.short: dict[str, tuple[str, Option]] = {}
        self.long: dict[str, tuple[str, Option]] = {}
        for rows in (argp.options, argp.child, DEFAULTS, VERSION):
            real = None
            for row in rows:
                if real is None or not row.alias:
                    real = row
                key = row.short or (row.alias and (real.short or real.name)) or row.name
                if key is None:
                    continue
                if row.short:
                    self.short.setdefault(row.short, (key, real))
                if row.name:
                    self.long.setdefault(row.name, (key, real))


def parse(argp: Argp, argv: Sequence[str], parser: Parser) -> State:
    """Read `argv` (without the program's name), calling `parser` for each option and argument.

    Returns when all words are read. `--help`, `--usage` and `--version` print and exit with status
    0; a wrong command line is reported and exits with status 64 (both as `SystemExit`).
    """
    state = State(argp, argv)
    table = _Table(argp)
    in_order = argp.in_order
    first_argument_ends = not in_order and "POSIXLY_CORRECT" in os.environ
    arguments: list[str] = []
    quoted = False
    while state.next < len(state.argv):
        word = state.argv[state.next]
        state.next += 1
        if quoted or word == "-" or not word.startswith("-"):
            if in_order:
                parser(None, word, state)
                state.argument_count += 1
            else:
                arguments.append(word)
                quoted = quoted or first_argument_ends
        elif word == "--":
            quoted = True
        elif word.startswith("--"):
            _long(word[2:], table, parser, state)
        else:
            _short(word[1:], table, parser, state)
    if not in_order:
        _hand_over(arguments, parser, state)
    return state


def _hand_over(arguments: list[str], parser: Parser, state: State) -> None:
    # The words left are the arguments, as after getopt has permuted them.
    state.argv = arguments
    state.next = 0
    while state.next < len(state.argv):
        word = state.argv[state.next]
        state.next += 1
        parser(None, word, state)
        state.argument_count += 1


def _long(word: str, table: _Table, parser: Parser, state: State) -> None:
    name, equals, value = word.partition("=")
    found = table.long.get(name)
    if found is None:
        candidates = [long for long in table.long if long.startswith(name)]
        if not candidates:
            _wrong(state, f"unrecognized option '--{word}'")
        # Names of one and the same option are no ambiguity.
        if len({table.long[long][0] for long in candidates}) > 1:
            names = " ".join(f"'--{long}'" for long in candidates)
            _wrong(state, f"option '--{word}' is ambiguous; possibilities: {names}")
        name = candidates[0]
        found = table.long[name]
    key, row = found
    argument: str | None = None
    if equals:
        if row.arg is None:
            _wrong(state, f"option '--{name}' doesn't allow an argument")
        argument = value
    elif row.arg is not None and not row.optional:
        if state.next >= len(state.argv):
            _wrong(state, f"option '--{name}' requires an argument")
        argument = state.argv[state.next]
        state.next += 1
    _deliver(key, argument, parser, state)


def _short(letters: str, table: _Table, parser: Parser, state: State) -> None:
    while letters:
        letter, letters = letters[0], letters[1:]
        found = table.short.get(letter)
        if found is None:
            _wrong(state, f"invalid option -- '{letter}'")
        key, row = found
        argument: str | None = None
        if row.arg is not None:
            if letters:
                argument, letters = letters, ""
            elif not row.optional:
                if state.next >= len(state.argv):
                    _wrong(state, f"option requires an argument -- '{letter}'")
                argument = state.argv[state.next]
                state.next += 1
        _deliver(key, argument, parser, state)


def _wrong(state: State, message: str) -> NoReturn:
    report(f"{state.argp.name}: {message}")
    state.see_help()


def _deliver(key: str, argument: str | None, parser: Parser, state: State) -> None:
    if key == "?":
        from hurd.tools.argp_help import help_text

        sys.stdout.write(help_text(state.argp, state.name))
        raise SystemExit(0)
    if key == "usage":
        from hurd.tools.argp_help import usage_text

        sys.stdout.write(usage_text(state.argp, state.name, full=True))
        raise SystemExit(0)
    if key == "V":
        print(state.argp.version)
        raise SystemExit(0)
    if key == "program-name":
        state.name = (argument or "").rpartition("/")[2]
    elif key == "HANG":
        import time

        time.sleep(_number(argument))
    else:
        parser(key, argument, state)


def _number(argument: str | None) -> int:
    if argument is None:
        return 3600
    return int(argument) if argument.isdigit() else 0
