"""What the programs are for: the one source of ``--help``, the manual pages and the completions.

The options themselves stand next to the code that reads them; here is what is said around them.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from pid1.options import Option

    Entries = Sequence[tuple[str, str]]
    """Terms, each with its meaning."""

NAMES = ("shepherd", "herd", "halt", "reboot")


class Program:
    """One program; ``description`` is paragraphs for the manual page.

    ``commands`` are the actions that the page explains; ``environment``, ``files`` and
    ``exit_statuses`` are shown by ``--help``, too.
    """

    __slots__ = (
        "commands", "description", "environment", "exit_statuses", "files", "name", "operands",
        "options", "purpose", "section", "see_also", "summary",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        section: int,
        summary: str,
        operands: str,
        purpose: str,
        options: Sequence[Option],
        *,
        description: Sequence[str],
        commands: Entries = (),
        exit_statuses: Entries,
        environment: Entries = (),
        files: Entries,
        see_also: Sequence[str],
    ) -> None:
        self.name = name
        self.section = section
        self.summary = summary
        self.operands = operands
        self.purpose = purpose
        self.options = options
        self.description = description
        self.commands = commands
        self.exit_statuses = exit_statuses
        self.environment = environment
        self.files = files
        self.see_also = see_also


_SYSTEM_SOCKET = ("/run/shepherd/socket", "socket of the system's daemon, and of root's")
_USER_SOCKET = ("$XDG_RUNTIME_DIR/shepherd/socket", "socket of another user's daemon")


def program(name: str) -> Program:
    """Return a program by its name; ``shutdown`` is ``halt``."""
    return {"shepherd": _shepherd, "herd": _herd, "reboot": _reboot}.get(name, _halt)()


def _shepherd() -> Program:
    from pid1.shepherd_options import OPTIONS

    return Program(
        "shepherd", 8, "service manager",
        "",
        "Start the Shepherd, a service manager, and read its configuration.",
        OPTIONS,
        description=(
            "shepherd starts services, restarts those that fail, and stops them in the order of "
            "their requirements.  It runs as process 1 of a system or of a container, or as an "
            "ordinary user's service manager.  Commands come from herd, through a socket.",
            "The configuration is a Scheme file that registers services and says which to start. "
            "An error in it is logged with its place; what it had registered until then stays.",
            "SIGTERM, SIGINT and SIGHUP stop all services and then the daemon.  As process 1 of "
            "root's it reboots the system afterwards.",
        ),
        exit_statuses=(
            ("0", "the daemon was stopped, or went to the background"),
            ("1", "wrong options, or the socket or the log file cannot be opened"),
            ("other", "the configuration called 'exit' with that status"),
        ),
        environment=(
            ("SHEPHERD_SOCKET", "the socket, unless '-s' names one"),
            ("XDG_RUNTIME_DIR", "the directory of the socket (/run/user/UID)"),
            ("XDG_CONFIG_HOME", "the directory of the configuration (~/.config)"),
            ("XDG_STATE_HOME", "the directory of log and state (~/.local/state)"),
            ("DROVER_CONTROL_GROUPS",
             "1: each service gets a control group of its own, where the kernel has them; 0: none "
             "does; otherwise they do where that costs nothing (glibc 2.39)"),
        ),
        files=(
            ("/etc/shepherd.scm", "configuration of root's daemon"),
            ("~/.config/shepherd/init.scm", "configuration of another user's, made if missing"),
            _SYSTEM_SOCKET, _USER_SOCKET,
            ("~/.local/state/shepherd/shepherd.log",
             "the log, unless this is process 1, which logs to /dev/log"),
            ("/var/lib/shepherd/disabled", "which services are disabled in the system's daemon"),
            ("~/.local/state/shepherd/disabled", "which are disabled in another user's"),
        ),
        see_also=("herd(1)", "halt(8)", "reboot(8)"),
    )  # fmt: skip


def _herd() -> Program:
    from pid1.herd import OPTIONS

    return Program(
        "herd", 1, "control the Shepherd and its services",
        "ACTION SERVICE [ARG...]",
        "Apply ACTION (start, stop, status, etc.) to SERVICE with the ARGs.",
        OPTIONS,
        description=(
            "herd sends one command to shepherd(8) and prints its answer.  ACTION is one of those "
            "below, or one that the service defines.  SERVICE may be left out after status, "
            "detailed-status, log, graph, analyze and help; root is the daemon itself.",
            "Options may stand anywhere; what follows '--' is never one.  Those from "
            "'--service-name' to '--group' are handed to the action as keyword arguments; the "
            "actions 'spawn' of the service transient and 'schedule' of the service timer know "
            "them.",
        ),
        commands=(
            ("start SERVICE", "start a service and what it requires"),
            ("stop SERVICE", "stop a service and what requires it; 'stop root' ends the daemon"),
            ("restart SERVICE", "stop a service, then start it and what it took down"),
            ("status [SERVICE]", "show all services in short, or one with all that is known"),
            ("detailed-status", "show all that is known of all services"),
            ("enable SERVICE, disable SERVICE",
             "allow or forbid starts of a service, also by the daemons to come"),
            ("doc SERVICE [list-actions | action NAME]",
             "show the documentation of a service, of its actions, or of one of them"),
            ("log", "show how the services changed; with '-f' go on as they change, with "
             "'-f SERVICE' for that service only"),
            ("graph", "show in the language of graphviz what requires what; draw it with '--svg'"),
            ("analyze", "show how long the boot took and what it waited for; draw it with '--svg'"),
            ("eval root EXPRESSION, load root FILE", "evaluate Scheme code in the daemon"),
            ("unload root SERVICE", "stop a service and forget it"),
            ("reload root FILE", "unload all services, then load a file"),
            ("reexec root", "replace the daemon by a fresh copy; services go on"),
            ("power-off root, halt root, kexec root", "end the system"),
            ("help", "show where to begin"),
        ),
        exit_statuses=(
            ("0", "success"),
            ("1", "an error, or the action returned false"),
            ("130", "an interrupt"),
            ("141", "nobody reads the output"),
        ),
        environment=(
            ("SHEPHERD_SOCKET", "the daemon's socket, unless '-s' names one"),
            ("XDG_RUNTIME_DIR", "the directory of the socket (/run/user/UID)"),
            ("NO_COLOR", "no colours on terminals"),
            ("HERD_HYPERLINKS", "1: names of log files can be clicked on terminals"),
        ),
        files=(_SYSTEM_SOCKET, _USER_SOCKET),
        see_also=("shepherd(8)", "halt(8)", "reboot(8)"),
    )  # fmt: skip


_HALT_STATUSES = (
    ("0", "the daemon has accepted, or ended already"),
    ("1", "an error; nothing has been stopped"),
    ("130", "an interrupt"),
    ("141", "nobody reads the output"),
)
_NO_ENVIRONMENT = "SHEPHERD_SOCKET is ignored: the system's daemon is asked, unless '-s' names one."


def _halt() -> Program:
    from pid1.herd.halt import HALT_OPTIONS

    return Program(
        "halt", 8, "stop the system",
        "",
        "Halt or power off the system.",
        HALT_OPTIONS,
        description=(
            "halt asks shepherd(8) to stop all services and to turn the machine off.  shutdown is "
            "the same program.  It takes no operand.",
            _NO_ENVIRONMENT,
        ),
        exit_statuses=_HALT_STATUSES,
        environment=(("NO_COLOR", "no colours on terminals"),),
        files=(("/run/shepherd/socket", "socket of the system's daemon"),),
        see_also=("reboot(8)", "herd(1)", "shepherd(8)"),
    )  # fmt: skip


def _reboot() -> Program:
    from pid1.herd.halt import REBOOT_OPTIONS

    return Program(
        "reboot", 8, "restart the system",
        "",
        "Reboot the system.",
        REBOOT_OPTIONS,
        description=(
            "reboot asks shepherd(8) to stop all services and to restart the machine.  It takes "
            "no operand.",
            _NO_ENVIRONMENT,
        ),
        exit_statuses=_HALT_STATUSES,
        environment=(("NO_COLOR", "no colours on terminals"),),
        files=(("/run/shepherd/socket", "socket of the system's daemon"),),
        see_also=("halt(8)", "herd(1)", "shepherd(8)"),
    )  # fmt: skip
