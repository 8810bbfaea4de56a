"""Running values of services that are not processes, as ``herd status`` shows them."""

from __future__ import annotations

from pid1.herd.printing import written
from pid1.herd.services import kind_of
from pid1.herd.status import shell_words
from pid1.herd.terminal import Terminal
from pid1.sexp import Vector

_LISTENERS = {
    "inetd-service": "Inetd-style service",
    "systemd-service": "Systemd-style service",
    "system-log": "System log",
}


def show_value(terminal: Terminal, value: object) -> None:
    """Print the lines about a running value."""
    kind = kind_of(value)
    if kind == "timer":
        from pid1.herd.timers import show_timer_action

        show_timer_action(terminal, value)
    elif kind in _LISTENERS:
        _show_listener(terminal, kind, value)
    else:
        terminal.put(f"  Running value is {written(value)}.\n")


def _show_listener(terminal: Terminal, kind: str, value: object) -> None:
    found = {entry[0].name: entry[1] for entry in value[1:]}  # type: ignore[index]
    endpoints = [{part[0].name: part[1] for part in each[1:]} for each in found["endpoints"]]
    noun = "endpoint" if len(endpoints) == 1 else "endpoints"
    terminal.put(f"  {_LISTENERS[kind]} listening on {len(endpoints)} {noun}:\n")
    for endpoint in endpoints:
        name = "" if kind == "inetd-service" else f" ({written(endpoint['name'])})"
        terminal.put(f"    - {address_text(endpoint['address'])}{name}\n")
    if kind == "system-log":
        kernel_log = found["kernel-log-file"]
        terminal.put(f"  Kernel log file: {'-' if kernel_log is False else kernel_log}\n")
    elif "command" in found:
        terminal.put(f"  Command: {shell_words(found['command'])}\n")


def address_text(address: object) -> str:
    """Return a socket address such as ``#(2 2130706433 4455)`` in its usual notation.

    Family numbers are those of the host, on which the daemon runs, too.
    """
    from _socket import AF_INET, AF_INET6, AF_UNIX, inet_ntop

    if isinstance(address, Vector):
        match address:
            case [family, int(host), int(port), *_] if family == AF_INET:
                return f"{inet_ntop(AF_INET, host.to_bytes(4, 'big'))}:{port}"
            case [family, int(host), int(port), *_] if family == AF_INET6:
                return f"[{inet_ntop(AF_INET6, host.to_bytes(16, 'big'))}]:{port}"
            case [family, str(path), *_] if family == AF_UNIX:
                return path
    return written(address)
