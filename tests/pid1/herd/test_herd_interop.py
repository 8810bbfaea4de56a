"""Our herd and the GNU herd, side by side, in front of the GNU shepherd."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.interop

CONFIGURATION = r"""
(use-modules (shepherd service timer))
(register-services
 (list (service '(foo fu) #:documentation "Foo!" #:start (const 'abc) #:stop (const #f)
                #:actions (actions (hi "Say hi." (lambda (running . args)
                                                   (format #t "args: ~s~%" args) #t))
                                   (no "Fail." (const #f))
                                   (boom "Throw." (lambda _ (throw 'my-key 1 "two" 'three)))))
       (service '(sleeper) #:requirement '(foo) #:respawn? #t
                #:start (make-forkexec-constructor '("sh" "-c" "echo \"a\\b\" wörld; sleep 1000"))
                #:stop (make-kill-destructor))
       (service '(once) #:one-shot? #t #:start (const #t))
       (service '(oops) #:start (lambda _ (mkdir "/no/such/place")))
       (service '(tick) #:start (make-timer-constructor (calendar-event #:hours '(3) #:minutes '(0))
                                                        (command '("echo" "it's time")))
                #:stop (make-timer-destructor))
       (service '(inet) #:start (make-inetd-constructor
                                 '("cat") (list (endpoint (make-socket-address AF_INET
                                                           INADDR_LOOPBACK 45551))))
                #:stop (make-inetd-destructor))
       (service (list (string->symbol "odd failure")) #:start (const #f))
       (service (list (string->symbol "odd name")) #:start (const "x\ty"))))
(for-each (lambda (name) (start-service (lookup-service name)))
          (list 'sleeper 'once 'tick 'inet (string->symbol "odd name")))
"""

COMMANDS = [
    ["status"], ["status", "root"], ["status", "foo"], ["status", "fu"], ["status", "sleeper"],
    ["status", "tick"], ["status", "inet"], ["status", "once"], ["status", "odd name"],
    ["status", "root", "-n", "2"], ["status", "root", "-n", "0"], ["status", "nothere"],
    ["status", "foo", "extra"], ["detailed-status"], ["log"], ["graph"], ["help"], ["doc", "foo"],
    ["doc", "foo", "list-actions"], ["doc", "foo", "action", "zork"],
    ["hi", "foo", "a", "-E", "B=1"], ["start", "odd failure"], ["odd name", "status"],
    ["hi", "foo", "--", "-x", "wörld \\ \"q\"\n"], ["no", "foo"], ["boom", "foo"],
    ["foo", "status"],
    ["root", "halt"], ["start", "oops"], ["start", "foo"], ["start", "nothere"], ["bad", "foo"],
    ["eval", "root", "(list 1 2.5 1/3 'a \"b\\n\" #\\c #:k '(1 . 2) '(1 2 . 3) (vector 1))"],
    ["eval", "root", "(car '())"], ["eval", "root", "(let ((x 1) y) x)"], ["eval", "root", "x"],
    ["eval", "root", "(service '(x) #:bogus 1)"],
    ["eval", "root", "(error \"a ~a\" 'b \"c\" #\\d)"],
    ["eval", "root", "(expt 2 100)"], ["eval", "root", "(string->symbol \"a b\")"],
    ["eval", "root", "(throw 'system-error \"f\" \"~A ~S\" '(\"x\" \"y\") '(2))"],
    ["load", "root", "/does/not/exist"], ["stop", "nothere"], [], ["start"], ["--s"], ["-q"],
    ["-n", "zork", "status"], ["-n"],
]  # fmt: skip


class Pair:
    """A GNU shepherd in a chroot, and both clients."""

    def __init__(self, root: Path, inside: Path, programs: Path) -> None:
        self.root = root
        self.inside = inside
        self.programs = programs
        self.environment = {
            "PATH": "/usr/bin:/bin:/usr/sbin:/sbin",
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
        }

    def gnu(self, *arguments: str) -> tuple[int, str, str]:
        command = ["chroot", str(self.root), "/usr/bin/herd", "-s", f"{self.inside}/socket"]
        return self._run(command, *arguments)

    def ours(self, *arguments: str) -> tuple[int, str, str]:
        outside = f"{self.root}{self.inside}/socket"
        return self._run([str(self.programs / "herd"), "-s", outside], *arguments)

    def _run(self, command: list[str], *arguments: str) -> tuple[int, str, str]:
        done = subprocess.run(
            [*command, *arguments], capture_output=True, text=True, timeout=60, env=self.environment
        )
        # The garbage collector complains where /proc is not mounted.
        err = "".join(
            line for line in done.stderr.splitlines(True) if not line.startswith("GC Warning")
        )
        return done.returncode, _steady(done.stdout), _steady(err)


def _steady(text: str) -> str:
    """Output without what changes between two runs: distances in time and addresses."""
    text = re.sub(r"\((in )?\d+ \w+( ago)?\)", "(then)", text)
    return re.sub(r"#<procedure [0-9a-f]{6,}", "#<procedure ADDRESS", text)


@pytest.fixture(scope="module")
def pair(shepherd_chroot: Path, programs: Path) -> Iterator[Pair]:
    if os.geteuid() != 0:
        pytest.skip("only root can change the root directory")
    outside = Path(tempfile.mkdtemp(prefix="herd-", dir=shepherd_chroot / "tmp"))
    inside = Path("/") / outside.relative_to(shepherd_chroot)
    (outside / "c.scm").write_text(CONFIGURATION, encoding="utf-8")
    both = Pair(shepherd_chroot, inside, programs)
    daemon = subprocess.Popen(
        ["chroot", shepherd_chroot, "/usr/bin/shepherd", "-s", inside / "socket",
         "-c", inside / "c.scm", "-l", inside / "log"],
        env=both.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _await_silence(outside / "log")
        yield both
        assert both.ours("stop", "root") == (0, "", "")
        assert daemon.wait(30) == 0
    finally:
        daemon.kill()
        daemon.wait()
        shutil.rmtree(outside)


def _await_silence(log: Path) -> None:
    """Wait for the configuration, and for a service that cannot run to be given up."""
    deadline = time.monotonic() + 30
    text, since = "", time.monotonic()
    while "successfully loaded" not in text or time.monotonic() < since + 1:
        assert time.monotonic() < deadline, text
        time.sleep(0.1)
        now = log.read_text() if log.exists() else ""
        if now != text:
            text, since = now, time.monotonic()


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_both_say_the_same(pair: Pair, arguments: list[str]) -> None:
    assert pair.ours(*arguments) == pair.gnu(*arguments)


def test_changes_of_the_gnu_shepherd_are_followed(pair: Pair) -> None:
    with subprocess.Popen(
        [pair.programs / "herd", "-s", f"{pair.root}{pair.inside}/socket", "log", "-f", "inet"],
        stdout=subprocess.PIPE, env=pair.environment, text=True,
    ) as herd:  # fmt: skip
        try:
            assert herd.stdout is not None
            assert "service inet is being started" in herd.stdout.readline()
            assert "service inet is running" in herd.stdout.readline()
            assert pair.ours("stop", "inet")[0] == 0
            assert "service inet is being stopped" in herd.stdout.readline()
            assert "service inet is stopped" in herd.stdout.readline()
            assert pair.ours("start", "inet")[0] == 0
            assert "service inet is being started" in herd.stdout.readline()
        finally:
            herd.kill()
