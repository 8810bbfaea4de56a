"""Run a recorded session in a sandbox, with the GNU or drover's daemon and client."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import sandbox
import sexpdata

from pid1.launchers import write_launchers

from .capture import Capture, parse

ROOT = Path(__file__).resolve().parents[3]
SCRIPTS = ROOT / "tests/data/sessions"
RECORDINGS = ROOT / "tests/data/wire"

# Where the chroot has the modules that are not Python's own.
SITE = ["/usr/lib/python3/dist-packages"]

# Where each script tells `cap.py` to put what it records.
OUTPUT = {"basic": "tmp/wire", "kinds": "tmp/wire2", "syslog": "tmp/wire5", "edge": "tmp/wire6"}

# The sessions that were recorded as root.
AS_ROOT = {"syslog"}

# The time of day decides when timers tick: a session begins one second before a multiple of ten.
_PROLOGUE = """
until [ $(($(date +%s) % 10)) = 9 ]; do sleep 0.02; done
start=$(date +%s)
at() { python3 -I -S -c "import time; time.sleep(max(0, $start + $1 - time.time()))"; }
mkdir -p /tmp/wire /tmp/wire2 /tmp/wire5 /tmp/wire6
# Only root could write there.
[ $UID != 0 ] || mount -t tmpfs drover /var/log
. /tmp/session.sh
"""


@dataclass(frozen=True)
class Pair:
    """Which programs take part: each is "gnu" or "drover"."""

    daemon: str
    client: str

    def __str__(self) -> str:
        return f"{self.daemon}-daemon+{self.client}-herd"


@dataclass(frozen=True)
class Session:
    """What a session left behind."""

    captures: dict[str, Capture]
    terminals: dict[str, str]
    log: str
    stdout: str
    stderr: str


def recorded(name: str) -> Session:
    """The recordings of session `name`, made with the GNU Shepherd 1.0.9."""
    files = {
        path.name.removeprefix(f"{name}-"): path.read_bytes()
        for path in sorted(RECORDINGS.glob(f"{name}-*.txt"))
    }
    return _session(files, log="", stdout="", stderr="")


def run(chroot: Path, name: str, pair: Pair) -> Session:
    """Run session `name`; takes as long as the real one, up to half a minute.

    Raises SandboxUnavailable where namespaces cannot be made.
    """
    result = sandbox.run(
        chroot,
        _PROLOGUE,
        work={
            "cap.py": (SCRIPTS / "cap.py").read_bytes(),
            "session.sh": (SCRIPTS / f"{name}.sh").read_bytes(),
        },
        cover=covers(pair),
        opt=drover_tree(chroot) if "drover" in (pair.daemon, pair.client) else None,
        collect=[OUTPUT[name], "tmp/log"],
        uid=0 if name in AS_ROOT else 1000,
        timeout=40,
    )
    prefix = OUTPUT[name] + "/"
    files = {path.removeprefix(prefix): content for path, content in result.files.items()}
    log = files.pop("tmp/log", b"").decode(errors="replace")
    return _session(files, log, result.stdout, result.stderr)


def covers(pair: Pair) -> dict[str, bytes]:
    """The files of the chroot to hide, so that the programs of `pair` are the ones that run."""
    chosen = {"shepherd": pair.daemon, "herd": pair.client}
    with tempfile.TemporaryDirectory() as directory:
        written = write_launchers(Path(directory), "/usr/bin/python3", Path("/opt/drover"), SITE)
        launchers = {path.name: path.read_bytes() for path in written}
    return {
        f"usr/bin/{program}": launchers[program]
        for program, whose in chosen.items()
        if whose == "drover"
    }


@cache
def drover_tree(chroot: Path) -> dict[str, bytes]:
    """drover and what it imports, as files below /opt, compiled by the chroot's Python."""
    sources = [
        path
        for room in ("hurd", "pid1", "services", "boot")
        for path in sorted((ROOT / room).rglob("*"))
        if path.suffix in (".py", ".scm") and path.is_file()
    ]
    tree = {f"drover/{path.relative_to(ROOT)}": path.read_bytes() for path in sources}
    tree["drover/sexpdata.py"] = Path(sexpdata.__file__).read_bytes()
    compiled = sandbox.run(
        chroot,
        "cd /opt && python3 -I -S -m compileall -q --invalidation-mode unchecked-hash drover",
        opt=tree,
        collect=["opt/drover"],
        uid=0,
    )
    if compiled.status != 0:
        raise RuntimeError(f"Python of the chroot cannot compile drover: {compiled.stdout}")
    return {path.removeprefix("opt/"): content for path, content in compiled.files.items()}


def _session(files: dict[str, bytes], log: str, stdout: str, stderr: str) -> Session:
    names = {path.removesuffix(".txt"): content for path, content in files.items()}
    return Session(
        {name: parse(content) for name, content in names.items() if not name.startswith("tty-")},
        {name: content.decode() for name, content in names.items() if name.startswith("tty-")},
        log,
        stdout,
        stderr,
    )
