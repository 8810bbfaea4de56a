"""Where drover's results differ from the recordings on purpose.

Each entry belongs to a row of `docs/compatibility.md`, which gives the reason.  An entry rewrites
the recorded text; the rewritten text must then equal drover's to the letter, so an entry that no
longer happens fails just as a difference without an entry does.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Difference:
    """In `field` of `capture`, what `pattern` matches reads `drover` when drover's `part` runs.

    `part` is "daemon" or "client"; `field` is one of a capture's, or "terminal".  A `capture` or
    `field` with an asterisk stands for all that match and in which the pattern is found.
    """

    row: str
    capture: str
    field: str
    pattern: str
    drover: str
    part: str = "daemon"


# One message, as a Scheme string; one line of the daemon's log in a reply.
_STRING = r'"(?:[^"\\]|\\.)*"'

_END = r'"Service \S+ is not running\."'


def _whole(row: str, capture: str, **fields: str) -> list[Difference]:
    """Fields of a capture that have nothing in common with the recording."""
    return [Difference(row, capture, field, r"(?s)\A.*\Z", text) for field, text in fields.items()]


# The messages that the GNU daemon sends to whoever touches a service first.
_FIRST_TOUCH = [
    Difference(
        "first-touch",
        "*",
        "reply",
        rf'"Starting service (\S+)\.\.\." "Service \1 started\." (?="Service \1 running){_STRING} ',
        "",
    ),
    Difference(
        "first-touch",
        "*",
        "stdout",
        r"^Starting service (\S+)\.\.\.\nService \1 started\.\nService \1 running with value .*\n",
        "",
    ),
    Difference(
        "first-touch",
        "kinds-09-needs-failing",
        "reply",
        r'"Starting service failing\.\.\." "Service failing failed to start\." ',
        "",
    ),
    Difference(
        "first-touch",
        "kinds-09-needs-failing",
        "stdout",
        r"^Starting service failing\.\.\.\nService failing failed to start\.\n",
        "",
    ),
]

_REEXEC = [
    Difference("reexec", "*", "reply", r"(?<= daemonize restart)\)", " reexec)"),
    Difference("reexec", "*", "stdout", r"(?<= daemonize restart)$", " reexec"),
    Difference(
        "reexec",
        "basic-50-doc-root-list",
        "reply",
        r' ""\)\)\)\Z',
        r' "" "reexec:" "  Replace the running daemon by a fresh copy of itself, keeping all"'
        r' "services, their processes and their state." "")))',
    ),
    Difference(
        "reexec",
        "basic-50-doc-root-list",
        "stdout",
        r"\Z",
        "reexec:\n  Replace the running daemon by a fresh copy of itself, keeping all\n"
        "services, their processes and their state.\n\n",
    ),
    # The daemon's newest 20 lines, after those: four more came, so four fewer are left.
    Difference(
        "reexec",
        "basic-54-start-root",
        "reply",
        r'(You must be kidding\."\) )((?:.|\n)*?)(?: \(EPOCH \. "[^"]*"\)){4}(?=\)\) \(log-files)',
        r'\1(EPOCH . "") (EPOCH . "services, their processes and their state.")'
        r' (EPOCH . "  Replace the running daemon by a fresh copy of itself, keeping all")'
        r' (EPOCH . "reexec:") \2',
    ),
]

_PROCEDURES = [
    Difference("procedure-names", capture, field, rf"ADDRESS at shepherd/service\.scm:{line}", name)
    for capture, line, name in [
        ("basic-47-enable-extra", "1181:7", "enable"),
        ("basic-48-status-extra", "1179:7", "status"),
        ("basic-49-status-root-extra", "2923:6", "status"),
    ]
    for field in ("reply", "stderr")
]

_POSITIONS = [
    Difference(
        "error-position",
        capture,
        field,
        r'"Loading /tmp/bad\.scm\."' if field == "reply" else r"(?<=Loading /tmp/bad\.scm\.\n)",
        r'"Loading /tmp/bad.scm." ' + reply if field == "reply" else stdout,
    )
    for capture, reply, stdout in [
        (
            "basic-57-load-syntax",
            r'"/tmp/bad.scm:1:1: Syntax error:" "unknown location: source expression failed to'
            r' match any pattern in form (define x y z)"',
            "/tmp/bad.scm:1:1: Syntax error:\nunknown location: source expression failed to match"
            " any pattern in form (define x y z)\n",
        ),
        (
            "basic-58-load-unbound",
            r'"/tmp/bad.scm:1:1: Unbound variable: frobnicate"',
            "/tmp/bad.scm:1:1: Unbound variable: frobnicate\n",
        ),
        (
            "basic-59-load-throw",
            '"/tmp/bad.scm:1:85: Throw to key `what?!\' with args `(\\\\"#<<something>>\\\\")\'."',
            "/tmp/bad.scm:1:85: Throw to key `what?!' with args `(\"#<<something>>\")'.\n",
        ),
    ]
    for field in ("reply", "stdout")
]

_FAILED_START = [
    *_whole(
        "failed-start",
        "kinds-22-spawn-fail",
        status="1",
        stdout='Spawning transient service for ("/no/such/program").\n'
        'exec of "/no/such/program" failed: No such file or directory.\n'
        "Service trans2 could not be started.\n",
    ),
    Difference("failed-start", "kinds-22-spawn-fail", "reply", r"\(trans2\)", "(#f)"),
    Difference(
        "failed-start",
        "kinds-22-spawn-fail",
        "reply",
        r'"Service trans2 has been started\."',
        r'"exec of \\"/no/such/program\\" failed: No such file or directory."'
        r' "Service trans2 could not be started."',
    ),
]

_TRIPLE = r"\(stopped \. EPOCH\) \(running \. EPOCH\) \(starting \. EPOCH\) "
_CHANGES = "DATE\tservice flappy is {}\n"

# One respawn fewer, of the services flappy and lim.
_RESPAWN_LIMIT = [
    Difference(
        "respawn-limit",
        captures,
        "reply",
        rf"\(last-respawns \(EPOCH (EPOCH(?: EPOCH){{{respawns - 2}}})\)\)"
        rf" \(status-changes \({_TRIPLE}",
        r"(last-respawns (\1)) (status-changes (",
    )
    for captures, respawns in [("kinds-*", 6), ("edge-q12", 3), ("edge-q24", 3)]
]
_RESPAWN_LIMIT += [
    Difference(
        "respawn-limit",
        "kinds-*",
        "reply",
        r"\(\(1792 \. EPOCH\)((?: \(1792 \. EPOCH\)){5}) \(1792 \. EPOCH\)\)",
        r"((1792 . EPOCH)\1)",
    ),
    Difference(
        "respawn-limit",
        "edge-*",
        "reply",
        r"\(\(256 \. EPOCH\)((?: \(256 \. EPOCH\)){2}) \(256 \. EPOCH\)\)",
        r"((256 . EPOCH)\1)",
    ),
    Difference(
        "respawn-limit", "edge-q12", "stdout", r"    - DATE  Process exited with code 1\.\n\Z", ""
    ),
    *(
        Difference(
            "respawn-limit",
            capture,
            field,
            r"(^DATE\t.*service failing failed to start.*\n)(?:DATE\t.*service flappy .*\n){3}",
            r"\1",
        )
        for capture, field in [("kinds-51-log", "stdout"), ("kinds-tty-log", "terminal")]
    ),
]

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
_SOCKET_DIRECTORY = [
    *_whole(
        "socket-directory",
        "kinds-23-start-syslog",
        status="0",
        reply="(reply (version 0) (result (service (version 0) (provides (system-log syslogd))"
        r' (requires ()) (respawn? #f) (docstring "Listen for syslogd-style messages from'
        r'\\napplications, by default on /dev/log, and log them to files.") (enabled? #t) '
        + _SYSTEM_LOG
        + " (recent-messages ()) (log-files ()) (pending-replacement? #f)))"
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
    *_whole(
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
    *_whole(
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

_MONITOR = [
    Difference(
        "monitor",
        "kinds-*",
        "reply",
        r'\(running "#<<channel> [^"]*"\)',
        '(running "#<monitor>")',
    )
]

_REPLACEMENT = [
    Difference("replacement", "edge-q02", "reply", r"\(running #f\)", "(running old)"),
    Difference(
        "replacement",
        "edge-q02",
        "reply",
        r"\(status-changes \(\)\)",
        "(status-changes ((running . EPOCH) (starting . EPOCH)))",
    ),
    Difference("replacement", "edge-q02", "reply", r"\(status stopped\)", "(status running)"),
    Difference(
        "replacement",
        "edge-q02",
        "reply",
        r"\(pending-replacement\? #f\)",
        "(pending-replacement? #t)",
    ),
    Difference(
        "replacement",
        "edge-q02",
        "stdout",
        r"It is stopped\.\n",
        "It is running since TIME (AGO).\n  Running value is old.\n",
    ),
    Difference(
        "replacement",
        "edge-q02",
        "stdout",
        r"^  Provides: slow\n",
        r"\g<0>  Replacement pending (restart to upgrade).\n",
    ),
]

_PID_FILE_STOP = [
    Difference("pid-file-stop", "edge-q19", "reply", r"\(0 \. EPOCH\)", "(15 . EPOCH)"),
    Difference(
        "pid-file-stop",
        "edge-q19",
        "stdout",
        r"Process exited successfully\.",
        "Process terminated with signal 15.",
    ),
]

_NUL = [
    *_whole(
        "nul",
        "edge-q20",
        status="1",
        reply=r'(reply (version 0) (result #f) (error #f) (messages ("exec of \\"sh\\" failed:'
        ' Invalid argument." "Service chan could not be started.")))',
        stdout='exec of "sh" failed: Invalid argument.\nService chan could not be started.\n',
        stderr="herd: error: failed to start service chan\n",
    ),
    *(
        Difference("nul", "edge-q21", "reply", pattern, drover)
        for pattern, drover in [
            (r"\(enabled\? #f\)", "(enabled? #t)"),
            (r" \(running \. EPOCH\)", ""),
            (r"\(startup-failures \(\)\)", "(startup-failures (EPOCH))"),
            (r"\(\(512 \. EPOCH\)\)", "()"),
        ]
    ),
    *_whole(
        "nul",
        "edge-q21",
        stdout="● Status of chan:\n"
        "  It is stopped (failing).\n"
        "  It is enabled.\n"
        "  Provides: chan\n"
        "  Will not be respawned.\n"
        "  Failed to start at TIME (AGO).\n",
    ),
]

_EAGER_START = [
    Difference(
        "eager-start",
        "edge-q13",
        "reply",
        r"\(running \(systemd-service .* \(sockets \(FD\)\) ",
        "(running (process (version 0) (id PID) ",
    ),
]

_UNLOAD_ROOT = _whole(
    "unload-root",
    "edge-q45",
    status="0",
    reply='(reply (version 0) (result ("#<unspecified>")) (error #f) (messages ("Removing service'
    ' \'root\'..." "Exiting shepherd..." "Done.")))',
    stdout="Removing service 'root'...\nExiting shepherd...\nDone.\n",
    stderr="",
)

# What is unloaded is running, because of the socket in /tmp.
_SOCKET_DIRECTORY += [
    Difference("socket-directory", "kinds-61-reload", field, pattern, "")
    for field, pattern in [
        ("reply", r'"Service system-log is not running\." '),
        ("stdout", r"^Service system-log is not running\.\n"),
    ]
]

# The daemon that is to end names only the services that it stops.
_QUIET_END = [
    Difference("quiet-end", "kinds-63-power-off-user", "reply", rf"(?:{_END} )+", ""),
    Difference("quiet-end", "kinds-63-power-off-user", "stdout", r"^Service \S+ is not.*\n", ""),
]

_LOGGER = [
    Difference(
        "logger-message",
        "kinds-55-n",
        "stdout",
        r"Registering new logger for tmr\.",
        "Timer 'tmr' spawned process PID.",
    )
]

_ORDER = [
    Difference("order", "edge-q29", field, "x (root .*slow )", r"\1x ")
    for field in ("reply", "stdout")
]
# It ends where it finds the requirement that does not exist: the order decides what comes before.
_ORDER += _whole(
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
_ORDER.append(
    Difference(
        "order",
        "kinds-62-status",
        "reply",
        r'\(EPOCH \. "Service repl2 is now stopped\."\).*?\(EPOCH \. "Stopping service cat-1\.\.\."\)',
        " ".join(
            f'(EPOCH . "{message}")'
            for message in [
                "Service tmr is now stopped.",
                "Service tmr stopped.",
                "Terminating timer 'tmr' with 0 processes running.",
                "Stopping service tmr...",
                "Service tmr-proc is now stopped.",
                "Service tmr-proc stopped.",
                "Terminating timer 'tmr-proc' with 0 processes running.",
            ]
        ),
    )
)

DIFFERENCES = [
    *_QUIET_END,
    *_LOGGER,
    *_ORDER,
    *_FIRST_TOUCH,
    *_REEXEC,
    *_PROCEDURES,
    *_POSITIONS,
    *_FAILED_START,
    *_RESPAWN_LIMIT,
    *_SOCKET_DIRECTORY,
    *_MONITOR,
    *_REPLACEMENT,
    *_PID_FILE_STOP,
    *_NUL,
    *_EAGER_START,
    *_UNLOAD_ROOT,
]
