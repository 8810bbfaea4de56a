"""A soak: operations one after the other, a look at everything in between, and what it comes to.

Every `LOOK` operations all faults are lifted, what is under way may finish, and the invariants must
hold.  Every `SAMPLE` operations the daemon is moreover brought to the state that it began with: all
base services must start again, nothing else is left, every line is in its log, and what the daemon
takes in memory and descriptors is noted.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from random import Random

from tests.system.live import Reply, command, eventually, receive
from tests.system.soak import operations, restoring, scheduled, watching
from tests.system.soak.arena import Arena, arena
from tests.system.soak.catalogue import BASE, MAKERS, Definition
from tests.system.soak.clients import Crowd, Pending
from tests.system.soak.figures import Result
from tests.system.soak.invariants import Invariants, bad_lines
from tests.system.soak.logs import Logs
from tests.system.soak.trend import Sample

LOOK = 60
SAMPLE = 300
# Operations between two images of the daemon; memory is compared within one.
REEXECUTE = 25_000
# Seconds that a request may wait for its answer, and what is under way for its end.
_BOUND = 30.0
# Seconds after which a request is taken to wait for a process that was suspended.
_LONG = 1.0
# Seconds within which the control socket answers a plain question while nothing is taken away.
PING_BOUND = 5.0


class Broken(Exception):
    """An invariant does not hold; the message says which, and after how many operations."""


class Soak:
    """One soak in an arena; operations use it, `run` drives it."""

    def __init__(self, place: Arena, seed: int, keep: Path, image: int) -> None:
        self.arena = place
        self._image = image
        self.random = Random(seed)
        self.result = Result(seed)
        self.keep = keep
        self.versions = itertools.count(1)
        self.definitions: dict[str, Definition] = {one.mark: one for one in BASE}
        self.known: set[str] = set()
        self.looked = Invariants(place, self.definitions)
        self.crowd = Crowd(place.daemon)
        self.logs = Logs(place.disk, place.place / "journal")
        self.suspended: set[int] = set()
        self.operations = 0
        self.fault_ends = 0
        # The latest operation whose client did not stay for the answer.
        self.unattended = -LOOK
        self._pending: list[Pending] = []
        self._disk_was_full = False
        self._taken_over = 0
        self._trace = (keep / "operations.jsonl").open("w")
        self._log = (keep / "daemon.log").open("w")
        self._began = time.monotonic()

    # What operations use

    def fail(self, reason: str) -> None:
        """An invariant does not hold."""
        raise Broken(f"seed {self.result.seed}, after {self.operations} operations: {reason}")

    def ask(self, action: str, service: str, *arguments: object, wait: bool = True) -> None:
        """Send a request; without `wait` its answer is collected later."""
        what = f"{action} {service}"
        strict = "descriptors" not in self.arena.faults
        try:
            pending = Pending(self.arena.daemon, what, command(action, service, *arguments), strict)
        except OSError as error:
            self.fail(f"cannot connect to the control socket: {error}")
        self._pending.append(pending)
        deadline = time.monotonic() + _BOUND
        while wait and pending in self._pending:
            self._collect()
            if pending in self._pending:
                # Answers that take long are those of programs; others are there at once.
                time.sleep(0.001)
            if self.suspended and time.monotonic() > deadline - _BOUND + _LONG:
                self.resume()  # it may wait for one of those
            if time.monotonic() > deadline:
                self.fail(f"'{what}' was not answered within {_BOUND:g} seconds")

    @property
    def busy(self) -> bool:
        """Whether requests are under way, or may be: those whose client did not stay."""
        return bool(self._pending) or self.operations - self.unattended < LOOK

    def _collect(self) -> None:
        for pending in list(self._pending):
            if pending.finished():
                self._pending.remove(pending)
                if pending.reply() is None and pending.strict:
                    self.fail(f"'{pending.what}' was not answered, the connection was closed")
            elif time.monotonic() - pending.since > _BOUND:
                self.fail(f"'{pending.what}' was not answered within {_BOUND:g} seconds")

    def resume(self) -> None:
        """Let suspended processes go on."""
        for pid in self.suspended:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        self.suspended.clear()

    def reexecute(self, how: str) -> str:
        """Have the daemon replace itself; returns what came of it."""
        # What was replaced and goes on has the definition of its replacement from now on.
        newest = {one.name: one.mark for one in self.definitions.values()}
        self.looked.outdated = set(self.definitions) - set(newest.values())
        if how == "break":
            os.kill(self.arena.daemon.pid, signal.SIGUSR2)
        else:
            self.ask("reexec", "root")
        # Clients wait in the kernel's queue meanwhile.
        self.ask("status", "root")
        self.result.images += 1
        return how

    # The run

    def run(self, seconds: float, most: int | None) -> Result:
        """Carry out operations for so many seconds, or so many; raises Broken."""
        self.begin()
        while time.monotonic() - self._began < seconds and self.operations != most:
            self.step()
        self.sample()
        self.end()
        self.result.seconds = time.monotonic() - self._began
        return self.result

    def begin(self) -> None:
        """Wait until the base runs."""
        self.arena.daemon.wait_log("in the background")
        self.sample()

    def step(self) -> None:
        """One operation, and what is due after it."""
        self.operations += 1
        number = self.operations
        if self.arena.faults and number >= self.fault_ends:
            self._lift()
        operation = scheduled.choose(self, self._image) or operations.choose(self.random)
        self._perform(operation)
        if number % 20 == 0:
            self.ping()
        self._collect()
        if number % SAMPLE == 0:
            self.sample()
        elif number % LOOK == 0:
            self.look()

    def _perform(self, operation: operations.Operation) -> None:
        name = operation.__name__
        entry = {"number": self.operations, "time": round(time.monotonic() - self._began, 3)}
        began = time.monotonic()
        outcome = "failed"
        try:
            outcome = operation(self, self.random)
        finally:
            took = round(time.monotonic() - began, 4)
            json.dump({**entry, "operation": name, "what": outcome, "took": took}, self._trace)
            self._trace.write("\n")
            self._trace.flush()
        self.result.operations[name] += 1
        if name == "fault":
            self.result.faults[outcome.partition(",")[0]] += 1
            self._disk_was_full |= "disk" in self.arena.faults
            if "processes" in self.arena.faults:
                # A program that cannot have children ends, perhaps without those that it has.
                names = {one.name for one in self.definitions.values()}
                self.looked.fallen |= names
                self.looked.bereft |= names

    def _lift(self) -> None:
        for fault in list(self.arena.faults):
            self.arena.lift(fault)

    # Looking

    def ping(self) -> None:
        """The control socket answers, and soon."""
        began = time.monotonic()
        data = self.arena.daemon.exchange(command("status", "base-value"), _BOUND)
        took = time.monotonic() - began
        if not data and "descriptors" not in self.arena.faults:
            self.fail("a question was not answered")
        if not self.arena.faults:
            self.result.pings.append(took)
            if took > PING_BOUND:
                self.fail(f"the control socket answered after {took:.1f} seconds")

    def settle(self) -> None:
        """Give back what was taken away, and let what is under way come to its end."""
        self._lift()
        self.resume()
        deadline = time.monotonic() + _BOUND
        while self._pending and time.monotonic() < deadline:
            self._collect()
            time.sleep(0.002)
        if self._pending:
            self.fail(f"not answered: {[pending.what for pending in self._pending]}")

    def look(self) -> None:
        """All invariants hold, at the latest when what is under way has ended."""
        self.settle()
        self.unattended = -LOOK
        self.result.looks += 1
        deadline = time.monotonic() + _BOUND
        while broken := self.looked.broken():
            if time.monotonic() > deadline:
                self.fail("; ".join(broken))
            time.sleep(0.05)

    def sample(self) -> None:
        """Bring the daemon to the state that it began with; note what it takes."""
        self.look()
        self.ping()
        restoring.restore(self)
        self.look()
        restoring.check_services(self)
        self._check_logs()
        restoring.check_timer(self)
        self._note()
        # Not after each look: /proc may leave out a process that comes or goes just then.
        self.looked.bereft.clear()

    def demand(self, action: str, service: str, *arguments: object) -> Reply:
        """A request that must be answered."""
        with self.arena.daemon.connect() as client:
            client.sendall(command(action, service, *arguments))
            data = receive(client)
        if not data:
            self.fail(f"'{action} {service}' was not answered")
        return Reply(data)

    def _check_logs(self) -> None:
        """Everything that was printed is in a log, and nothing there tells of a defect."""
        deadline = time.monotonic() + _BOUND
        own = self._read_log()
        while missing := self.logs.missing():
            if self._disk_was_full:
                self.logs.forget()
                break
            if time.monotonic() > deadline:
                self.fail(f"{len(missing)} lines are in no log, such as {missing[0]!r}")
            time.sleep(0.05)
            own += self._read_log()
        if bad := bad_lines(own):
            self.fail(f"in the log of the daemon: {bad[0]}")
        # A loop that breaks too soon after it broke before goes on in the same image.
        self._taken_over += own.count("Took over") + own.count("Going on in the same process.")
        if self._taken_over > self.result.images - 1:
            self.fail("the daemon has replaced itself, and nobody asked for it")
        if self._taken_over < self.result.images - 1 and not self._disk_was_full:
            self.fail("the daemon has not replaced itself")
        self._taken_over = self.result.images - 1
        self._disk_was_full = False

    def _read_log(self) -> str:
        own = self.logs.read()
        self._log.write(own)
        return own

    def _note(self) -> None:
        found = dict(watching.memory(self.arena.daemon.pid).__dict__)
        found["blocks"] = self.arena.blocks()
        for what, figure in found.items():
            self.result.samples.setdefault(what, []).append(
                Sample(self.result.images, self.operations, figure)
            )
        entry = {"number": self.operations, "sample": found, "image": self.result.images}
        json.dump(entry, self._trace)
        self._trace.write("\n")

    def end(self) -> None:
        """Stop the daemon: everybody ends before it, and it leaves no file of its own."""
        arena, daemon = self.arena, self.arena.daemon
        self.result.lines, self.result.lost = self.logs.lines, self.logs.lost
        ticks = os.sysconf("SC_CLK_TCK")
        times = Path(f"/proc/{daemon.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        self.result.cpu = sum(map(int, times)) / ticks
        for name in [one.name for one in reversed(BASE)] + list(MAKERS):
            self.demand("stop", name)

        def alone() -> bool:
            return len(watching.processes(daemon.pid)) == 1

        eventually(alone, what="no process is left but the daemon")
        if left := watching.listening(arena.sockets):
            self.fail(f"still listening: {left}")
        pid = daemon.pid
        how = self.random.choice((signal.SIGTERM, signal.SIGINT, signal.SIGHUP, None))
        if how is None:
            daemon.exchange(command("stop", "root"))
        else:
            os.kill(pid, how)
        status = daemon.wait_end()
        if status != -signal.SIGHUP:
            self.fail(f"the daemon ended with status {status}")
        for path in (daemon.socket, arena.place / "pid"):
            if path.exists():
                self.fail(f"{path.name} is left")
        if list((arena.place / "tmp").iterdir()):
            self.fail("temporary files are left")
        self._trace.close()
        self._log.close()


def soak(
    seed: int,
    keep: Path,
    seconds: float = float("inf"),
    most: int | None = None,
    image: int = REEXECUTE,
) -> Result:
    """Run a soak, leaving the list of operations and the daemon's log in `keep`; raises Broken.

    It ends after so many seconds, or `most` operations; the daemon is replaced by a fresh image of
    itself about every `image` operations.
    """
    keep.mkdir(parents=True, exist_ok=True)
    with arena(keep, control_groups=seed % 2 == 0) as place:
        running = Soak(place, seed, keep, image)
        try:
            return running.run(seconds, most)
        except AssertionError as error:
            running.fail(str(error))
            raise
        finally:
            with suppress(OSError, ValueError):
                running._read_log()
