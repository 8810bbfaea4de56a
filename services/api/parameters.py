"""The ``default-*`` parameters of ``(shepherd service)`` (SHEPHERD.md section 16).

They are ordinary Scheme parameters; a constructor reads them when it is called, that is
while the configuration is evaluated.
"""

from __future__ import annotations

from hurd.system import system
from pid1.forkexec import DEFAULT_PID_FILE_TIMEOUT, Settings, default_directory, default_environment
from pid1.process import DEFAULT_GRACE_PERIOD
from pid1.service import DEFAULT_RESPAWN_DELAY, DEFAULT_RESPAWN_LIMIT
from services.scheme.parameters import Parameter, value_of
from services.scheme.primitives import Library
from services.scheme.types import Pair, Value, scheme_list

LIBRARY = Library()


def _parameter(name: str, default: Value) -> Parameter:
    parameter = Parameter(default, None, name)
    LIBRARY.bind(name, parameter)
    return parameter


def _seconds(value: float) -> Value:
    return int(value) if value == int(value) else value


respawn_limit = _parameter("default-respawn-limit", Pair(*DEFAULT_RESPAWN_LIMIT))
respawn_delay = _parameter("default-respawn-delay", DEFAULT_RESPAWN_DELAY)
pid_file_timeout = _parameter("default-pid-file-timeout", _seconds(DEFAULT_PID_FILE_TIMEOUT))
grace_period = _parameter(
    "default-process-termination-grace-period", _seconds(DEFAULT_GRACE_PERIOD)
)
environment_variables = _parameter(
    "default-environment-variables", scheme_list(default_environment())
)
service_directory = _parameter("default-service-directory", default_directory())
log_history_size = _parameter("default-log-history-size", 20)
# Ours: #t brings back the GNU Shepherd's way, where a program that cannot be executed is
# a process that exited.
process_exits_on_failure = _parameter("default-exec-failure-is-exit?", False)
start_timeout = _parameter("default-start-timeout", False)


def user_environment(user: str | int | None, variables: list[str]) -> list[str]:
    """HOME and USER of ``user`` (default: the daemon's) in front of the other variables."""
    import os
    import pwd

    try:
        if isinstance(user, str):
            entry = pwd.getpwnam(user)
        else:
            entry = pwd.getpwuid(os.getuid() if user is None else user)
    except KeyError:
        name, home = str(user if user is not None else os.getuid()), system.user_home() or "/"
    else:
        name, home = entry.pw_name, entry.pw_dir
    rest = [v for v in variables if not v.startswith(("HOME=", "USER="))]
    return [f"HOME={home}", f"USER={name}", *rest]


__all__ = ["LIBRARY", "Settings", "user_environment", "value_of"]
