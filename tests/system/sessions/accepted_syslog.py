"""What differs in the session `syslog`."""

from __future__ import annotations

from .difference import Difference

# A terminal that does not exist is no log file.
DEVICES = [
    Difference("syslog-devices", f"syslog-{capture}", field, pattern, "")
    for capture, field, pattern in [
        ("r02-status", "reply", r'"/dev/tty12" '),
        ("r02-status", "stdout", r"/dev/tty12 "),
        ("r04-files", "reply", r'"/dev/tty12\\tsystem-log" '),
        ("r04-files", "stdout", r"^/dev/tty12\tsystem-log\n"),
    ]
]

# A message of 2004 bytes, of which the real one keeps 1024.
LONG_MESSAGES = [
    Difference("rfc-5424", "syslog-r02-status", field, r"\bx{1020}\b", "x" * 2000)
    for field in ("reply", "stdout")
]
