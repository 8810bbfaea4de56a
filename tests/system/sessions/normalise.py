"""What may differ between two runs of the same session, and nothing else.

The rules replace one kind of value that no two runs share (a process number, a time, an address in
memory) by its name: they never cross a line and keep the text around the value.  The functions at
the end put things into one order where the real program's order is accidental.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """A kind of value that differs from run to run: its name stands where `pattern` matched.

    Where the pattern has a group, it is the text before the value, and is kept.
    """

    name: str
    pattern: str


_MONTH_DAY = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ 0-9][0-9]"
_DAY = f"(?:Sun|Mon|Tue|Wed|Thu|Fri|Sat) {_MONTH_DAY}"

TIMES = [
    Rule("EPOCH", r"\b1[78]\d{8}\b"),
    Rule("DATE", r"\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\b"),
    Rule("DATE", r"^((?:\x1b\[0m)?)[ \d]\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d(?=\t)"),
    Rule("DATE", rf"\b{_MONTH_DAY} \d\d:\d\d\b(?!:)"),
    # `herd` shows the day as well when it is not today's.
    Rule("TIME", rf"(?:\b{_DAY} )?\b\d\d:\d\d:\d\d\b(?: \d{{4}})?"),
    Rule("AGO", r"\b\d+ (?:seconds?|minutes?|hours?) ago\b"),
    Rule("AHEAD", r"\bin \d+ (?:seconds?|minutes?|hours?|days?)(?=\))"),
    Rule("DURATION", r"(\bafter )\d seconds?\b"),
]

PROCESSES = [
    Rule("PID", r"(\(process \(version 0\) \(id )\d+"),
    Rule("PID", r"(#<<process> id: )\d+"),
    Rule("PID", r"(\bMain PID: (?:\x1b\[1m)?)\d+"),
    Rule("PID", r"(\bChild process: )\d+"),
    Rule("PID", r"(\(processes \(\()\d+(?= \. EPOCH)"),
    Rule("PID", r"(\(PID )\d+(?=\))"),
    Rule("PID", r"(\bPID )\d+(?=, which)"),
    Rule("PID", r"(\bLISTEN_PID=)\d+"),
    Rule("PID", r"(\bNow running as process )\d+"),
    Rule("PID", r"(\bspawned process )\d+"),
    Rule("PID", r"(\bProcess )\d+(?= of timer)"),
    Rule("PID", r"(/proc/)\d+(?=/fd)"),
    # A line that is read before the logger was told the process number is marked differently.
    Rule("OUTPUT OF sh", r"(?:\bsh\[\d+\]|\[sh\])(?= )"),
]

# Numbers the kernel or the host language hands out, and what the daemon measures of itself.
HANDLES = [
    Rule("INODE", r"(\b(?:socket|pipe):\[)\d+(?=\])"),
    Rule("FD", r"(\(sockets \()\d+"),
    Rule("FD", r"(\(sockets \(FD )\d+"),
    Rule("FD", r"(#<input-output: socket )\d+(?=>)"),
    Rule("PORT", r"(\bfrom 127\.0\.0\.1:)\d+"),
    Rule("ADDRESS", r"(#<procedure )[0-9a-f]+(?= at )"),
    Rule("ADDRESS", r"(#<atomic-box )[0-9a-f]+"),
    Rule("ADDRESS", r"(> )[0-9a-f]{9,12}(?=>\.)"),
    Rule("COUNT", r"(\bgc-counter: #<atomic-box ADDRESS value: )\d+"),
    Rule("SERIAL", r"((?:\b|\x1b\[2m)(?:transient|timer)-)\d+"),
    Rule("SIZE", r"(\bheap: )\d+\.\d+(?= MiB)"),
    Rule("COUNT", r"(\bfile descriptors: )\d+"),
]

# What runs the daemon, and what it calls itself.
HOST = [
    Rule("HOST", r'"/usr/bin/(?:guile|python)[-.\d]*"(?: "-[-a-zA-Z]+")*(?= "/usr/bin/shepherd")'),
    Rule("HOST", r"/usr/bin/(?:guile|python)[-.\d]*(?: -[-a-zA-Z]+)*(?= /usr/bin/shepherd)"),
    Rule("VERSION", r"\bGNU Shepherd 1\.0\.9 \(Guile[^)]*\)"),
    Rule("VERSION", r"\bdrover [\d.]+ \(Python [^)]*\), compatible with GNU Shepherd 1\.0\.9"),
]

RULES = TIMES + PROCESSES + HANDLES + HOST

# What the timers of session `kinds` log at every multiple of five seconds; and two services that
# are stopped together.
_UNORDERED = re.compile(
    r"Timer 'tmr' spawned|Process PID of timer 'tmr'|new logger for tmr\."
    r"|OUTPUT OF sh tick|proc tick|ervice (?:trans1|transient-SERIAL)\b"
)
# The daemon keeps its newest 20 lines; those that are left when up to fourteen of them are such.
_STEADY = 6


def normalise(text: str, session: str = "") -> str:
    """`text` with every value that may differ replaced by the name of its kind."""
    for rule in RULES:
        keep = r"\1" if re.compile(rule.pattern).groups else ""
        text = re.sub(rule.pattern, keep + rule.name, text, flags=re.M)
    # Whether a program has printed something when its start is answered is a race.
    text = re.sub(
        r"^(\(reply \(version 0\) \(result \(service .*\(recent-messages) \(.*\)(?= \(log-files)",
        r"\1)",
        text,
    )
    if session == "kinds":
        text = re.sub(
            r"\(recent-messages \((\(EPOCH.*?)\)\)(?= \(log-files)", _in_steady_order, text
        )
    if session == "syslog":
        text = _files_in_order(text)
    for put_in_order in (_services_in_order, _changes_in_order, _graph_in_order, _ends_in_order):
        text = put_in_order(text)
    return text


def _files_in_order(text: str) -> str:
    """The log files, which come in the order of a hash table."""
    text = re.sub(r'"[^ ]*\\t[^ ]*"(?: "[^ ]*\\t[^ ]*")+', lambda m: _sorted(m[0], " "), text)
    text = re.sub(r'(?<=\(log-files \()"[^)]*"', lambda m: _sorted(m[0], " "), text)
    text = re.sub(r"(?<=  Log files: ).*", lambda m: _sorted(m[0], " "), text)
    return re.sub(r"^/.*\t.*(?:\n/.*\t.*)+$", lambda m: _sorted(m[0], "\n"), text, flags=re.M)


def _in_steady_order(match: re.Match[str]) -> str:
    """The daemon's own messages, less those whose place among the others is the clock's."""
    messages = re.findall(r'\(EPOCH \. "(?:[^"\\]|\\.)*"\)', match[1])
    if len(messages) >= _STEADY:
        messages = [message for message in messages if not _UNORDERED.search(message)][:_STEADY]
    return f"(recent-messages ({' '.join(messages)}))"


def _services_in_order(text: str) -> str:
    """The status of all services lists them in no particular order (SHEPHERD.md 5.2)."""
    start, end = "(reply (version 0) (result ((", "))) (error #f) (messages "
    if not text.startswith(f"{start}(service "):
        return text
    services, found, rest = text.removeprefix(start).rpartition(end)
    first = "(service (version 0) "
    return start + first.join(["", *sorted(_separate(services, first))]) + found + rest


def _separate(services: str, first: str) -> list[str]:
    """The services of a list, each ending in a blank, so that the last is like the others."""
    return [f"{service.rstrip()} " for service in services.split(first)[1:]]


def _changes_in_order(text: str) -> str:
    """`herd log` merges by the second: within one, the order of services is accidental.

    Every service keeps the order of its own lines.
    """
    if not re.match(r"DATE\t.*service ", text):
        return text
    # On a terminal the colour ends at the start of the next line.
    lines = text.replace("\r", "").replace("\n\x1b[0m", "\x1b[0m\n").splitlines()
    return "\n".join(sorted(lines, key=lambda line: line.partition("service ")[2].split(" ")[0]))


def _graph_in_order(text: str) -> str:
    """The lines of a graph, which follow the order of the services."""
    if not text.startswith("digraph "):
        return text
    lines = text.splitlines()
    end = lines.index("}") if "}" in lines else len(lines)
    return "\n".join([lines[0], *sorted(lines[1:end]), *lines[end:], ""])


_END = r"(?:Service \S+ is not running|Transient service \S+ unregistered)\."
_ENDS_IN_REPLY = re.compile(rf'"{_END}"(?: "{_END}")+')
_ENDS_ON_LINES = re.compile(rf"^{_END}(?:\n{_END})+$", re.M)


def _ends_in_order(text: str) -> str:
    """What is said of one service after the other when all are unloaded."""
    text = _ENDS_IN_REPLY.sub(lambda m: '"' + _sorted(m[0][1:-1], '" "') + '"', text)
    return _ENDS_ON_LINES.sub(lambda m: _sorted(m[0], "\n"), text)


def _sorted(text: str, separator: str) -> str:
    return separator.join(sorted(text.split(separator)))
