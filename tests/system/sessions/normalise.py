"""What may differ between two runs of the same session, and nothing else.

Each rule replaces one kind of value that no two runs share (a process number, a time, an address in
memory) by its name.  A rule must not hide a difference of behaviour: it never crosses a line, and it
never removes the text around the value.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """A kind of value that differs from run to run: its name stands where `pattern` matched.

    Where the pattern has groups, they are the text around the value, and are kept.
    """

    name: str
    pattern: str


_MONTH_DAY = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ 0-9][0-9]"

TIMES = [
    Rule("EPOCH", r"\b1[78]\d{8}\b"),
    Rule("DATE", r"\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\b"),
    Rule("DATE", r"^[ \d]\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d(?=\t)"),
    Rule("DATE", rf"\b{_MONTH_DAY} \d\d:\d\d\b(?!:)"),
    # `herd` shows the date as well when it is not today's.
    Rule("TIME", rf"(?:\b(?:Sun|Mon|Tue|Wed|Thu|Fri|Sat) {_MONTH_DAY} )?\b\d\d:\d\d:\d\d\b(?: \d{{4}})?"),
    Rule("AGO", r"\b\d+ (?:seconds?|minutes?|hours?) ago\b"),
    Rule("AHEAD", r"\bin \d+ (?:seconds?|minutes?|hours?|days?)(?=\))"),
    Rule("DURATION", r"(\bafter )\d( seconds?\b)"),
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
    Rule("PID", r"(\b(?:sh|cat|sleep)\[)\d+(?=\] )"),
    Rule("PID", r"(/proc/)\d+(?=/fd)"),
]

# Numbers the kernel or the host language hands out.
HANDLES = [
    Rule("INODE", r"(\b(?:socket|pipe):\[)\d+(?=\])"),
    Rule("FD", r"(\(sockets \()\d+(?: \d+)*(?=\))"),
    Rule("FD", r"(#<input-output: socket )\d+(?=>)"),
    Rule("PORT", r"(\bfrom 127\.0\.0\.1:)\d+"),
    Rule("ADDRESS", r"(#<procedure )[0-9a-f]+(?= at )"),
    Rule("ADDRESS", r"(#<atomic-box )[0-9a-f]+"),
    Rule("ADDRESS", r"(> )7f[0-9a-f]{10}(?=>\.)"),
    Rule("COUNT", r"(\bgc-counter: #<atomic-box ADDRESS value: )\d+"),
    Rule("SERIAL", r"(\btransient-)\d+"),
]

RULES = TIMES + PROCESSES + HANDLES


def _order_of_changes(text: str) -> str:
    """`herd log` merges by the second: within one, the order of services is accidental.

    Every service keeps the order of its own lines.
    """
    lines = text.split("\n")
    key = re.compile(r"DATE\tservice (\S+) ")
    if sum(1 for line in lines if key.match(line)) < len(lines) - 1:
        return text
    return "\n".join(sorted(lines, key=lambda line: m[1] if (m := key.match(line)) else "\x7f"))


def normalise(text: str) -> str:
    """`text` with every value that may differ replaced by the name of its kind."""
    for rule in RULES:
        text = re.sub(rule.pattern, lambda match, rule=rule: _named(match, rule), text, flags=re.M)
    return _order_of_changes(text)


def _named(match: re.Match[str], rule: Rule) -> str:
    groups = match.groups()
    return (groups[0] if groups else "") + rule.name + (groups[1] if len(groups) > 1 else "")
