"""What differs in the session `kinds`."""

from __future__ import annotations

from .difference import Difference, newest_lines, whole

_END = r'"Service \S+ is not running\."'

_SYSTEM_LOG = (
    '(running (system-log (version 0) (endpoints ((endpoint (version 0) (name "unknown")'
    ' (address #(1 "/tmp/devlog")) (style 2) (backlog 128) (owner 1000) (group 1000)'
    " (permissions 493) (bind-attempts 5)))) (kernel-log-file #f) (sockets (FD))))"
    " (conflicts ()) (last-respawns ()) (status-changes ((running . EPOCH) (starting . EPOCH)))"
    " (startup-failures ()) (status running) (one-shot? #f) (transient? #f)"
    " (respawn-limit (5 . 7)) (respawn-delay 0.1) (actions ()) (exit-statuses ())"
)
_SYSTEM_LOG_LINES = [
    "tester: hello syslog",
    "prog[303]: via python",
    "bare message",
    "no prio",
    "auth",
]
_SYSTEM_LOG_FILE = "/home/tester/.local/state/shepherd/syslog"

# The system log can be started by a user, with its socket in /tmp; so it is running from there on.
SOCKET_DIRECTORY = [
    *whole(
        "socket-directory",
        "kinds-23-start-syslog",
        status="0",
        reply="(reply (version 0) (result (service (version 0) (provides (system-log syslogd))"
        r' (requires ()) (respawn? #f) (docstring "Listen for syslogd-style messages from'
        r'\\napplications, by default on /dev/log, and log them to files.") (enabled? #t) '
        + _SYSTEM_LOG
        + " (recent-messages) (log-files ()) (pending-replacement? #f)))"
        ' (error #f) (messages ("Service system-log has been started.")))',
        stdout="Service system-log has been started.\n",
        stderr="",
    ),
    Difference(
        "socket-directory",
        "kinds-*",
        "reply",
        r"(log them to files\.\"\) \(enabled\? #t\)) \(running #f\)"
        r" \(conflicts \(\)\) \(last-respawns \(\)\) \(status-changes \(\(stopped .*?"
        r" \(recent-messages \(\)\) \(log-files \(\)\)",
        rf"\1 {_SYSTEM_LOG} (recent-messages ("
        + " ".join(rf'(EPOCH . "localhost {line}")' for line in reversed(_SYSTEM_LOG_LINES))
        + rf')) (log-files ("{_SYSTEM_LOG_FILE}"))',
    ),
    Difference(
        "socket-directory",
        "kinds-26-files-logrot",
        "reply",
        r"(?<=logged\")\)",
        rf' "{_SYSTEM_LOG_FILE}\\tsystem-log")',
    ),
    Difference(
        "socket-directory",
        "kinds-26-files-logrot",
        "stdout",
        r"\Z",
        f"{_SYSTEM_LOG_FILE}\tsystem-log\n",
    ),
    *(
        Difference("socket-directory", f"kinds-{capture}", field, *change)
        for capture, field in [
            ("42-status-inet-busy", "stdout"),
            ("48-status", "stdout"),
            ("54-status", "stdout"),
            ("tty-status2", "terminal"),
        ]
        for change in [
            (r"^ ! system-log(\r?)\n", ""),
            (r"^ \+ sysd(\r?)$", r"\g<0>\n + system-log\1"),
        ]
    ),
    Difference(
        "socket-directory",
        "kinds-51-log",
        "stdout",
        "system-log failed to start",
        "system-log is running",
    ),
    Difference(
        "socket-directory",
        "kinds-tty-log",
        "terminal",
        r"\x1b\[1;31mservice system-log failed to start",
        "\x1b[1mservice system-log is running",
    ),
    *whole(
        "socket-directory",
        "kinds-24-status-syslog",
        stdout="● Status of system-log:\n"
        "  It is running since TIME (AGO).\n"
        "  System log listening on 1 endpoint:\n"
        '    - /tmp/devlog ("unknown")\n'
        "  Kernel log file: -\n"
        "  It is enabled.\n"
        "  Provides: system-log syslogd\n"
        "  Will not be respawned.\n"
        f"  Log file: {_SYSTEM_LOG_FILE}\n"
        "\n"
        "Recent messages (use '-n' to view more or less):\n"
        + "".join(f"  DATE localhost {line}\n" for line in _SYSTEM_LOG_LINES),
    ),
    *whole(
        "socket-directory",
        "kinds-tty-system-log",
        terminal="\x1b[1;32m● \x1b[0m\x1b[1mStatus of system-log:\r\n"
        "\x1b[0m  It is running since TIME (AGO).\r\n"
        "  System log listening on 1 endpoint:\r\n"
        '    - /tmp/devlog ("unknown")\r\n'
        "  Kernel log file: -\r\n"
        "  It is enabled.\r\n"
        "  Provides: system-log syslogd\r\n"
        "  Will not be respawned.\r\n"
        f"  Log file: {_SYSTEM_LOG_FILE}\r\n"
        "\r\n"
        "\x1b[1mRecent messages (use '-n' to view more or less):\r\n"
        "\x1b[0m" + "".join(f"  DATE localhost {line}\r\n" for line in _SYSTEM_LOG_LINES),
    ),
]

