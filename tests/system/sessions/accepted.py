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


# One message, as a Scheme string.
_STRING = r'"(?:[^"\\]|\\.)*"'


def _newest_lines(row: str, capture: str, text: str, before: str = "") -> Difference:
    """The daemon's newest lines, oldest first, as they stand in a reply."""
    lines = text.strip("\n").replace("\\", r"\\").split("\n")
    return Difference(
        row,
        capture,
        "reply",
        r'\(recent-messages \((?:(?!recent-messages).)*\)\) (?=\(log-files \("/tmp/log"\)\))',
        "(recent-messages ("
        + " ".join([*(f'(EPOCH . "{line}")' for line in reversed(lines)), *filter(None, [before])])
        + ")) ",
    )


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

_POSITIONS.append(
    _newest_lines(
        "error-position",
        "basic-63-status-after",
        r"""
You must be kidding.
No kexec image loaded; doing nothing.
Service root is already running.
Evaluating user expression (if #f #f).
Unknown keyword.  Try 'herd help'.
Loading /tmp/bad.scm.
/tmp/bad.scm:1:1: Syntax error:
unknown location: source expression failed to match any pattern in form (define x y z)
Loading /tmp/bad.scm.
/tmp/bad.scm:1:1: Unbound variable: frobnicate
Loading /tmp/bad.scm.
/tmp/bad.scm:1:85: Throw to key `what?!' with args `(\"#<<something>>\")'.
Stopping service weird...
Service weird stopped.
Service weird is now stopped.
Service oops is not running.
Service once is not running.
Service sleeper is not running.
Service foo is not running.
""",
        before='(EPOCH . "")',
    )
)

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

_REPLACEMENT.append(
    _newest_lines(
        "replacement",
        "edge-q08",
        """
Service root has been started.
Configuration successfully loaded from '/tmp/c.scm'.
Starting service slow...
Evaluating user expression (register-services (list (service (quote …) …))).
Recording replacement for slow.
Service slow started.
Service slow running with value old.
Service slow has been started.
Stopping service slow...
Evaluating user expression (register-services (list (service (quote …) …))).
Recording replacement for slow.
Service slow stopped.
Service slow is now stopped.
Starting service forker...
Service forker started.
Service forker running with value #t.
Service forker has been started.
Service forker exited with 4.
Service forker has been disabled.
Evaluating user expression (register-services (list (service (quote …) …))).
""",
    )
)

# The service forker is disabled when its process dies.
_DEATH = [
    *(
        Difference(
            "death",
            capture,
            "reply",
            r"(\(provides \(forker\)\) .*?\(enabled\? )#t(?=\))",
            r"\1#f",
        )
        for capture in ("edge-q06", "edge-q08", "edge-q24")
    ),
    Difference("death", "edge-q06", "stdout", r"It is enabled\.", "It is disabled."),
]

_PID_FILE_STOP = [
    *(
        Difference(
            "pid-file-stop",
            capture,
            "reply",
            r"(\(provides \(pidf\)\) .*?\(exit-statuses \(\()0 ",
            r"\g<1>15 ",
        )
        for capture in ("edge-q19", "edge-q24")
    ),
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
        Difference(
            "nul", capture, "reply", rf"(\(provides \(chan\)\) .*?){pattern}", rf"\1{drover}"
        )
        for capture in ("edge-q21", "edge-q24")
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

_NUL.append(
    _newest_lines(
        "nul",
        "edge-q24",
        r"""
Starting service sysd...
Spawning systemd-style service sh.
Service sysd started.
Service sysd running with value #<<process> id: PID command: (\"sh\" \"-c\" \"sleep 0.3\")>.
Service sysd has been started.
Service sysd has been disabled.
Service sysd is currently disabled.
Starting service pidf...
Service pidf started.
Service pidf running with value #<<process> id: PID command: """
        r"""(\"sh\" \"-c\" \"(sleep 100 & echo $! > /tmp/pidf)\")>.
Service pidf has been started.
Stopping service pidf...
Service pidf stopped.
Service pidf is now stopped.
Starting service chan...
exec of \"sh\" failed: Invalid argument.
Service chan failed to start.
Service chan could not be started.
Enabled service root.
Disabled service root.
""",
    )
)

_EAGER_START = [
    Difference(
        "eager-start",
        "edge-q13",
        "reply",
        r"\(running \(systemd-service .* \(sockets \(FD\)\) ",
        "(running (process (version 0) (id PID) ",
    ),
]

_LAST_REPLY = _whole(
    "last-reply",
    "basic-65-stop-root",
    reply='(reply (version 0) (result (root)) (error #f) (messages ("Exiting shepherd...")))',
    stdout="Exiting shepherd...\n",
) + _whole(
    "last-reply",
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
    _newest_lines(
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
    *_DEATH,
    *_NUL,
    *_EAGER_START,
    *_LAST_REPLY,
]
