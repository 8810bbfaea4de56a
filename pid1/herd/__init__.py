"""``herd``: send one command to the daemon and print what it answers (SHEPHERD.md section 10).

This module reads the command line and decides what the answer means; how it looks is in its
siblings, imported when needed.  Start-up is most of the cost of ``herd``: no module here may
import what ``python3 -IS`` has not loaded, but for small parts of drover and ``_socket``.
"""

from __future__ import annotations

from pid1.herd.talk import Reply, ask, default_socket
from pid1.herd.terminal import FatalError, Terminal, run
from pid1.options import STANDARD, MissingArgumentError, Option, OptionError, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

DEFAULT_HISTORY = 5
"""Log lines, exits and timer runs that ``status`` shows without ``-n``."""

ROOT = (None, "root", "shepherd")
"""What is said of the daemon itself, and of all services."""

OVERVIEWS = ("status", "detailed-status", "help", "log", "graph", "analyze")
"""Actions that need no service."""

OPTIONS = (
    *STANDARD,
    Option("json", None, None, "print JSON, errors too (see docs/json.md)"),
    Option("follow", "f", None, "after 'log', print changes as they happen"),
    Option(
        "svg", None, "FILE", "draw the 'graph' or what 'analyze' shows, into FILE", optional=True
    ),
    Option("socket", "s", "FILE", "talk to the daemon that listens on FILE"),
    Option("log-history", "n", "NUMBER", "show NUMBER messages, exits and timer runs"),
    Option("service-name", "N", "NAME", "call the new service NAME"),
    Option("log-file", None, "FILE", "write the service's output to FILE"),
    Option("working-directory", "d", "DIRECTORY", "run the new service in DIRECTORY"),
    Option("environment-variable", "E", "ENVIRONMENT", "add ENVIRONMENT (VARIABLE=VALUE)"),
    Option("user", None, "USER", "run the program as USER"),
    Option("group", None, "GROUP", "run the program as GROUP"),
)
UNREADABLE = (
    ArithmeticError, AttributeError, LookupError, MemoryError, RecursionError, TypeError,
    ValueError,
)  # fmt: skip