MONITOR = [
    Difference(
        "monitor",
        "kinds-*",
        "reply",
        r'\(running "#<<channel> [^"]*"\)',
        '(running "#<monitor>")',
    )
]

# What is unloaded is running, because of the socket in /tmp.
SOCKET_DIRECTORY += [
    Difference("socket-directory", "kinds-61-reload", field, pattern, "")
    for field, pattern in [
        ("reply", r'"Service system-log is not running\." '),
        ("stdout", r"^Service system-log is not running\.\n"),
    ]
]

# The daemon that is to end names only the services that it stops.
QUIET_END = [
    Difference("quiet-end", "kinds-63-power-off-user", "reply", rf"(?:{_END} )+", ""),
    Difference("quiet-end", "kinds-63-power-off-user", "stdout", r"^Service \S+ is not.*\n", ""),
]

LOGGER = [
    Difference(
        "logger-message",
        "kinds-55-n",
        "stdout",
        r"Registering new logger for tmr\.",
        "Timer 'tmr' spawned process PID.",
    )
]

ORDER = [
    Difference("order", "edge-q29", field, "x (root .*slow )", r"\1x ")
    for field in ("reply", "stdout")
]
# It ends where it finds the requirement that does not exist: the order decides what comes before.
ORDER += whole(
    "order",
    "kinds-52-graph",
    stdout='digraph "Service Graph" {\n'
    + "".join(
        ("" if name == "root" else f'  "{name}" -> "root";\n')
        + f'  "{name}" [shape = {shape}, color = {color}, fontcolor = {font}, style = solid];\n'
        for name, shape, color, font in [
            ("dies", "box", "purple", "purple"),
            ("flappy", "box", "purple", "purple"),
            ("inet", "box", "green", "black"),
            ("logged", "box", "green", "black"),
            ("needs-missing", "box", "purple", "purple"),
            ("root", "box", "green", "black"),
            ("slow", "box", "green", "black"),
            ("sysd", "box", "green", "black"),
            ("tmr", "diamond", "green", "black"),
            ("tmr-err", "diamond", "green", "black"),
            ("tmr-proc", "diamond", "green", "black"),
            ("tmr-slow", "diamond", "green", "black"),
        ]
    ),
)
# What was unloaded last is among the daemon's newest messages.
ORDER.append(
    newest_lines(
        "order",
        "kinds-62-status",
        """
Service tmr-proc is now stopped.
Stopping service tmr...
Terminating timer 'tmr' with 0 processes running.
Service tmr stopped.
Service tmr is now stopped.
Loading /tmp/c.scm.
""",
    )
)
