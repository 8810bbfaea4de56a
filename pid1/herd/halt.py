"""``halt`` (also installed as ``shutdown``) and ``reboot``: stop the system (SHEPHERD.md 10.7).

They talk to the system's instance whatever ``SHEPHERD_SOCKET`` says.  Unlike the GNU programs they
fail, after printing the help, if given an operand: ``shutdown now`` must not look like a success.
"""

from __future__ import annotations

from pid1.herd import put_messages, report_option_error
from pid1.herd.talk import SYSTEM_SOCKET, ask
from pid1.herd.terminal import Terminal, run
from pid1.options import STANDARD, Option, OptionError, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_SOCKET = Option("socket", "s", "FILE", "talk to the daemon that listens on FILE")
HALT_OPTIONS = (*STANDARD, _SOCKET)
REBOOT_OPTIONS = (*STANDARD, _SOCKET, Option("kexec", "k", None, "reboot using kexec"))


def halt_main(arguments: Sequence[str] | None = None) -> int:
    """Run ``halt`` with ``arguments`` (default: those of the process); return its exit status."""
    words = _own_arguments() if arguments is None else arguments
    return run("halt", lambda terminal: _main(terminal, words, HALT_OPTIONS, "power-off"))


def reboot_main(arguments: Sequence[str] | None = None) -> int:
    """Run ``reboot`` with ``arguments`` (default: those of the process); return its exit status."""
    words = _own_arguments() if arguments is None else arguments
    return run("reboot", lambda terminal: _main(terminal, words, REBOOT_OPTIONS, "stop"))


def _own_arguments() -> Sequence[str]:
    import sys

    return sys.argv[1:]


def _main(
    terminal: Terminal, arguments: Sequence[str], options: Sequence[Option], action: str
) -> int:
    socket = SYSTEM_SOCKET
    try:
        for name, value in parse(arguments, options):
            if name == "socket":
                socket = str(value)
            elif name == "kexec":
                action = "kexec"
            elif name is None or name in ("help", "usage", "version"):
                from pid1.usage import print_usage

                terminal.put(print_usage(terminal.program, name or "help"))
                return 1 if name is None else 0
    except OptionError as error:
        return report_option_error(terminal, error)
    reply = ask(socket, action, "root", [])
    if reply is None:
        return 0  # the daemon ended, as it should
    put_messages(terminal, reply)
    if reply.error is not False:
        from pid1.herd.errors import print_error

        print_error(terminal, reply.error)
        return 1
    return 0
