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

_ROOT = (None, "root", "shepherd")
_OVERVIEWS = ("status", "detailed-status", "help", "log", "graph")
_OPERANDS = "ACTION SERVICE [ARG...]"
_OPTIONS = (
    *STANDARD,
    Option("socket", "s", "FILE", "talk to the daemon that listens on FILE"),
    Option("log-history", "n", "NUMBER", "show NUMBER messages, exits and timer runs"),
    Option("service-name", "N", "NAME", "call the new service NAME"),
    Option("log-file", None, "FILE", "write the service's output to FILE"),
    Option("working-directory", "d", "DIRECTORY", "run the new service in DIRECTORY"),
    Option("environment-variable", "E", "ENVIRONMENT", "add ENVIRONMENT (VARIABLE=VALUE)"),
    Option("user", None, "USER", "run the program as USER"),
    Option("group", None, "GROUP", "run the program as GROUP"),
)
_UNREADABLE = (
    ArithmeticError, AttributeError, LookupError, MemoryError, TypeError, ValueError,
)  # fmt: skip


class _CommandLine:
    """What the command line asked for; ``finished`` when an option has done its work already."""

    __slots__ = ("finished", "history", "operands", "socket", "values")

    def __init__(self) -> None:
        self.finished = False
        self.history = DEFAULT_HISTORY
        self.operands: list[str] = []
        self.socket: str | None = None
        self.values: dict[str, object] = {}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``herd`` with ``arguments`` (default: those of the process); return its exit status."""
    if arguments is None:
        import sys

        arguments = sys.argv[1:]
    words = arguments
    return run("herd", lambda terminal: _main(terminal, words))


def _main(terminal: Terminal, arguments: Sequence[str]) -> int:
    line = _read_command_line(terminal, arguments)
    if line.finished:
        return 0
    operands = line.operands
    socket = line.socket if line.socket is not None else default_socket()
    if len(operands) == 1 and operands[0] in _OVERVIEWS:
        return _command(terminal, socket, line.history, operands[0], None, [])
    if len(operands) < 2:
        terminal.put_error("Usage: herd ACTION [SERVICE [OPTIONS...]]\n")
        return 1
    action, service, *rest = operands
    return _command(terminal, socket, line.history, action, service, rest + _keywords(line.values))


def report_option_error(terminal: Terminal, error: OptionError) -> int:
    """Print what is wrong with the command line, and return the exit status, 1."""
    if isinstance(error, MissingArgumentError):
        terminal.put(f"{error}\n")
    else:
        terminal.error(str(error))
        if error.hint:
            terminal.hint("Try '--help'.")
    return 1


def _read_command_line(terminal: Terminal, arguments: Sequence[str]) -> _CommandLine:
    line = _CommandLine()
    values = line.values
    try:
        for name, value in parse(arguments, _OPTIONS):
            if name is None:
                assert value is not None
                line.operands.append(value)
            elif name == "socket":
                line.socket = value
            elif name == "log-history":
                line.history = _count(str(value))
            elif name == "environment-variable":
                # The last comes first, as in the GNU herd.
                values[name] = [value, *values.get(name, ())]  # type: ignore[misc]
            elif name == "log-file":
                values[name] = _absolute(str(value))
            elif name in ("help", "usage", "version"):
                _print_usage(terminal, name)
                line.finished = True
                break
            else:
                values[name] = value
    except OptionError as error:
        report_option_error(terminal, error)
        raise FatalError from None
    return line


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


def _print_usage(terminal: Terminal, which: str) -> None:
    from pid1 import usage

    if which == "version":
        terminal.put(usage.version_text("herd"))
    elif which == "usage":
        terminal.put(usage.usage_text("herd", _OPERANDS, _OPTIONS))
    else:
        terminal.put(
            usage.help_text(
                "herd",
                _OPERANDS,
                "Apply ACTION (start, stop, status, etc.) to SERVICE with the ARGs.",
                _OPTIONS,
                usage.HERD_NOTES,
            )
        )


def _command(
    terminal: Terminal,
    socket: str,
    history: int,
    action: str,
    service: str | None,
    arguments: list[object],
) -> int:
    # These three are made here from the status of all services.
    local = action in ("detailed-status", "log", "graph") and service in _ROOT
    reply = ask(socket, "status" if local else action, service or "root", arguments)
    if reply is None:
        if action == "stop" and service in ("root", "shepherd"):
            return 0
        raise FatalError("premature end-of-file while talking to shepherd")
    for message in reply.messages:
        terminal.put(message + "\n")
    try:
        if reply.error is not False:
            from pid1.herd.errors import report_error

            report_error(terminal, reply.error, action, service)
            return 1
        return _show(terminal, reply, history, action, service)
    except _UNREADABLE as error:
        # A daemon of another kind, or one gone mad: nothing to print a traceback for.
        detail = f"{type(error).__name__}: {error}"[:200].replace("\n", " ")
        raise FatalError(f"unexpected reply from shepherd ({detail})") from None


def _show(terminal: Terminal, reply: Reply, history: int, action: str, service: str | None) -> int:
    """Print the result of a command without error; return the exit status."""
    result = reply.result
    if action == "start":
        if service is not None and result is False:
            from pid1.sexp import write_symbol

            raise FatalError(f"failed to start service {write_symbol(service)}")
        return 0
    if not isinstance(result, list):
        raise TypeError("the result is no list")
    if service in _ROOT:
        if action in ("log", "graph") or (service is None and action != "help"):
            from pid1.herd.services import services_of

            services = services_of(result)
            if action == "status":
                from pid1.herd.summary import show_summary

                show_summary(terminal, services)
            elif action == "detailed-status":
                from pid1.herd.status import show_status

                for each in services:
                    show_status(terminal, each)
            elif action == "log":
                from pid1.herd.eventlog import show_log

                return show_log(terminal, services)
            else:
                from pid1.herd.graph import show_graph

                return show_graph(terminal, services)
            return 0
        if action == "help":
            terminal.put(f"{result[0]}\n")
            return 0
        if action == "eval":
            from pid1.herd.printing import written

            terminal.put(f"{written(result[0])}\n")
            return 0
    if action == "status" or (action == "detailed-status" and service in _ROOT):
        from pid1.herd.services import service_of
        from pid1.herd.status import show_status

        detailed = None if action == "detailed-status" else history
        show_status(terminal, service_of(result, root=service in _ROOT), detailed)
        return 0
    return 0 if all(value is not False for value in result) else 1
