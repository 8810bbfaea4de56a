"""The words of the kernel's command line that concern the boot.

They reach PID 1 as its arguments, split at blanks, without any quoting.  What the kernel, the
boot servers and ``/hurd/startup`` read for themselves is passed over; ours begin with ``drover.``.
A word that makes no sense is reported and costs nothing: a machine boots all the same.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Final, Literal

    Mode = Literal["multi-user", "single", "emergency"]
    FileSystemCheck = Literal["auto", "skip", "force"]
    Repair = Literal["safe", "all"]

CONFIGURATION: Final = "/etc/drover/init.scm"
"""What is loaded when the command line names nothing else."""

_CHECKS: Final = ("auto", "skip", "force")
_REPAIRS: Final = ("safe", "all")
_OPTIONS: Final = ("config", "essential", "fsck", "log", "repair")
_ON_OFF: Final = {"yes": True, "no": False, "1": True, "0": False, "on": True, "off": False}


class BootArguments:
    """What the command line asks for.

    ``mode`` is "single" for a shell before multi-user operation, "emergency" for a shell before
    anything is touched.  ``check`` says which file systems are checked: those that need it, none,
    or all.  ``repair`` says what is repaired: what is safe, or all, whatever is lost by that.
    ``init`` is a program to run in the place of drover.  With ``essential``, the machine reboots if
    PID 1 dies.  ``verbose`` puts the log on the console.  ``problems`` are lines about words that
    were passed over though they were meant for us.
    """

    __slots__ = (
        "check", "configuration", "console", "essential", "init", "mode", "problems", "repair",
        "root", "verbose", "words",
    )  # fmt: skip

    def __init__(self, words: Sequence[str]) -> None:
        self.words = tuple(words)
        self.mode: Mode = "multi-user"
        self.check: FileSystemCheck = "auto"
        self.repair: Repair = "safe"
        self.init: str | None = None
        self.root: str | None = None
        self.console: str | None = None
        self.configuration = CONFIGURATION
        self.essential = True
        self.verbose = False
        self.problems: list[str] = []

    @property
    def on_serial_line(self) -> bool:
        """Whether the console is a serial line: then there is no virtual one to start."""
        return self.console is not None and self.console.startswith("com")


def read_arguments(words: Sequence[str]) -> BootArguments:
    """Read the arguments of PID 1, without its name; never fails."""
    arguments = BootArguments(words)
    for word in words:
        name, equals, value = word.partition("=")
        if name.startswith("drover."):
            _read_option(arguments, name.removeprefix("drover."), value if equals else None)
        elif equals:
            if name == "init":
                _read_init(arguments, value)
            elif name in ("root", "console"):
                setattr(arguments, name, value or None)
        elif word in ("-s", "single"):
            if arguments.mode != "emergency":
                arguments.mode = "single"
        elif word == "emergency":
            arguments.mode = "emergency"
        elif word == "fastboot":
            arguments.check = "skip"
        elif word == "-f":
            # HURD-BOOT.md section 5: startup has gone into its fake mode already.
            arguments.problems.append(
                "'-f' makes /hurd/startup only pretend to reboot; "
                "the word for skipping the file system check is 'fastboot'"
            )
    return arguments


def _read_init(arguments: BootArguments, value: str) -> None:
    if value.startswith("/"):
        arguments.init = value
    else:
        arguments.problems.append(f"'init={value}' is not an absolute file name")


def _read_option(arguments: BootArguments, name: str, value: str | None) -> None:
    problems = arguments.problems
    if name not in _OPTIONS:
        known = ", ".join(f"drover.{option}" for option in _OPTIONS)
        problems.append(f"unknown word 'drover.{name}' (known ones: {known})")
    elif not value:
        problems.append(f"'drover.{name}' needs a value")
    elif name == "config":
        arguments.configuration = value
    elif name == "fsck":
        if value in _CHECKS:
            arguments.check = value  # type: ignore[assignment]
        else:
            problems.append(f"'drover.fsck={value}': expected {', '.join(_CHECKS)}")
    elif name == "repair":
        if value in _REPAIRS:
            arguments.repair = value  # type: ignore[assignment]
        else:
            problems.append(f"'drover.repair={value}': expected {', '.join(_REPAIRS)}")
    elif name == "log":
        if value == "console":
            arguments.verbose = True
        else:
            problems.append(f"'drover.log={value}': expected console")
    elif value in _ON_OFF:
        arguments.essential = _ON_OFF[value]
    else:
        problems.append(f"'drover.{name}={value}': expected yes or no")
