"""The configurations that come with the GNU Shepherd do under drover what they do under it.

Each example of the manual is loaded by both daemons, which then show all their services and their
log.  Programs that the examples name are replaced by small ones, so that the examples work.
"""

from __future__ import annotations

import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import manual
import pytest
import sandbox
from sessions import runner
from sessions.normalise import normalise
from sessions.runner import Pair

pytestmark = [pytest.mark.interop, pytest.mark.slow]

GNU = Pair(daemon="gnu", client="gnu")
DROVER = Pair(daemon="drover", client="drover")

# Samples of the protocol; and forms with an ellipsis where the rest should be.
NOT_PROGRAMS = ["Communication-1", "Communication-2"]
NOT_PROGRAMS += ["Legacy-GOOPS-Interface-1", "Legacy-GOOPS-Interface-2"]

# What has to be changed in an example so that it can work in the sandbox, as an ordinary user.
ADAPTATIONS = [
    ('"/usr/sbin/', '"/opt/programs/'),
    ('"/usr/bin/', '"/opt/programs/'),
    ('"ssh-agent"', '"/opt/programs/ssh-agent"'),
    ('"/etc/ssh/sshd.pid"', '"sshd.pid"'),
    ('"/var/run/nginx/pid"', '"nginx.pid"'),
    ("INADDR_ANY 22)", "INADDR_ANY 2222)"),
    ("IN6ADDR_ANY 22)", "IN6ADDR_ANY 2222)"),
    # The manual forgets a quotation mark.
    ('"/var/log/messages))', '"/var/log/messages"))'),
    ('"/var/log/', '"logs/'),
    (
        "(system-log-service #:",
        "(system-log-service (list (endpoint (make-socket-address AF_UNIX "
        '"run/log") #:style SOCK_DGRAM)) #:',
    ),
]

PROGRAMS = {
    "mcron": "exec sleep 1000",
    "sshd": "(echo $$ >pid.new; mv pid.new sshd.pid; exec sleep 1000)\nexec sleep 1000",
    "nginx": "sleep 1000 & echo $! >/tmp/examples/Service-Examples-5/nginx.pid",
    "updatedb": "exit 0",
    "ssh-agent": "exec sleep 1000",
}

# What the text around an example says must come before or after it.
BEGINNINGS = {
    "Timers-2": "(use-modules (shepherd service timer))",
    "System-Log-Service-2": "(use-modules (shepherd service system-log))",
}
ENDINGS = {
    "Service-Examples-1": "(start-in-the-background '(mcron))",
    "System-Log-Service-2": "(register-services (list my-syslogd)) (start-service my-syslogd)",
    "Transient-Service-Maker-1": "(start-service (lookup-service 'transient))",
    "Timer-Service-1": "(start-service (lookup-service 'timer))",
    "REPL-Service-1": "(start-service (lookup-service 'repl))",
}
EXPRESSION = re.compile(r"\(service\s+'\((\S+?)[ )]")

TABLE = """(let ((table '()))
  (for-each-service
   (lambda (service)
     (set! table (cons (list (service-canonical-name service) (service-status service)
                             (service-enabled? service) (one-shot-service? service)
                             (service-requirement service))
                       table))))
  table)"""

RUN_ALL = """
table=$(cat /tmp/table)
load() {
    cd "$1"
    export HOME=$1 XDG_RUNTIME_DIR=$1/run
    mkdir -p run logs
    shepherd -I -s "$1/sock" -c "$1/init.scm" -l "$1/log" --pid="$1/pid" >stdout 2>stderr &
    for try in $(seq 100); do
        grep -q "onfiguration.*loaded\\|oading configuration" log 2>/dev/null && break
        sleep 0.1
    done
    sleep $2
    herd -s "$1/sock" status >status 2>&1
    herd -s "$1/sock" eval root "$table" >table 2>&1
    for name in $(cat services); do
        herd -s "$1/sock" status $name >status-$name 2>&1
    done
    cp log log-before
    herd -s "$1/sock" stop root >stop 2>&1
}
for example in /tmp/examples/*; do
    load "$example" 3 &
done
wait
"""


