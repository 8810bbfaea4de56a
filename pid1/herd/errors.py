"""Error replies in words, with Guile's way of printing exceptions (SHEPHERD.md 11.5).

A Guile exception is a key, a symbol, and arguments.  For keys of Guile's own these are mostly
the procedure, a format string and what it formats; others are printed as they are.
"""

from __future__ import annotations

from pid1.herd.printing import displayed, written
from pid1.herd.terminal import Terminal
from pid1.sexp import Symbol, write_symbol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

# The keys that Guile 3.0.11 prints with their format string, asked of print-exception itself.
_FORMATTED = frozenset(
    (
        "goops-error", "host-not-found", "misc-error", "no-data", "no-recovery",
        "null-pointer-error", "out-of-range", "program-error", "read-error",
        "regular-expression-syntax", "signal", "stack-overflow", "system-error", "try-again",
        "unbound-variable", "wrong-number-of-args", "wrong-type-arg",
    )
)  # fmt: skip
_SWAPPED = ("start", "stop", "status", "doc")
_ROOT_ACTIONS = (
    "help", "halt", "power-off", "load", "eval", "unload", "reload", "daemonize", "restart",
)  # fmt: skip


def report_error(terminal: Terminal, error: object, action: str, service: str | None) -> None:
    """Print the error of a reply, and a hint if the command looks like a known mistake."""
    print_error(terminal, error)
    if service in _SWAPPED or (action == "root" and service in _ROOT_ACTIONS):
        swapped = f"herd {service} {write_symbol(action)}"
        terminal.hint(f"Did you mean '{swapped}'?")
        return
    match error:
        case [Symbol(name="error"), [Symbol(name="version"), 0, *_],
              Symbol(name="action-not-found"), _, name]:  # fmt: skip
            terminal.hint(
                f"Run 'herd doc {displayed(name)} list-actions' to list supported actions."
            )


def print_error(terminal: Terminal, error: object) -> None:
    """Print the error of a reply."""
    details = error_details(error)
    if "exception" in details:
        terminal.error(f"{details['message']}:")
        terminal.put_error(f"{details['exception']}\n")
    else:
        terminal.error(str(details["message"]))


def error_details(error: object) -> dict[str, object]:
    """Return the error of a reply in words: its kind, its message, and what it is about."""
    match error:
        case [Symbol(name="error"), [Symbol(name="version"), 0, *_],
              Symbol(name="service-not-found" as kind), name]:  # fmt: skip
            service = displayed(name)
            message = f"service '{service}' could not be found"
            return {"kind": kind, "message": message, "service": service}
        case [Symbol(name="error"), [Symbol(name="version"), 0, *_],
              Symbol(name="action-not-found" as kind), action, name]:  # fmt: skip
            words = {"service": displayed(name), "action": displayed(action)}
            message = f"service '{words['service']}' does not have an action '{words['action']}'"
            return {"kind": kind, "message": message, **words}
        case [Symbol(name="error"), [Symbol(name="version"), 0, *_],
              Symbol(name="action-exception" as kind), action, name, key,
              list(arguments)]:  # fmt: skip
            words = {"service": displayed(name), "action": displayed(action)}
            message = (
                f"exception caught while executing '{words['action']}' "
                f"on service '{words['service']}'"
            )
            text = exception_text(key, arguments).removesuffix("\n")
            return {"kind": kind, "message": message, **words,
                    "key": displayed(key), "exception": text}  # fmt: skip
    return {"kind": "unknown", "message": f"something went wrong: {written(error)}"}


def exception_text(key: object, arguments: list[object]) -> str:
    """Return what Guile's ``print-exception`` prints for an exception, with its last newline."""
    name = key.name if isinstance(key, Symbol) else None
    text = None
    if name in _FORMATTED:
        text = _formatted(arguments)
    elif name == "keyword-argument-error":
        match arguments:
            case [_, str(message), _, [keyword, *_]]:
                text = f"{message}: {written(keyword)}"
    elif name == "syntax-error":
        text = _syntax_error(arguments)
    elif name == "getaddrinfo-error":
        text = _lookup_error(arguments)
    if text is None:
        text = f"Throw to key `{displayed(key)}' with args `{written(arguments)}'."
    return text + "\n"


def _formatted(arguments: list[object]) -> str | None:
    match arguments:
        case [procedure, str(template), (list() | False) as values, *_]:
            text = format_text(template, values or [])
            if procedure is not False:
                return f"In procedure {displayed(procedure)}: {text}"
            return text
    return None


def format_text(
    template: str,
    values: list[Any],
    display: Callable[[Any], str] = displayed,
    write: Callable[[Any], str] = written,
) -> str:
    """Return ``template`` with its ``~A``, ``~S`` and the like replaced, as ``simple-format`` does.

    A directive that is unknown or has no value left stays as it is: an error about an error
    would help nobody.
    """
    pieces = template.split("~")
    out = [pieces[0]]
    index, position = 1, 0
    while index < len(pieces):
        piece = pieces[index]
        index += 1
        if not piece:  # "~~", or a tilde at the end
            out.append("~")
            if index < len(pieces):
                out.append(pieces[index])
                index += 1
            continue
        directive = piece[0].lower()
        if directive == "%":
            out.append("\n" + piece[1:])
        elif directive in "asdxob" and position < len(values):
            value = values[position]
            position += 1
            if directive in "xob" and type(value) is int:
                out.append(format(value, directive))
            else:
                out.append(write(value) if directive == "s" else display(value))
            out.append(piece[1:])
        else:
            out.append("~" + piece)
    return "".join(out)


def _syntax_error(arguments: list[object]) -> str | None:
    match arguments:
        case [who, message, where, form, subform, *_]:
            text = f"{_location(where)}: "
            if who is not False:
                text += f"{displayed(who)}: "
            text += displayed(message)
            if subform is not False:
                text += f" in subform {written(subform)} of {written(form)}"
            elif form is not False:
                text += f" in form {written(form)}"
            return f"Syntax error:\n{text}"
    return None


def _location(where: object) -> str:
    if where is False:
        return "unknown location"
    found: dict[str, object] = {}
    for entry in where if isinstance(where, list) else ():
        if isinstance(entry, tuple) and isinstance(entry[0], Symbol):
            found[entry[0].name] = entry[1]
    line = found.get("line", False)
    line = line + 1 if type(line) is int else line
    file = displayed(found.get("filename", "unknown file"))
    return f"{file}:{displayed(line)}:{displayed(found.get('column', False))}"


def _lookup_error(arguments: list[object]) -> str | None:
    import _socket

    messages = {
        getattr(_socket, name, None): message
        for name, message in (
            ("EAI_AGAIN", "Temporary failure in name resolution"),
            ("EAI_BADFLAGS", "Bad value for ai_flags"),
            ("EAI_FAIL", "Non-recoverable failure in name resolution"),
            ("EAI_FAMILY", "ai_family not supported"),
            ("EAI_NODATA", "No address associated with hostname"),
            ("EAI_NONAME", "Name or service not known"),
            ("EAI_SERVICE", "Servname not supported for ai_socktype"),
            ("EAI_SOCKTYPE", "ai_socktype not supported"),
        )
    }
    match arguments:
        case [int(code), *_] if code in messages:
            return f"In procedure getaddrinfo: {messages[code]}"
    return None
