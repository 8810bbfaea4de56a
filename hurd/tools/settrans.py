"""settrans: set, start or remove the passive and active translators of a node."""

from __future__ import annotations

import sys

from hurd.errors import HurdError
from hurd.tools.argp import State, parse
from hurd.tools.messages import fail
from hurd.tools.tables import SETTRANS_TIMEOUT
from hurd.tools.tables import settrans as table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from hurd.ports import Port
    from hurd.translator import Translator


# The options that only set a flag, by the key they are read as.
_FLAGS = {
    "a": ("active",),
    "s": ("start", "active"),
    "stack": ("stack", "active", "orphan"),
    "p": ("passive",),
    "c": ("create",),
    "L": ("dereference",),
    "P": ("pause",),
    "x": ("exclusive",),
    "o": ("orphan",),
    "g": ("goaway",),
    "k": ("keep_active",),
    "R": ("recursive",),
    "f": ("force",),
    "S": ("nosync",),
}


class _Settrans:
    """The options as they are read."""

    def __init__(self) -> None:
        self.tool = "settrans"
        self.node = ""
        self.argv: list[str] = []
        self.active = self.start = self.passive = False
        self.create = self.dereference = self.exclusive = self.orphan = self.stack = False
        self.pause = self.goaway = self.keep_active = False
        self.recursive = self.force = self.nosync = False
        self.pid_file: str | None = None
        self.underlying: str | None = None
        self.timeout = float(SETTRANS_TIMEOUT)
        self.chroot: list[str] | None = None
        self.chroot_directory = "/"

    def parse(self, key: str | None, argument: str | None, state: State) -> None:
        if key is None:
            self._argument(argument or "", state)
        elif key in _FLAGS:
            for name in _FLAGS[key]:
                setattr(self, name, True)
        elif key == "F":
            self.pid_file = argument
        elif key == "U":
            self.underlying = argument
        elif key == "t":
            self.timeout = _seconds(argument or "", state)
        elif key == "C":
            self._chroot(state)
        elif key == "chroot-chdir":
            if not (argument or "").startswith("/"):
                state.error("--chroot-chdir must be absolute")
            self.chroot_directory = argument or "/"

    def _argument(self, word: str, state: State) -> None:
        if not state.argument_count:
            self.node = word
            return
        if self.start:
            state.error("both --start and TRANSLATOR given")
        # The rest is the translator's, even where it looks like an option.
        self.argv = state.argv[state.next - 1 :]
        state.next = len(state.argv)

    def _chroot(self, state: State) -> None:
        if self.chroot is not None:
            state.error("--chroot given twice")
        words = state.argv[state.next :]
        if "--" not in words:
            state.error("--chroot command must be terminated with `--'")
        self.chroot = words[: words.index("--")]
        state.next += len(self.chroot) + 1
        if not self.chroot:
            state.error("--chroot must be followed by a command")


def _seconds(text: str, state: State) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    # Not a number compares false.
    if not seconds >= 0.0:
        state.error(f"--timeout needs a number of seconds, not `{text}'")
    return seconds


def main(argv: Sequence[str]) -> int:
    """Exit status as of the Hurd's settrans.

    0; 1 no such node; 4 the translator did not start; 5 it was not set; 6 to 9 something failed
    about --chroot, whose command's status it is otherwise; 64 wrong command line.
    """
    options = _Settrans()
    state = parse(table(), argv, options.parse)
    if not state.argument_count:
        state.usage()
    options.tool = state.name
    if options.chroot is not None and not options.argv and not options.start:
        state.error("--chroot needs a TRANSLATOR")
    if not options.active and not options.passive and options.chroot is None:
        options.passive = True
    return _run(options)


def _run(options: _Settrans) -> int:
    from hurd import translator

    if options.start:
        options.argv = _recorded(options)
    if (options.active or options.chroot is not None) and options.argv:
        node, started = _start(options)
    else:
        started = None
        try:
            node = translator.open_node(
                options.node, create=options.create, dereference=options.dereference
            )
        except HurdError as error:
            fail(options.tool, 1, options.node, error)
    with node:
        if options.active or options.passive:
            _set(options, node, started)
    if options.chroot is not None and started is not None:
        return _run_chrooted(options, options.chroot, started)
    return 0


def _recorded(options: _Settrans) -> list[str]:
    from hurd import translator

    try:
        words = translator.show(
            options.node, create=options.create, dereference=options.dereference
        )
    except HurdError as error:
        fail(options.tool, 4, options.node, error)
    if words is None:
        fail(options.tool, 4, f"{options.node}: no passive translator record found")
    return words


def _start(options: _Settrans) -> tuple[Port, Translator]:
    from hurd import translator
    from hurd.translator.errors import TranslatorError

    try:
        return translator.start_for_node(
            options.node,
            options.argv,
            create=options.create,
            dereference=options.dereference,
            stack=options.stack,
            underlying=options.underlying,
            timeout=options.timeout,
            before_reply=lambda pid: _tell_pid(options, pid),
        )
    except TranslatorError as error:
        fail(options.tool, 4, error.subject, error)


def _tell_pid(options: _Settrans, pid: int) -> None:
    if options.pause:
        sys.stderr.write(f"Translator pid: {pid}\nPausing...")
        sys.stderr.flush()
        sys.stdin.read(1)
    if options.pid_file is not None:
        try:
            with open(options.pid_file, "w", encoding="ascii") as file:  # noqa: PTH123
                file.write(f"{pid}\n")
        except OSError as error:
            fail(options.tool, 4, "Failed to open pid file", error)


def _set(options: _Settrans, node: Port, started: Translator | None) -> None:
    from hurd import translator

    try:
        translator.attach(
            node,
            options.argv,
            started,
            passive=options.passive,
            active=options.active,
            exclusive=options.exclusive,
            orphan=options.orphan,
            goaway=options.goaway,
            keep_active=options.keep_active,
            goaway_flags=translator.goaway_flags(
                recursive=options.recursive, force=options.force, nosync=options.nosync
            ),
        )
    except HurdError as error:
        fail(options.tool, 5, options.node, error)


def _run_chrooted(options: _Settrans, command: list[str], started: Translator) -> int:
    import os
    import signal

    from hurd.codes import EBUSY
    from hurd.translator import goaway_flags
    from hurd.translator.chroot import run_chrooted

    try:
        child, status = run_chrooted(
            started.control, command, options.chroot_directory, tool=options.tool
        )
    except OSError as error:
        fail(options.tool, 6, "fork", error)
    try:
        started.goaway(
            goaway_flags(recursive=options.recursive, force=options.force, nosync=options.nosync)
        )
    except HurdError as error:
        if error.errno != EBUSY:
            fail(options.tool, 9, "fsys_goaway", error)
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        fail(options.tool, number + 128, f"{signal.strsignal(number)} for child {child}")
    if os.WEXITSTATUS(status):
        code = os.WEXITSTATUS(status)
        fail(options.tool, code, f"Error {code} for child {child}")
    return 0
