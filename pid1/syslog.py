"""Messages for the system log: what a datagram says, after RFC 3164 and RFC 5424.

Parsing and formatting only; receiving messages and writing files is ``system_log``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from hurd.system import system

if TYPE_CHECKING:
    from pid1.addresses import Address

# <syslog.h>; facilities are multiples of eight, as in the number of a message.
PRIORITIES: Final = {
    "emergency": 0, "alert": 1, "critical": 2, "error": 3, "warning": 4, "notice": 5, "info": 6,
    "debug": 7,
}  # fmt: skip
FACILITIES: Final = {
    name: number << 3
    for number, name in enumerate(
        (
            "kernel", "user", "mail", "daemon", "authorization", "syslogd", "lpr", "news", "uucp",
            "cron", "authorization/private", "ftp", "ntp", "security", "console", "solaris-cron",
            "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
            "internal/mark",
        )
    )
}  # fmt: skip
_FACILITY_MASK: Final = 0x3F8
_PRIORITY_MASK: Final = 0x7
_DEFAULT: Final = FACILITIES["user"] | PRIORITIES["notice"]
_KERNEL_DEFAULT: Final = FACILITIES["kernel"] | PRIORITIES["notice"]
_KERNEL_PREFIX: Final = system.kernel_log_prefix()

_NUMBER = re.compile(r"<([0-9]{1,9})> ?")
# RFC 3164: "Jun 22 16:41:30 ".
_BSD_DATE = re.compile(r"[A-Za-z]{3} +[0-9]{1,2} [0-9]{1,2}:[0-9]{2}:[0-9]{2} ")
# RFC 5424: "1 2003-10-11T22:14:15.003Z host app procid msgid ", then structured data.
_RFC5424 = re.compile(
    r"1 (?:-|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(?:Z|[+-][0-9]{2}:[0-9]{2})) "
    r"([!-~]{1,255}) ([!-~]{1,48}) ([!-~]{1,128}) ([!-~]{1,32}) "
    r'(-|(?:\[[!#-<>-\\^-~]+(?: [!#-<>-\\^-~]+="(?:[^"\\\]]|\\.)*")*\])+)(?: |$)',
    re.DOTALL,
)
# What would let a message pass for several lines, or talk to a terminal.
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")


class Message:
    """One message.  ``sender`` is None for local ones; ``facility`` is a multiple of eight."""

    __slots__ = ("content", "facility", "priority", "sender")

    def __init__(
        self, facility: int, priority: int, content: str, sender: Address | None = None
    ) -> None:
        self.facility = facility
        self.priority = priority
        self.content = content
        self.sender = sender

    def __str__(self) -> str:
        """Return the line to log, without a date: ``localhost prog[303]: text``."""
        sender = str(self.sender) if self.sender is not None and self.sender.host else "localhost"
        prefix = _KERNEL_PREFIX if self.facility == 0 else ""
        content = self.content
        if _CONTROL.search(content):
            content = _CONTROL.sub(lambda found: f"#{ord(found[0]):03o}", content)
        return f"{sender} {prefix}{content}"


MARK: Final = Message(FACILITIES["internal/mark"], PRIORITIES["info"], "-- MARK --")


def parse_datagram(data: bytes, sender: Address | None = None) -> Message:
    """Return the message in a datagram: UTF-8, else Latin-1; one final newline is dropped."""
    data = data.removesuffix(b"\0").removesuffix(b"\n")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return parse(text, sender)


def parse(text: str, sender: Address | None = None, kernel: bool = False) -> Message:
    """Return the message that ``text`` means; without a number it is a notice.

    The date is dropped: the log has its own.  Of an RFC 5424 header the name of the
    program, the process and the structured data are kept in the content, in the form that
    an RFC 3164 message has them, and from a remote sender the host.
    """
    found = _NUMBER.match(text)
    if found is None:
        number = _KERNEL_DEFAULT if kernel else _DEFAULT
    else:
        number = int(found[1])
        start = found.end()
        date = _BSD_DATE.match(text, start)
        modern = _RFC5424.match(text, start) if date is None else None
        if date is not None:
            text = text[date.end() :]
        elif modern is not None:
            text = _content(modern, text[modern.end() :], sender is not None)
        else:
            text = text[start:]
    return Message(number & _FACILITY_MASK, number & _PRIORITY_MASK, text, sender)


def _content(header: re.Match[str], message: str, remote: bool) -> str:
    host, program, process, _, data = header.groups()
    parts = []
    if remote and host != "-":
        parts.append(host)
    if program != "-":
        parts.append(f"{program}:" if process == "-" else f"{program}[{process}]:")
    if data != "-":
        parts.append(data)
    parts.append(message.removeprefix("\ufeff"))
    return " ".join(parts)


def default_destination(message: Message, directory: str = "/var/log") -> list[str]:
    """Return the files of the system's own log for a message (SHEPHERD.md 6.1)."""
    private = message.facility == FACILITIES["authorization/private"]
    files = []
    if not private and message.facility != FACILITIES["mail"]:
        files += [f"{directory}/messages", "/dev/tty12"]
    if message.priority <= PRIORITIES["alert"]:
        files.append("/dev/console")
    if message.priority == PRIORITIES["debug"]:
        files.append(f"{directory}/debug")
    if private or message.facility == FACILITIES["authorization"]:
        files.append(f"{directory}/secure")
    return files
