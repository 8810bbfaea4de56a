"""What differs in the session `basic`, or in all of them."""

from __future__ import annotations

from .difference import STRING, Difference, newest_lines, whole

# The messages that the GNU daemon sends to whoever touches a service first.
FIRST_TOUCH = [
    Difference(
        "first-touch",
        "*",
        "reply",
        rf'"Starting service (\S+)\.\.\." "Service \1 started\." (?="Service \1 running){STRING} ',
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

REEXEC = [
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

PROCEDURES = [
    Difference("procedure-names", capture, field, rf"ADDRESS at shepherd/service\.scm:{line}", name)
    for capture, line, name in [
        ("basic-47-enable-extra", "1181:7", "enable"),
        ("basic-48-status-extra", "1179:7", "status"),
        ("basic-49-status-root-extra", "2923:6", "status"),
    ]
    for field in ("reply", "stderr")
]

POSITIONS = [
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

POSITIONS.append(
    newest_lines(
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

FAILED_START = [
    *whole(
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
RESPAWN_LIMIT = [
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
RESPAWN_LIMIT += [
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
