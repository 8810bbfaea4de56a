"""What differs in the session `edge`."""

from __future__ import annotations

from .difference import Difference, newest_lines, whole

REPLACEMENT = [
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

REPLACEMENT.append(
    newest_lines(
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
DEATH = [
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

PID_FILE_STOP = [
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

NUL = [
    *whole(
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
    *whole(
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

NUL.append(
    newest_lines(
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

EAGER_START = [
    Difference(
        "eager-start",
        "edge-q13",
        "reply",
        r"\(running \(systemd-service .* \(sockets \(FD\)\) ",
        "(running (process (version 0) (id PID) ",
    ),
]

LAST_REPLY = whole(
    "last-reply",
    "basic-65-stop-root",
    reply='(reply (version 0) (result (root)) (error #f) (messages ("Exiting shepherd...")))',
    stdout="Exiting shepherd...\n",
) + whole(
    "last-reply",
    "edge-q45",
    status="0",
    reply='(reply (version 0) (result ("#<unspecified>")) (error #f) (messages ("Removing service'
    ' \'root\'..." "Exiting shepherd..." "Done.")))',
    stdout="Removing service 'root'...\nExiting shepherd...\nDone.\n",
    stderr="",
)
