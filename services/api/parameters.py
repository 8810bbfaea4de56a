"""The ``default-*`` parameters of ``(shepherd service)`` (SHEPHERD.md section 16).

They are ordinary Scheme parameters; a constructor reads them when it is called, that is
while the configuration is evaluated.
"""

from __future__ import annotations

from pid1.forkexec import DEFAULT_PID_FILE_TIMEOUT, Settings, own_directory, own_environment
from pid1.process import DEFAULT_GRACE_PERIOD
from pid1.service import DEFAULT_RESPAWN_DELAY, DEFAULT_RESPAWN_LIMIT
from services.keywords import strings
from services.scheme.parameters import value_of
from services.scheme.primitives import Library
from services.scheme.types import Pair, Value, scheme_list

LIBRARY = Library()


def _seconds(value: float) -> Value:
    return int(value) if value == int(value) else value


respawn_limit = LIBRARY.parameter("default-respawn-limit", Pair(*DEFAULT_RESPAWN_LIMIT))
respawn_delay = LIBRARY.parameter("default-respawn-delay", DEFAULT_RESPAWN_DELAY)
pid_file_timeout = LIBRARY.parameter("default-pid-file-timeout", _seconds(DEFAULT_PID_FILE_TIMEOUT))
grace_period = LIBRARY.parameter(
    "default-process-termination-grace-period", _seconds(DEFAULT_GRACE_PERIOD)
)
environment_variables = LIBRARY.parameter(
    "default-environment-variables", scheme_list(own_environment())
)
service_directory = LIBRARY.parameter("default-service-directory", own_directory())
log_history_size = LIBRARY.parameter("default-log-history-size", 20)
# Ours: #t brings back the GNU Shepherd's way, where a program that cannot be executed is
# a process that exited.  Read when a constructor is called.
exec_failure_is_exit = LIBRARY.parameter("default-exec-failure-is-exit?", False)
start_timeout = LIBRARY.parameter("default-start-timeout", False)


_shared: tuple[Value, list[str]] = (None, [])


def environment_list(who: str, value: Value) -> list[str]:
    """Variables as a list; one list for all services that have the same Scheme list.

    Raises SchemeError for anything but a list of strings.
    """
    global _shared
    if _shared[0] is not value:
        _shared = (value, strings(who, "environment-variables", value))
    return _shared[1]


def default_environment() -> list[str]:
    """The value of ``default-environment-variables``."""
    return environment_list("default-environment-variables", value_of(environment_variables))


def default_directory() -> str:
    """The value of ``default-service-directory``."""
    value = value_of(service_directory)
    return value if isinstance(value, str) else "/"


def default_grace_period() -> float:
    """The value of ``default-process-termination-grace-period``, in seconds."""
    value = value_of(grace_period)
    return float(value) if hasattr(value, "__float__") else DEFAULT_GRACE_PERIOD


def install() -> None:
    """Make what ``pid1`` starts by itself use the parameters."""
    Settings.environment = staticmethod(default_environment)
    Settings.directory = staticmethod(default_directory)
    Settings.grace_period = staticmethod(default_grace_period)


def user_environment(user: str | int | None, variables: list[str]) -> list[str]:
    """HOME and USER of ``user`` (default: the daemon's) in front of the other variables.

    Raises KeyError for a user who does not exist.
    """
    import os
    import pwd

    if isinstance(user, str):
        entry = pwd.getpwnam(user)
    else:
        entry = pwd.getpwuid(os.getuid() if user is None else user)
    rest = [v for v in variables if not v.startswith(("HOME=", "USER="))]
    return [f"HOME={entry.pw_dir}", f"USER={entry.pw_name}", *rest]
