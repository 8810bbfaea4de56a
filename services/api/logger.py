"""``(shepherd logger)``: what reads the output of services, for configurations."""

from __future__ import annotations

import os
import time

from pid1.capture import Capture, open_log_file
from pid1.log import LINE_FORMAT
from services import keywords
from services.api import parameters
from services.scheme.errors import wrong_type
from services.scheme.library.output import display
from services.scheme.ports import Port
from services.scheme.primitives import Library
from services.scheme.types import Keyword, Pair, Value, iterate, scheme_list

LIBRARY = Library()
LIBRARY.bind("default-log-history-size", parameters.log_history_size)


def _logger(who: str, value: Value) -> Capture:
    if not isinstance(value, Capture):
        raise wrong_type(who, 1, value)
    return value


@LIBRARY.primitive("logger-recent-messages", 1)
def logger_recent_messages(logger: Value) -> Value:
    lines = _logger("logger-recent-messages", logger).recent()
    return scheme_list([Pair(when, line) for when, line in lines])


@LIBRARY.primitive("logger-files", 1)
def logger_files(logger: Value) -> Value:
    return scheme_list(_logger("logger-files", logger).files())


def _log_port(file: Value, mode: Value) -> Port:
    if not isinstance(file, str):
        raise wrong_type("open-log-file", 1, file)
    descriptor = open_log_file(file)
    os.fchmod(descriptor, mode)
    return Port(file, output=True, fd=descriptor)


@LIBRARY.primitive("open-log-file", 1, 2)
def open_log_file_(file: Value, mode: Value = 0o640) -> Port:
    return _log_port(file, mode)


@LIBRARY.primitive("log-line", 2, None)
def log_line(line: Value, output: Value, *rest: Value) -> None:
    """Write a line with the time in front of it."""
    now: Value = None
    if rest and not isinstance(rest[0], Keyword):
        now, rest = rest[0], rest[1:]
    pattern = keywords.split(rest, {"date-format"}).get("date-format", LINE_FORMAT)
    moment = time.localtime(None if now is None else now)
    display(f"{time.strftime(pattern, moment)}{line}\n", output)


@LIBRARY.primitive("rotate-log-file", 3)
def rotate_log_file(logger: Value, file: Value, rotated: Value) -> bool:
    """Rename a logger's file; it goes on in a new one of the old name."""
    capture = _logger("rotate-log-file", logger)
    if file not in capture.files():
        return False
    capture.reopen(rotated)
    return True


@LIBRARY.primitive("rotate-and-reopen-log-file", 3, 4)
def rotate_and_reopen_log_file(
    output: Value, file: Value, rotated: Value, mode: Value = 0o640
) -> Port:
    """Rename ``file``, close the port that writes to it, open another."""
    os.rename(file, rotated)
    if isinstance(output, Port):
        output.close()
    return _log_port(file, mode)


def _follow(
    who: str, port: Value, program: str, file: str | None, rest: tuple[Value, ...]
) -> Capture:
    from pid1.service import Service

    options = keywords.split(rest, {"service", "history-size"})
    if not isinstance(port, Port) or port.fd is None:
        raise wrong_type(who, 1, port)
    capture = Capture(program, file)
    capture.add(os.dup(port.fd))
    service = options.get("service", False)
    if isinstance(service, Service):
        service.capture = capture
        service.touch()
    return capture


@LIBRARY.primitive("spawn-service-builtin-logger", 2, None)
def spawn_service_builtin_logger(command: Value, port: Value, *rest: Value) -> Capture:
    words = list(iterate(command))
    program = os.path.basename(words[0]) if words and isinstance(words[0], str) else str(command)
    return _follow("spawn-service-builtin-logger", port, program, None, rest)


@LIBRARY.primitive("spawn-service-file-logger", 2, None)
def spawn_service_file_logger(file: Value, port: Value, *rest: Value) -> Capture:
    if not isinstance(file, str):
        raise wrong_type("spawn-service-file-logger", 1, file)
    return _follow("spawn-service-file-logger", port, "service", file, rest)


@LIBRARY.primitive("spawn-service-system-logger", 1, None)
def spawn_service_system_logger(port: Value, *rest: Value) -> Capture:
    return _follow("spawn-service-system-logger", port, "service", None, rest)
