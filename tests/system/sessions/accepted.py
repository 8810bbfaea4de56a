"""Where drover's results differ from the recordings on purpose: all of it."""

from __future__ import annotations

from .accepted_basic import FAILED_START, FIRST_TOUCH, POSITIONS, PROCEDURES, REEXEC, RESPAWN_LIMIT
from .accepted_edge import DEATH, EAGER_START, LAST_REPLY, NUL, PID_FILE_STOP, REPLACEMENT
from .accepted_kinds import LOGGER, MONITOR, ORDER, QUIET_END, SOCKET_DIRECTORY
from .accepted_syslog import DEVICES, LONG_MESSAGES
from .difference import Difference

DIFFERENCES: list[Difference] = [
    *QUIET_END,
    *LOGGER,
    *ORDER,
    *FIRST_TOUCH,
    *REEXEC,
    *PROCEDURES,
    *POSITIONS,
    *FAILED_START,
    *RESPAWN_LIMIT,
    *SOCKET_DIRECTORY,
    *MONITOR,
    *REPLACEMENT,
    *PID_FILE_STOP,
    *DEATH,
    *NUL,
    *EAGER_START,
    *LAST_REPLY,
    *DEVICES,
    *LONG_MESSAGES,
]
