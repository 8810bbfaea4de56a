"""A real daemon in a process of its own, with a configuration, for the tests of the whole system.

Nothing is replaced: the program is started as a user starts it, and talked to on its socket.  A
test that has to break something on purpose gives a few lines of Python, `hook`, which run before
`main` of the real program.
"""

from __future__ import annotations

import functools
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pid1.launchers import site_directories
from pid1.sexp import Symbol, write
from pid1.sexp_reader import read

ROOT = Path(__file__).resolve().parents[2]
# Seconds after which something that ought to happen is taken not to happen.
PATIENCE = 30.0

_MAIN = """\
import sys
sys.path[:0] = {path!r}
{hook}
from boot.shepherd import main
main()
"""


@functools.cache
def import_path() -> list[str]:
    """Where the daemon finds its modules."""
    return [str(ROOT), *site_directories()]


@functools.cache
def namespace_refusal() -> str | None:
    """Why this machine does not let us make a PID namespace; None where it does."""
    try:
        # The interpreter itself: it may be out of reach in there.
        done = subprocess.run(
            [*namespace_command(), sys.executable, "-I", "-S", "-c", ""],
            capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
    except OSError as error:
        return str(error)
    return done.stderr.strip() or "unshare failed" if done.returncode else None


def namespace_command() -> list[str]:
    """The command that makes its operand PID 1."""
    command = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
    return command if os.geteuid() == 0 else [*command, "--user", "--map-root-user"]


def eventually(condition: Callable[[], object], seconds: float = PATIENCE, what: str = "") -> Any:
    """Return the first true value of `condition`; fails when there is none within `seconds`."""
    deadline = time.monotonic() + seconds
    pause = 0.002
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"did not happen within {seconds:g} s: {what}"
        time.sleep(pause)
        pause = min(pause * 1.5, 0.05)


class Reply:
    """What the daemon answered; `result` and `error` are wire data."""

    def __init__(self, data: bytes) -> None:
        assert data, "the daemon closed the connection without an answer"
        reply: Any = read(data)
        assert reply[0] is Symbol("reply")
        self.result, self.error, self.messages = (part[1] for part in reply[2:])

    def __repr__(self) -> str:
        return f"Reply({write(self.result)}, {write(self.error)}, {self.messages})"


def command(action: str, service: str = "root", *arguments: object) -> bytes:
    """A request as `herd` sends it."""
    return write(
        [
            Symbol("shepherd-command"),
            [Symbol("version"), 0],
            [Symbol("action"), Symbol(action)],
            [Symbol("service"), Symbol(service)],
            [Symbol("arguments"), list(arguments)],
            [Symbol("directory"), "/"],
        ]
    ).encode()


class LiveDaemon:
    """One daemon, its directory, and how to talk to it."""

    def __init__(self, directory: Path, process: subprocess.Popen[bytes], namespace: bool) -> None:
        self.directory = directory
        self.process = process
        self.namespace = namespace
        self.socket = directory / "socket"
        self.log_file = directory / "log"
        # For a test to remember what must not change.
        self.first_pid: int | None = None

    @functools.cached_property
    def pid(self) -> int:
        """The daemon's number as this process sees it."""
        if not self.namespace:
            return self.process.pid
        pid: int
        (pid,) = eventually(lambda: children(self.process.pid), what="unshare started the daemon")
        return pid

    def connect(self, timeout: float = PATIENCE) -> socket.socket:
        """A connection to the control socket."""
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(timeout)
        try:
            client.connect(str(self.socket))
        except BaseException:
            client.close()
            raise
        return client

    def exchange(self, data: bytes, timeout: float = PATIENCE) -> bytes:
        """Send raw bytes, end sending, and return what comes until the daemon closes."""
        with self.connect(timeout) as client:
            with suppress(BrokenPipeError, ConnectionResetError):
                client.sendall(data)
                client.shutdown(socket.SHUT_WR)
            return receive(client)

    def request(self, action: str, service: str = "root", *arguments: object) -> Reply:
        """Carry out a command as `herd` does: the connection stays open both ways."""
        with self.connect() as client:
            client.sendall(command(action, service, *arguments))
            return Reply(receive(client))

    def exchange_quietly(self, action: str, service: str = "root", *arguments: object) -> bytes:
        """Carry out a command that may end the daemon before it answers."""
        return self.exchange(command(action, service, *arguments))

    def status(self, service: str) -> dict[str, Any]:
        """The properties of one service."""
        if service == "root":
            # Its own action of that name shows all services.
            return self.all_services()["root"]
        reply = self.request("status", service)
        assert reply.result, reply
        return properties(reply.result[0])

    def all_services(self) -> dict[str, dict[str, Any]]:
        """The properties of every service, by canonical name."""
        (found,) = self.request("status").result
        return {one["provides"][0].name: one for one in map(properties, found)}

    def main_pid(self, service: str) -> int | None:
        """The PID of a running service, as the daemon sees it."""
        return main_pid(self.status(service))

    def log(self) -> str:
        """The daemon's log so far."""
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def wait_log(self, text: str, count: int = 1, seconds: float = PATIENCE) -> None:
        """Wait until `text` stands in the log `count` times."""
        eventually(lambda: self.log().count(text) >= count, seconds, f"{text!r} in the log")

    def reexecute(self) -> None:
        """Re-execute it, and wait until the new image serves."""
        before = self.log().count("Took over")
        reply = self.request("reexec")
        assert reply.result, reply
        self.wait_log("Took over", before + 1)

    def wait_status(self, service: str, status: str) -> dict[str, Any]:
        """Wait until the service has the status; return its properties."""

        def reached() -> dict[str, Any] | None:
            found = self.status(service)
            return found if found["status"].name == status else None

        found: dict[str, Any] = eventually(reached, what=f"{service} is {status}")
        return found

    def wait_ready(self) -> None:
        """Wait until the configuration is loaded; fails at once if the daemon ends."""

        def ready() -> bool:
            assert self.process.poll() is None, f"the daemon ended: {self.errors()}\n{self.log()}"
            log = self.log()
            return "onfiguration successfully loaded" in log or "configuration file" in log

        eventually(ready, what="the configuration is loaded")

    def errors(self) -> str:
        """What was written to standard error."""
        return (self.directory / "stderr").read_text(errors="replace")

    def alive(self) -> bool:
        """Whether the daemon runs and answers."""
        return self.process.poll() is None and self.status("root")["status"].name == "running"

    def wait_end(self, seconds: float = PATIENCE) -> int:
        """Wait until the daemon ends; return the exit status, minus the signal if one killed it."""
        return self.process.wait(seconds)

    def zombies(self) -> list[int]:
        """The daemon's children that are dead and not yet waited for."""
        return [pid for pid in children(self.pid) if process_state(pid) == "Z"]


def receive(client: socket.socket) -> bytes:
    """Everything until the other end closes; a reset counts as that."""
    chunks = []
    with suppress(ConnectionResetError):
        while chunk := client.recv(65536):
            chunks.append(chunk)
    return b"".join(chunks)


def properties(service: Any) -> dict[str, Any]:
    """The properties of a service in a reply."""
    return {item[0].name: item[1] if len(item) == 2 else item[1:] for item in service[1:]}


def main_pid(found: Mapping[str, Any]) -> int | None:
    """The PID among the properties of a service."""
    running = found["running"]
    if isinstance(running, list) and running and running[0] is Symbol("process"):
        return int(properties(running)["id"])
    return None


def children(pid: int) -> list[int]:
    """The numbers of a process's children, dead ones too."""
    found: list[int] = []
    with suppress(FileNotFoundError, ProcessLookupError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (thread / "children").read_text().split())
    return found


def process_state(pid: int) -> str | None:
    """The letter of a process's state, None without such a process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return None


@contextmanager
def live_daemon(
    configuration: str,
    *,
    options: Sequence[str] = (),
    namespace: bool = False,
    hook: str = "",
    environment: Mapping[str, str] | None = None,
    prefix: Sequence[str] = (),
    ready: bool = True,
    user: int | None = None,
    standard: bool = True,
) -> Iterator[LiveDaemon]:
    """Run a daemon; at the end it and everything that it started are killed.

    `prefix` is a command that starts its operands; `user` is the number of an ordinary user.  With
    `standard` the options for socket, log and configuration are given.  `@DIR@` in the
    configuration is the directory.
    """
    # Not pytest's: the name of a socket may have 107 bytes only.
    directory = Path(tempfile.mkdtemp(prefix="drover-live-"))
    (directory / "config.scm").write_text(configuration.replace("@DIR@", str(directory)))
    (directory / "shepherd").write_text(_MAIN.format(path=import_path(), hook=hook))
    arguments = [sys.executable, "-I", "-S", str(directory / "shepherd")]
    if standard:
        arguments += ["-I", "-S", "-s", str(directory / "socket"), "-l", str(directory / "log")]
        arguments += ["-c", str(directory / "config.scm")]
    variables = {"PATH": os.environ["PATH"], "HOME": str(directory), "LC_ALL": "C.UTF-8"}
    if user is not None:
        os.chown(directory, user, user)
        # It may read files, lest the interpreter or this copy of drover are out of its reach.
        prefix = [
            "setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups",
            "--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search", *prefix,
        ]  # fmt: skip
    with open(directory / "stderr", "wb") as errors, open(directory / "stdout", "wb") as output:  # noqa: PTH123
        process = subprocess.Popen(
            [*(namespace_command() if namespace else ()), *prefix, *arguments, *options],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            env={**variables, **(environment or {})},
            cwd=directory,
        )
    daemon = LiveDaemon(directory, process, namespace)
    try:
        if ready:
            daemon.wait_ready()
        yield daemon
    finally:
        _kill_all(process)
        shutil.rmtree(directory, ignore_errors=True)


def _kill_all(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and its descendants, the daemon first so that it starts nothing again."""
    if process.poll() is None:
        process.send_signal(signal.SIGSTOP)
    found = [process.pid]
    for pid in found:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGSTOP)
        found += children(pid)
    for pid in found:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    process.wait()


__all__ = [
    "LiveDaemon", "Reply", "children", "command", "eventually", "import_path", "live_daemon",
    "main_pid", "namespace_refusal", "process_state", "properties", "receive",
]  # fmt: skip
