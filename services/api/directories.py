"""Where the Shepherd keeps its files, for the daemon's user (SHEPHERD.md section 9)."""

from __future__ import annotations

import os

from hurd.system import system


def home() -> str:
    """The home directory of the daemon's user."""
    return os.environ.get("HOME") or system.user_home() or "/"


def _base(variable: str, otherwise: str) -> str:
    return os.environ.get(variable) or otherwise


def runtime() -> str:
    """``XDG_RUNTIME_DIR``."""
    return _base("XDG_RUNTIME_DIR", f"/run/user/{os.getuid()}")


def logs() -> str:
    """Logs of a daemon that is not the system's."""
    return _base("XDG_STATE_HOME", f"{home()}/.local/state") + "/shepherd"


def configuration() -> str:
    """The configuration of a daemon that is not the system's."""
    return _base("XDG_CONFIG_HOME", f"{home()}/.config") + "/shepherd"


def sockets() -> str:
    """The directory of the control socket, when nothing else is said."""
    return "/run/shepherd" if os.getuid() == 0 else f"{runtime()}/shepherd"
