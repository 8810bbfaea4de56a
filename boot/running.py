"""What the running boot was asked for; set by stage 0, read by the services of the boot."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from boot.arguments import BootArguments
    from pid1.daemon import Daemon

arguments: BootArguments | None = None
"""None in a daemon that has not started a machine."""

daemon: Daemon | None = None