class CommandLine:
    """What the command line asked for; ``finished`` when an option has done its work already.

    ``limit`` is the number that ``-n`` gave, if it was given.
    """

    __slots__ = (
        "action", "arguments", "finished", "follow", "json", "limit", "operands", "service",
        "socket", "svg", "values",
    )  # fmt: skip

    def __init__(self) -> None:
        self.action = ""
        self.service: str | None = None
        self.arguments: list[object] = []
        self.finished = self.follow = self.json = False
        self.limit: int | None = None
        self.operands: list[str] = []
        self.socket: str | None = None
        self.svg: str | None = None
        self.values: dict[str, object] = {}

    @property
    def history(self) -> int:
        """How many messages, exits and runs to show."""
        return DEFAULT_HISTORY if self.limit is None else self.limit

    @property
    def socket_file(self) -> str:
        """The socket to talk to."""
        return self.socket if self.socket is not None else default_socket()

    @property
    def is_local(self) -> bool:
        """Whether ``herd`` makes the result itself, from the status of all services."""
        return self.action in ("detailed-status", "log", "graph") and self.service in ROOT


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``herd`` with ``arguments`` (default: those of the process); return its exit status."""
    if arguments is None:
        import sys

        arguments = sys.argv[1:]
    words = arguments
    return run("herd", lambda terminal: _main(terminal, words))


def _main(terminal: Terminal, arguments: Sequence[str]) -> int:
    if arguments[:1] == ["--complete"]:
        from pid1.herd.complete import complete

        return complete(terminal, arguments[1:])
    line = CommandLine()
    try:
        _read_command_line(terminal, arguments, line)
    except (OptionError, FatalError) as error:
        if line.json or "--json" in arguments:
            from pid1.herd.json_output import put_error

            return put_error(terminal, "usage", str(error))
        if isinstance(error, OptionError):
            return report_option_error(terminal, error)
        raise
    if line.finished:
        return 0
    if not line.action:
        terminal.put_error("Usage: herd ACTION [SERVICE [OPTIONS...]]\n")
        return 1
    if line.follow:
        from pid1.herd.follow import follow

        return follow(terminal, line)
    if line.json:
        from pid1.herd.json_output import run_json

        return run_json(terminal, line)
    return _command(terminal, line)


def report_option_error(terminal: Terminal, error: OptionError) -> int:
    """Print what is wrong with the command line, and return the exit status, 1."""
    if isinstance(error, MissingArgumentError):
        terminal.put(f"{error}\n")
    else:
        terminal.error(str(error))
        if error.hint:
            terminal.hint("Try '--help'.")
    return 1


def _read_command_line(terminal: Terminal, arguments: Sequence[str], line: CommandLine) -> None:
    """Fill in ``line``; raises OptionError or FatalError.

    With too few operands, the action stays empty.
    """
    values = line.values
    for name, value in parse(arguments, OPTIONS):
        if name is None:
            assert value is not None
            line.operands.append(value)
        elif name == "socket":
            line.socket = value
        elif name == "json":
            line.json = True
        elif name == "follow":
            line.follow = True
        elif name == "svg":
            line.svg = value or ""
        elif name == "log-history":
            line.limit = _count(str(value))
        elif name == "environment-variable":
            # The last comes first, as in the GNU herd.
            values[name] = [value, *values.get(name, ())]  # type: ignore[misc]
        elif name == "log-file":
            values[name] = _absolute(str(value))
        elif name in ("help", "usage", "version"):
            from pid1.usage import print_usage

            terminal.put(print_usage("herd", name))
            line.finished = True
            return
        else:
            values[name] = value
    _use_operands(line)


def _use_operands(line: CommandLine) -> None:
    operands = line.operands
    if len(operands) > 1:
        line.action, line.service, *rest = operands
        line.arguments = rest + _keywords(line.values)
    elif operands and operands[0] in OVERVIEWS:
        line.action = operands[0]
    elif line.json:
        raise FatalError("an action and a service are needed")
    if line.action:
        if line.follow and line.action != "log":
            raise FatalError("'--follow' goes with 'log' only")
        drawn = line.action in ("graph", "analyze") and line.service in ROOT
        if line.svg is not None and not drawn:
            raise FatalError("'--svg' goes with 'graph' and 'analyze' only")
        if line.svg is not None and line.json:
            raise FatalError("'--svg' and '--json' exclude each other")


def _count(text: str) -> int:
    if text.isdecimal() and text.isascii() and len(text) < 16:
        return int(text)
    from pid1.sexp_reader import parse_number

    number = parse_number(text)  # Guile also takes "+5", "10/2" and "#x10" for integers
    if type(number) is int and number >= 0:
        return number
    raise FatalError(f"{text}: expected a positive integer")


def _absolute(name: str) -> str:
    if name.startswith("/"):
        return name
    import posix

    try:
        directory = posix.getcwd()
    except OSError as error:
        raise FatalError(f"current directory: {error.strerror}") from None
    return (directory if directory.endswith("/") else directory + "/") + name


def _keywords(values: dict[str, object]) -> list[object]:
    """Return the keyword arguments that options stand for, in the order the GNU herd sends them."""
    if not values:
        return []
    from pid1.sexp import Keyword, Symbol

    arguments: list[object] = []
    for option, keyword in (
        ("service-name", "name"),
        ("working-directory", "directory"),
        ("environment-variable", "extra-environment-variables"),
        ("log-file", "log-file"),
        ("user", "user"),
        ("group", "group"),
    ):
        if option in values:
            value = values[option]
            if option == "service-name":
                value = Symbol(str(value))
            arguments += [Keyword(keyword), value]
    return arguments


def fetch(line: CommandLine) -> Reply | None:
    """Carry out the command; None if the daemon ended, as it was told to.  Raises FatalError."""
    service = line.service or "root"
    action = "status" if line.is_local else line.action
    reply = ask(line.socket_file, action, service, line.arguments)
    if reply is None and not (action == "stop" and service in ROOT):
        raise FatalError("premature end-of-file while talking to shepherd")
    return reply


def unreadable(error: Exception) -> FatalError:
    """The error for a reply of which no sense can be made."""
    # A daemon of another kind, or one gone mad: nothing to print a traceback for.
    detail = f"{type(error).__name__}: {error}"[:200].replace("\n", " ")
    return FatalError(f"unexpected reply from shepherd ({detail})")


def is_success(result: list[object]) -> bool:
    """Whether an action's result says that it succeeded."""
    return all(value is not False for value in result)


