"""GNU/Hurd: what differs from the common part, as far as the supervisor needs it.

It has procfs (once that translator runs; ps(1) asks the proc server without it) and posix_spawn,
the fastest way to start a program here too (17 to 28 ms; fork and exec 27, Popen 44).  It has no
subreaper, no inotify, no SO_PEERCRED, no control groups, no list of open descriptors, and no kernel
threads among the processes that can be supervised.  Orphans go to PID 1.

Known of the real system: resource limits are accepted and then not inherited by exec; a program
killed within some 30 ms of its start is reported dead of SIGKILL whatever the signal was.
"""

from __future__ import annotations

import errno

from hurd.system.base import RebootError, SpawnSpec
from hurd.system.posix import PosixSystem
from hurd.system.spawn import spawn

# mach/sys/reboot.h. There is no flag for power-off: RB_HALT switches off if it can.
_REBOOT = {
    "halt": ("RB_HALT", 8),
    "power-off": ("RB_HALT", 8),
    "reboot": ("RB_AUTOBOOT", 0),
}


class HurdSystem(PosixSystem):
    name = "hurd"

    def spawn(self, spec: SpawnSpec) -> int:
        # setgroups makes the first of the list the effective group, and setgid replaces that
        # first one: without the gid in front a supplementary group would be lost.
        return spawn(spec, gid_first=True)

    def reboot(self, action: str) -> None:
        from hurd.system.libc import c_errno, libc

        if action not in _REBOOT:
            raise NotImplementedError(action)
        name, constant = _REBOOT[action]
        code = c_errno() if libc.reboot(constant) != 0 else 0
        # /hurd/startup never answers a request it accepts; glibc returns 0 without having done
        # anything when it cannot look up /servers/startup.
        raise RebootError(code or errno.ENOENT, name)

    def kernel_log_file(self) -> str | None:
        return "/dev/klog"
