"""The ``shepherd`` command: options, the order of start-up, and which configuration is read.

The order is that of SHEPHERD.md section 9: check the socket's directory, open the socket,
open the log, start ``root``, load the configuration in the background, write the PID
file, serve.  So a client can connect before the configuration is loaded.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
from typing import TYPE_CHECKING, Any, Final, NoReturn

from boot import bundled, quick_imports, running
from hurd.system import system
from pid1.options import MissingArgumentError, OptionError, parse
from pid1.shepherd_options import OPTIONS

if TYPE_CHECKING:
    import socket
    from collections.abc import Awaitable, Callable, Sequence

    from pid1.daemon import Daemon

SYSTEM_CONFIGURATION: Final = "/etc/shepherd.scm"
SYSTEM_SOCKET: Final = "/run/shepherd/socket"
SYSTEM_STATE: Final = "/var/lib/shepherd"

_TEMPLATE: Final = """\
;; init.scm -- default shepherd configuration file.

;; Services known to shepherd:
;; Add new services (defined using 'service') to shepherd here by
;; providing them as arguments to 'register-services'.
(register-services '())

;; Send shepherd into the background.
(perform-service-action root-service 'daemonize)

;; Services to start when shepherd starts:
;; Add the name of each service that should be started to the list
;; below passed to 'start-in-the-background'.
(start-in-the-background '())
"""


class Settings:
    """What the command line asks for."""

    def __init__(self) -> None:
        self.config: str | None = None
        self.socket: str | None = None
        self.logfile: str | None = None
        self.syslog: str | None = None
        self.pid: str | None = None
        self.shutdown_deadline: float | None = None
        self.state_directory: str | None = None
        self.insecure = False
        self.silent = False


def _fail(message: str, hint: bool = False) -> NoReturn:
    sys.stderr.write(f"shepherd: error: {message}\n")
    if hint:
        sys.stderr.write("shepherd: hint: Try '--help'.\n")
    raise SystemExit(1)


def read_options(arguments: Sequence[str]) -> Settings:
    """Parse the command line; exits for ``--help`` and its like, and for errors."""
    settings = Settings()
    try:
        for name, value in parse(arguments, OPTIONS):
            if name in ("version", "usage", "help"):
                sys.stdout.write(_usage(name))
                raise SystemExit(0)
            if name is None:
                # The real one prints its help and succeeds, which hides mistakes.
                sys.stdout.write(_usage("help"))
                _fail(f"unexpected argument '{value}'")
            if name in ("silent", "quiet"):
                settings.silent = True
            elif name == "insecure":
                settings.insecure = True
            elif name == "shutdown-deadline":
                settings.shutdown_deadline = _seconds(value or "")
            elif name == "state-directory":
                settings.state_directory = value
            elif name == "syslog":
                settings.syslog = value or "/dev/log"
            elif name == "pid":
                settings.pid = value or ""
            else:
                setattr(settings, name, value)
    except MissingArgumentError as error:
        sys.stdout.write(f"{error}\n")
        raise SystemExit(1) from None
    except OptionError as error:
        _fail(str(error), error.hint)
    return settings


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        _fail(f"'{text}' is not a number of seconds")
    return seconds


def _usage(which: str) -> str:
    from pid1.usage import print_usage

    return print_usage("shepherd", which)


def _home() -> str:
    return os.environ.get("HOME") or system.user_home() or "/"


def default_socket() -> str:
    """The control socket's file when no option names one."""
    path = os.environ.get("SHEPHERD_SOCKET")
    if path:
        return path
    uid = os.getuid()
    if uid == 0:
        return SYSTEM_SOCKET
    runtime = os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{uid}"
    return f"{runtime}/shepherd/socket"


def default_configuration() -> str:
    """The configuration file when no option names one; a user's is created if missing."""
    if os.getuid() == 0:
        return SYSTEM_CONFIGURATION
    base = os.environ.get("XDG_CONFIG_HOME") or f"{_home()}/.config"
    directory = f"{base}/shepherd"
    path = f"{directory}/init.scm"
    if not os.path.exists(path):
        with contextlib.suppress(OSError):
            os.makedirs(directory, mode=0o700, exist_ok=True)
            with open(path, "x") as file:  # noqa: PTH123
                file.write(_TEMPLATE)
    return path


def default_log_file() -> str:
    """The log file when no option names one and this is not PID 1."""
    base = os.environ.get("XDG_STATE_HOME") or f"{_home()}/.local/state"
    return f"{base}/shepherd/shepherd.log"


def state_directory(settings: Settings, socket_path: str) -> str | None:
    """Where it is kept which services are disabled; None for nowhere.

    By default only the daemon of the system or of the user, which its socket tells, keeps
    it: another one has other services, which may have the same names.
    """
    if settings.state_directory is not None:
        wanted = settings.state_directory
        return None if wanted == "none" else os.path.abspath(wanted)
    uid = os.getuid()
    if uid == 0:
        return SYSTEM_STATE if socket_path == SYSTEM_SOCKET else None
    runtime = os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{uid}"
    if socket_path != f"{runtime}/shepherd/socket":
        return None
    base = os.environ.get("XDG_STATE_HOME") or f"{_home()}/.local/state"
    return f"{base}/shepherd"


def open_control_socket(settings: Settings, path: str) -> socket.socket:
    """Open the socket that clients connect to; raises SocketError with the reason."""
    from pid1.control import SocketError, check_directory, open_socket, somebody_listens

    directory = os.path.dirname(os.path.abspath(path))
    if settings.socket is None or settings.socket == default_socket():
        with contextlib.suppress(OSError):
            os.makedirs(directory, mode=0o700)
    if not os.path.isdir(directory):
        raise SocketError(f"cannot access directory of socket '{path}': No such file or directory")
    if not settings.insecure:
        check_directory(directory)
    if os.getpid() != 1 and somebody_listens(path):
        raise SocketError(f"shepherd instance already listening on '{path}'")
    return open_socket(path)


def _first_socket(settings: Settings, path: str) -> tuple[socket.socket | None, str]:
    """Open the socket; exits if that is not possible, but PID 1 goes on: it may be later."""
    from pid1.control import SocketError

    try:
        return open_control_socket(settings, path), ""
    except SocketError as error:
        if os.getpid() != 1:
            _fail(str(error))
        return None, str(error)


def open_log(settings: Settings, again: bool = False) -> None:
    """Choose the log's destinations (SHEPHERD.md 8.1).

    A log file that cannot be opened is the end of a daemon that starts, but not of one
    that has started already and opens it ``again``.
    """
    from pid1.log import FileDestination, StandardOutput, SyslogDestination, the_log

    is_init = os.getpid() == 1
    if settings.syslog is not None:
        the_log.destinations.append(SyslogDestination(settings.syslog))
    elif is_init and settings.logfile is None:
        if not the_log.destinations:
            the_log.destinations.append(SyslogDestination())
    else:
        path = settings.logfile or default_log_file()
        try:
            the_log.destinations.append(FileDestination(path))
        except OSError as error:
            sys.stderr.write(f"shepherd: error: cannot open log file '{path}': {error.strerror}\n")
            if not is_init and not again:
                raise SystemExit(1) from None
        if not settings.silent:
            the_log.stdout = StandardOutput()


def write_pid(settings: Settings) -> str | None:
    """Say that the daemon is ready; returns the PID file's name, if there is one."""
    from pid1.log import log, write_output

    if settings.pid is None:
        return None
    if not settings.pid:
        write_output(str(os.getpid()))
        return None
    path = os.path.abspath(settings.pid)
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(temporary, flags, 0o600)
        try:
            os.write(descriptor, str(os.getpid()).encode())
        finally:
            os.close(descriptor)
        os.rename(temporary, path)
    except OSError as error:
        log(f"Cannot write PID file '{path}': {error.strerror}.")
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        return None
    return path


def banner() -> str:
    """The first line of the log."""
    from pid1.usage import VERSION

    version = ".".join(map(str, sys.version_info[:3]))
    return f"drover {VERSION} (Python {version}, {os.uname().machine}), compatible with GNU Shepherd 1.0.9"  # noqa: E501


def _limit_of_children(state: dict[str, Any] | None) -> tuple[int, int] | None:
    limit = state["descriptor_limit"] if state is not None else None
    return None if limit is None else (limit[0], limit[1])


def _make_daemon(
    settings: Settings,
    listener: socket.socket | None,
    path: str,
    descriptor_limit: tuple[int, int],
) -> Daemon:
    from pid1.daemon import SHUTDOWN_DEADLINE, Daemon
    from services import configuration

    deadline = settings.shutdown_deadline
    daemon = Daemon(
        listener, path, configuration.load_file, configuration.evaluate_text,
        SHUTDOWN_DEADLINE if deadline is None else deadline,
        lambda path: open_control_socket(settings, path),
    )  # fmt: skip
    daemon.descriptor_limit = descriptor_limit
    kept = state_directory(settings, path)
    if kept is not None:
        from pid1.disabled import DisabledServices

        daemon.supervisor.disabled = DisabledServices(f"{kept}/disabled")
    configuration.install(daemon)
    return daemon


def _ready(daemon: Daemon, settings: Settings, state: dict[str, Any] | None) -> Any:
    from services import configuration

    if state is not None:
        return _started(configuration.load_again(state["configuration"], state))
    # Kept as an absolute name: code of the configuration may change the directory.
    file = settings.config or default_configuration()
    daemon.configuration = os.path.abspath(file)
    work = configuration.load_configuration(file)
    daemon.pid_file = write_pid(settings)
    return _started(work)


async def _started(configuration: Awaitable[None]) -> None:
    """Take the configuration in, with what was read for the start; a boot goes on after it."""
    from services.scheme import prepared

    if bundled.the_bundle is not None:
        prepared.use(bundled.the_bundle.texts)
    try:
        await configuration
    finally:
        prepared.forget()
        if running.daemon is None:
            bundled.started()


def _check_image(format: str) -> NoReturn:
    """Say whether this image could go on from a state of that format; started by ``reexec``."""
    import pid1.mainloop  # noqa: F401
    import services.api.service
    import services.configuration  # noqa: F401
    from pid1.reexec import FORMAT

    os._exit(0 if format == str(FORMAT) else 1)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the daemon; exits with its status."""
    status = run(arguments)
    # Nothing is left to tear down, and tearing down may block: leave at once.
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
    os._exit(status)


def run(
    arguments: Sequence[str] | None = None, made: Callable[[Daemon], None] = lambda _daemon: None
) -> int:
    """Run the daemon and return its exit status; ``made`` is called with it before it starts."""
    system.adapt_process()
    settings = read_options(sys.argv[1:] if arguments is None else arguments)
    # Start-up makes little garbage, and looking for it takes a tenth of the time.
    gc.disable()
    quick_imports.install()
    if "DROVER_REEXEC_CHECK" in os.environ:
        _check_image(os.environ["DROVER_REEXEC_CHECK"])
    # Until there are handlers for them, requests to stop wait.
    signal.pthread_sigmask(signal.SIG_BLOCK, system.shutdown_signals())
    if os.getpid() == 1:
        system.disable_ctrl_alt_del()
    from pid1.log import log
    from pid1.mainloop import run_daemon

    state, problem = None, ""
    if "DROVER_REEXEC_FD" in os.environ:
        from pid1.reexec import inherited_listener, inherited_state

        state = inherited_state()
    if state is not None:
        listener, path = inherited_listener(state), state["socket_path"]
        settings.state_directory = state["state_directory"] or "none"
    else:
        path = settings.socket or default_socket()
        listener, problem = _first_socket(settings, path)
    system.adopt_descriptors()
    limit = system.raise_descriptor_limit(_limit_of_children(state))
    open_log(settings, again=state is not None)
    if state is None:
        log(banner())
    if problem:
        log(f"Cannot open the control socket: {problem}.")
    if os.getpid() != 1:
        system.become_subreaper()
    from services.configuration import direct_output

    # Before the loop makes contexts of this one.
    direct_output()

    def make() -> Daemon:
        daemon = _make_daemon(settings, listener, path, limit)
        made(daemon)
        return daemon

    return run_daemon(make, lambda daemon: _ready(daemon, settings, state), state)