def _configuration(example: manual.Example) -> str:
    text = example.text
    for before, after in ADAPTATIONS:
        text = text.replace(before, after)
    if defined := EXPRESSION.match(text):
        text = f"(register-services (list {text}))\n(start-service (lookup-service '{defined[1]}))"
    return "\n".join([BEGINNINGS.get(example.name, ""), text, ENDINGS.get(example.name, "")])


def _files(examples: list[manual.Example]) -> dict[str, bytes]:
    files = {"table": TABLE.encode()}
    for example in examples:
        directory = f"examples/{example.name}"
        text = _configuration(example)
        names = {name for name in EXPRESSION.findall(text) if "something" not in name}
        files[f"{directory}/init.scm"] = text.encode()
        files[f"{directory}/services"] = "\n".join(sorted(names)).encode()
    files["examples/Managing-User-Services-1/init.d/a.scm"] = (
        b"(register-services (list (service '(from-init.d) #:start (const #t))))"
    )
    return files


ROW = re.compile(r"\(([^() ]+) (\w+) (#[tf]) (#[tf]) \(([^()]*)\)\)")

Outcome = dict[str, str]


def _run(chroot: Path, pair: Pair) -> Outcome:
    """What all examples leave: the content of every file, by example and name."""
    examples = [e for e in manual.examples(chroot) if e.name not in NOT_PROGRAMS]
    programs = {f"programs/{n}": f"#!/bin/sh\n{t}\n".encode() for n, t in PROGRAMS.items()}
    result = sandbox.run(
        chroot,
        RUN_ALL,
        work=_files(examples),
        cover=runner.covers(pair),
        opt=programs | (runner.drover_tree(chroot) if pair == DROVER else {}),
        collect=["tmp/examples"],
    )
    return {
        path.removeprefix("tmp/examples/"): content.decode(errors="replace")
        for path, content in result.files.items()
    }


@pytest.fixture(scope="module")
def outcomes(shepherd_chroot: Path) -> tuple[Outcome, Outcome]:
    """What the GNU Shepherd and drover make of the examples."""
    try:
        # They wait most of the time.
        with ThreadPoolExecutor(2) as pool:
            real, ours = pool.map(_run, (shepherd_chroot, shepherd_chroot), (GNU, DROVER))
        return real, ours
    except sandbox.SandboxUnavailable as unavailable:
        pytest.skip(str(unavailable))


# Between the logs of the two daemons, besides what `docs/compatibility.md` says: how values print
# that only the host language knows, and a warning of Guile's.
LOG_DIFFERENCES = [
    (r"^DATE WARNING: Use of `load' in declarative module.*\n", ""),
    (r"#<(?:procedure rotation \(\)|rotation [0-9a-f]+)> (?:ADDRESS|[0-9a-f]+)", "ROTATION"),
    (r"#<<channel> .*>(?=\.$)|#<monitor>", "MONITOR"),
    (r"#<system-log [0-9a-f]+>", "SYSTEM-LOG"),
    # error-position
    (r'(?<=")/tmp/examples/[^":]+:\d+:\d+: ', ""),
    (r"(?<=^DATE )/tmp/examples/[^\":]+:\d+:\d+: ", ""),
    # socket-directory: it is tried, in a directory that belongs to root
    (r'\(system-error "chmod" "~A" \("Operation not permitted"\) \(1\)\)', "REFUSED"),
    (r'\(system-error "bind" "~A" \("Permission denied"\) \(13\)\)', "REFUSED"),
]

EXAMPLES = [
    "Defining-Services-1",
    "Legacy-GOOPS-Interface-3",
    "Legacy-GOOPS-Interface-4",
    "Log-Rotation-Service-1",
    "Managing-User-Services-1",
    "Managing-User-Services-2",
    "Monitoring-Service-1",
    "REPL-Service-1",
    *(f"Service-Examples-{n}" for n in range(1, 7)),
    "System-Log-Service-1",
    "System-Log-Service-2",
    "Timer-Service-1",
    "Timers-1",
    "Timers-2",
    "Transient-Service-Maker-1",
]


def test_every_example_of_the_manual_is_in_the_list(shepherd_chroot: Path) -> None:
    names = [example.name for example in manual.examples(shepherd_chroot)]
    assert sorted(names) == sorted(EXAMPLES + NOT_PROGRAMS)


