"""The options of ``shepherd``, for the daemon itself, its manual page and the shells."""

from __future__ import annotations

from pid1.options import STANDARD, Option

OPTIONS = (
    *STANDARD,
    Option("syslog", None, "FILE", "log to syslogd through FILE, or /dev/log", optional=True),
    Option("socket", "s", "FILE", "receive commands through FILE, a Unix-domain socket"),
    Option("silent", "S", None, "do not write to standard output"),
    Option("quiet", None, None, "synonym for --silent"),
    Option("pid", None, "FILE", "when ready, write the PID to FILE or standard output",
           optional=True),
    Option("logfile", "l", "FILE", "log to FILE"),
    Option("shutdown-deadline", None, "SECONDS",
           "kill what has not stopped so long after a stop of the shepherd began (60)"),
    Option("state-directory", None, "DIRECTORY",
           "keep in DIRECTORY what 'herd disable' has disabled, or nowhere if it is 'none'"),
    Option("insecure", "I", None, "do not check the permissions of the socket directory"),
    Option("config", "c", "FILE", "read the configuration from FILE"),
)  # fmt: skip