def _command(terminal: Terminal, line: CommandLine) -> int:
    reply = fetch(line)
    if reply is None:
        return 0
    try:
        put_messages(terminal, reply)
        if reply.error is not False:
            from pid1.herd.errors import report_error

            report_error(terminal, reply.error, line.action, line.service)
            return 1
        return _show(terminal, reply, line)
    except UNREADABLE as error:
        raise unreadable(error) from None


def put_messages(terminal: Terminal, reply: Reply) -> None:
    """Print what the daemon says besides the result; nothing of the reply can harm a terminal."""
    if terminal.is_terminal:
        from pid1.herd.harmless import disarm

        disarm(reply)
    for message in reply.messages:
        terminal.put(message + "\n")


def _show(terminal: Terminal, reply: Reply, line: CommandLine) -> int:
    """Print the result of a command without error; return the exit status."""
    result, action, service = reply.result, line.action, line.service
    if action == "start":
        if service is not None and result is False:
            from pid1.sexp import write_symbol

            raise FatalError(f"failed to start service {write_symbol(service)}")
        return 0
    if not isinstance(result, list):
        raise TypeError("the result is no list")
    if service in ROOT:
        if action == "analyze":
            return _analyze(terminal, result, line)
        if action in ("log", "graph") or (service is None and action != "help"):
            return _show_all(terminal, result, line)
        if action == "help":
            terminal.put(f"{result[0]}\n")
            return 0
        if action == "eval":
            from pid1.herd.printing import written

            terminal.put(f"{written(result[0])}\n")
            return 0
    if action == "status" or (action == "detailed-status" and service in ROOT):
        from pid1.herd.services import service_of
        from pid1.herd.status import show_status

        detailed = None if action == "detailed-status" else line.history
        show_status(terminal, service_of(result, root=service in ROOT), detailed)
        return 0
    return 0 if is_success(result) else 1


def _analyze(terminal: Terminal, result: list[object], line: CommandLine) -> int:
    from pid1.herd.analyze import Boot, show_analysis

    boot = Boot(result[0])
    if line.svg is None:
        return show_analysis(terminal, boot, line.limit)
    from pid1.herd.chart_svg import draw_chart

    write_file(terminal, line.svg, draw_chart(boot).encode())
    return 0


def write_file(terminal: Terminal, file: str, data: bytes) -> None:
    """Write ``data`` into ``file``, or to standard output if its name is empty."""
    if not file:
        terminal.put_bytes(data)
        return
    try:
        with open(file, "wb") as output:  # noqa: PTH123 - pathlib is slow to import
            output.write(data)
    except OSError as error:
        raise FatalError(f"{file}: {error.strerror}") from None


def _show_all(terminal: Terminal, result: list[object], line: CommandLine) -> int:
    from pid1.herd.services import services_of

    services = services_of(result)
    if line.action == "status":
        from pid1.herd.summary import show_summary

        show_summary(terminal, services)
    elif line.action == "detailed-status":
        from pid1.herd.status import show_status

        for each in services:
            show_status(terminal, each)
    elif line.action == "log":
        from pid1.herd.eventlog import show_log

        return show_log(terminal, services)
    else:
        from pid1.herd.graph import draw_graph, show_graph

        if line.svg is not None:
            return draw_graph(terminal, services, line.svg)
        return show_graph(terminal, services)
    return 0
