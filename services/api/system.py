"""``(shepherd system)``: what the Shepherd adds to Guile's system calls.

Everything goes through ``hurd.system``; what only the real daemon's own loop needs is
bound to procedures that refuse.
"""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import signal
import socket
from typing import Any

from hurd.system import RebootError, system
from services.api.written import unavailable
from services.scheme.errors import SchemeError, misc_error, system_error, wrong_type
from services.scheme.forms import BEGIN, LAMBDA
from services.scheme.primitives import Await, Call, Library, Primitive, Steps
from services.scheme.syntax import Macro
from services.scheme.types import NIL, Pair, Symbol, Value, iterate, scheme_list

LIBRARY = Library()

LIBRARY.bind("PR_SET_CHILD_SUBREAPER", 36)
LIBRARY.bind("SFD_CLOEXEC", os.O_CLOEXEC)
LIBRARY.bind("SFD_NONBLOCK", os.O_NONBLOCK)
LIBRARY.bind("%gzip-program", shutil.which("gzip") or "gzip")
LIBRARY.bind("%zstd-program", shutil.which("zstd") or "zstd")

# Seconds between two looks at a file where its deletion is not announced.
_LOOK = 0.5


def _reboot(name: str, action: str, constant: str) -> None:
    @LIBRARY.primitive(name, 0)
    def reboot() -> None:
        try:
            system.reboot(action)
        except RebootError as error:
            number = error.errno or 0
            arguments = scheme_list((os.strerror(number), Symbol(constant)))
            raise SchemeError(
                "system-error", ("reboot", "~A: ~S", arguments, scheme_list((number,)))
            ) from error
        except NotImplementedError as error:
            raise system_error("reboot", OSError(errno.ENOSYS, "")) from error


_reboot("reboot", "reboot", "RB_AUTOBOOT")
_reboot("halt", "halt", "RB_HALT_SYSTEM")
_reboot("power-off", "power-off", "RB_POWER_OFF")
_reboot("reboot-kexec", "kexec", "RB_KEXEC")


@LIBRARY.primitive("kexec-supported?", 0)
def kexec_supported() -> bool:
    return system.kexec_loaded() is not None


@LIBRARY.primitive("kexec-loaded?", 0)
def kexec_loaded() -> bool:
    return system.kexec_loaded() is True


@LIBRARY.primitive("disable-reboot-on-ctrl-alt-del", 0)
def disable_reboot_on_ctrl_alt_del() -> None:
    system.disable_ctrl_alt_del()


@LIBRARY.primitive("prctl", 2)
def prctl(option: Value, value: Value) -> int:
    """Only what the Shepherd uses it for: becoming the parent of orphans."""
    if option != LIBRARY.bindings["PR_SET_CHILD_SUBREAPER"] or value != 1:
        raise misc_error("prctl", "only (prctl PR_SET_CHILD_SUBREAPER 1) is available: ~S", option)
    if not system.become_subreaper():
        raise system_error("prctl", OSError(errno.ENOSYS, ""))
    return 0


@LIBRARY.primitive("getpgid", 1)
def getpgid(pid: Value) -> int:
    if type(pid) is not int:
        raise wrong_type("getpgid", 1, pid)
    return os.getpgid(pid)


@LIBRARY.primitive("max-file-descriptors", 0)
def max_file_descriptors() -> int:
    return os.sysconf("SC_OPEN_MAX")


@LIBRARY.primitive("mark-as-close-on-exec", 0)
def mark_as_close_on_exec() -> None:
    """Nothing to do: every descriptor of the daemon is."""


@LIBRARY.primitive("ipv6-only", 1)
def ipv6_only(port: Value) -> Value:
    descriptor = getattr(port, "fd", None)
    if type(descriptor) is not int:
        raise wrong_type("ipv6-only", 1, port)
    with socket.socket(fileno=os.dup(descriptor)) as sock:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    return port


# Signals


def _signals(who: str, value: Value) -> set[signal.Signals]:
    try:
        return {signal.Signals(number) for number in iterate(value)}
    except ValueError:
        raise wrong_type(who, 1, value) from None


def _mask(name: str, how: int) -> None:
    @LIBRARY.primitive(name, 1)
    def change(signals: Value) -> Value:
        return scheme_list(sorted(map(int, signal.pthread_sigmask(how, _signals(name, signals)))))


_mask("block-signals", signal.SIG_BLOCK)
_mask("unblock-signals", signal.SIG_UNBLOCK)
_mask("set-blocked-signals", signal.SIG_SETMASK)


def _with_blocked_signals(form: Any) -> Value:
    body = Pair(LAMBDA, Pair(NIL, form.cdr.cdr))
    return scheme_list((_CALL_WITH_BLOCKED_SIGNALS, form.cdr.car, body))


def _call_with_blocked_signals(signals: Value, thunk: Value) -> Steps:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _signals("with-blocked-signals", signals))
    try:
        return (yield Call(thunk))
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_CALL_WITH_BLOCKED_SIGNALS = Primitive(
    "with-blocked-signals", _call_with_blocked_signals, 2, 2, generator=True
)


def _begin(form: Any) -> Value:
    return Pair(BEGIN, form.cdr)


LIBRARY.bind("with-blocked-signals", Macro("with-blocked-signals", _with_blocked_signals))
LIBRARY.bind("without-automatic-finalization", Macro("without-automatic-finalization", _begin))
unavailable(
    LIBRARY, "the daemon's loop receives the signals itself", "signalfd", "consume-signalfd-siginfo"
)


# Files


async def _deletion(path: str) -> None:
    identity = _identity(path)
    while identity is not None and _identity(path) == identity:
        await asyncio.sleep(_LOOK)


def _identity(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


@LIBRARY.procedure("wait-for-file-deletion", 1)
def wait_for_file_deletion(file: Value) -> Steps:
    if not isinstance(file, str):
        raise wrong_type("wait-for-file-deletion", 1, file)
    yield Await(_deletion(file))