def _shown(outcome: Outcome, example: str) -> Outcome:
    """The files that say what an example did, with what may differ taken out."""
    mine = {
        path.removeprefix(f"{example}/"): normalise(text)
        for path, text in outcome.items()
        if path.startswith(f"{example}/")
    }
    shown = {name: text for name, text in mine.items() if name.startswith("status")}
    shown["stderr"] = mine["stderr"].strip()
    shown["services"] = "\n".join(sorted(map(" ".join, ROW.findall(mine["table"]))))
    shown["log"] = _log(outcome[f"{example}/log-before"])
    return shown


def _log(text: str) -> str:
    """The lines of a log, in one order: what is done at the same time is logged in any."""
    # The real one cuts its own lines as it cuts those of services.
    text = re.sub(r"^(.{20}.{512})\n.{20}", r"\1", text, flags=re.M)
    text = normalise(text)
    for pattern, replacement in LOG_DIFFERENCES:
        text = re.sub(pattern, replacement, text, flags=re.M)
    return "\n".join(sorted(text.splitlines()))


@pytest.mark.parametrize("example", EXAMPLES)
def test_example_of_the_manual_does_what_it_does_in_the_real_one(
    example: str, outcomes: tuple[Outcome, Outcome]
) -> None:
    real, ours = outcomes
    assert _shown(ours, example) == _shown(real, example)


AWESOMEADAM = "usr/share/doc/shepherd/examples/awesomeadam.scm"
SETTLE = """
cd /tmp
shepherd -I -s /tmp/sock -c /tmp/init.scm -l /tmp/log --pid=/tmp/pid >/tmp/stdout 2>/tmp/stderr &
before=none
for try in $(seq 30); do
    sleep 1.5
    table=$(herd -s /tmp/sock eval root "$(cat /tmp/table)" 2>&1 | tail -n 1)
    [ "$table" != "$before" ] || break
    before=$table
done
echo "$table"
herd -s /tmp/sock stop root
"""

# What the file names is not installed.  With these changes everything is there, and fails at once.
PRESENT = [
    ("(make-forkexec-constructor '(", '(make-forkexec-constructor \'("/bin/false" '),
    ('#:user "adam" #:group "adam" #:directory "/home/adam/Downloads/yacy"', ""),
    ('#:user "adam" #:group "audio"', ""),
    ('#:user "colord"', ""),
]


def _awesomeadam(chroot: Path, pair: Pair, changes: list[tuple[str, str]]) -> list[tuple[str, ...]]:
    """Name, status, whether enabled, whether one-shot, and requirement of each service."""
    text = (chroot / AWESOMEADAM).read_text()
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    try:
        result = sandbox.run(
            chroot,
            SETTLE,
            work={"init.scm": text.encode(), "table": TABLE.encode()},
            cover=runner.covers(pair),
            opt=runner.drover_tree(chroot) if pair == DROVER else None,
        )
    except sandbox.SandboxUnavailable as unavailable:
        pytest.skip(str(unavailable))
    return [row for row in ROW.findall(result.stdout) if row[0] != "root"]


@pytest.mark.parametrize("pair", [GNU, DROVER], ids=str)
@pytest.mark.parametrize("changes", [[], PRESENT], ids=["nothing-installed", "everything-fails"])
def test_awesomeadam_ends_with_all_services_stopped_and_one_shots_done(
    changes: list[tuple[str, str]], pair: Pair, shepherd_chroot: Path
) -> None:
    rows = _awesomeadam(shepherd_chroot, pair, changes)
    ends = Counter((status, one_shot) for _, status, _, one_shot, _ in rows)
    assert ends == {("stopped", "#f"): 26, ("stopped", "#t"): 23}


@pytest.mark.parametrize("pair", [GNU, DROVER], ids=str)
def test_awesomeadam_ends_with_independent_services_disabled_after_respawns(
    pair: Pair, shepherd_chroot: Path
) -> None:
    rows = _awesomeadam(shepherd_chroot, pair, PRESENT)
    # Those that require dbus stop with it, or after respawns of their own: that is a race.
    independent = [row for row in rows if row[3] == "#f" and row[4] == ""]
    assert len(independent) == 13
    assert {enabled for _, _, enabled, _, _ in independent} == {"#f"}
