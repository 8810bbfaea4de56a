"""The ports a program has, and the nodes that names lead to: what libc itself does.

Names are looked up from the program's root and working directory, as open(2) does, with the flags
of `hurd.constants`.  Every port that comes back is a new reference.
"""

from __future__ import annotations

from hurd.codes import EINTR
from hurd.constants import MACH_PORT_NULL, O_EXCL
from hurd.errors import HurdError
from hurd.ports import Port
from hurd.results import Result
from hurd.rpc import libc

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Split(Result):
    """The directory of a name, and what is left of it."""

    directory: Port
    name: str


class Found(Result):
    """A program's port, and the name it was found under."""

    port: Port
    name: str


class PrivilegedPorts(Result):
    """The host's privileged port and the device master port."""

    host_priv: Port
    device_master: Port


def _text(name: str | bytes) -> bytes:
    raw = name.encode("utf-8", "surrogateescape") if isinstance(name, str) else name
    if b"\0" in raw:
        raise ValueError(f"embedded NUL in {name!r}")
    return raw


def _ffi() -> Any:
    from hurd.rpc._hurd_abi import ffi

    return ffi


def _port(routine: str, *arguments: Any, exclusive: bool = False) -> Port:
    # A function that returns a port, or 0 and errno.
    call = libc(routine)
    while True:
        name = call(*arguments)
        code = _ffi().errno
        if name != MACH_PORT_NULL:
            return Port(name)
        if code != EINTR or exclusive:
            raise HurdError(code, routine)


def _done(routine: str, *arguments: Any) -> int:
    # A function that returns -1 and errno if it fails.
    result: int = libc(routine)(*arguments)
    code = _ffi().errno
    if result == -1:
        raise HurdError(code, routine)
    return result


def file_name_lookup(name: str | bytes, flags: int = 0, mode: int = 0) -> Port:
    """The node `name`, opened with `flags` (O_…); made with `mode` if they have O_CREAT."""
    return _port("file_name_lookup", _text(name), flags, mode, exclusive=bool(flags & O_EXCL))


def file_name_lookup_under(
    directory: Port, name: str | bytes, flags: int = 0, mode: int = 0
) -> Port:
    """As `file_name_lookup`, from `directory` on."""
    exclusive = bool(flags & O_EXCL)
    return _port(
        "file_name_lookup_under", directory.name, _text(name), flags, mode, exclusive=exclusive
    )


def _split(routine: str, name: str | bytes) -> Split:
    ffi = _ffi()
    raw = ffi.new("char[]", _text(name))
    rest = ffi.new("char **")
    directory = _port(routine, raw, rest)
    return Split(directory, ffi.string(rest[0]).decode("utf-8", "surrogateescape"))


def file_name_split(name: str | bytes) -> Split:
    """The directory that `name` is in, and its last component."""
    return _split("file_name_split", name)


def directory_name_split(name: str | bytes) -> Split:
    """As `file_name_split`; slashes at the end belong to the last component."""
    return _split("directory_name_split", name)


def file_name_path_lookup(
    name: str | bytes, path: str | bytes, flags: int = 0, mode: int = 0
) -> Found:
    """`name` in the directories of `path` (as $PATH), unless it has a slash."""
    ffi = _ffi()
    prefixed = ffi.new("char **")
    port = _port("file_name_path_lookup", _text(name), _text(path), flags, mode, prefixed)
    found = _text(name)
    if prefixed[0] != ffi.NULL:
        found = ffi.string(prefixed[0])
        libc("free")(prefixed[0])
    return Found(port, found.decode("utf-8", "surrogateescape"))


def getauth() -> Port:
    """Who this program acts for: see `hurd.auth`."""
    return Port(libc("getauth")())


def getproc() -> Port:
    """This process's port to the proc server: see `hurd.process`."""
    return Port(libc("getproc")())


def getcrdir() -> Port:
    """The root directory."""
    return Port(libc("getcrdir")())


def getcwdir() -> Port:
    """The working directory."""
    return Port(libc("getcwdir")())


def getcttyid() -> Port:
    """The controlling terminal's port; null if there is none."""
    return Port(libc("getcttyid")())


def getdport(fd: int) -> Port:
    """What is behind a file descriptor."""
    return _port("getdport", fd)


def setauth(port: Port) -> None:
    """Act for somebody else from now on; every open file is opened again, which takes time."""
    _done("setauth", port.name)


def setproc(port: Port) -> None:
    """Use another port to the proc server."""
    _done("setproc", port.name)


def setcrdir(port: Port) -> None:
    """Change the root directory."""
    _done("setcrdir", port.name)


def setcwdir(port: Port) -> None:
    """Change the working directory."""
    _done("setcwdir", port.name)


def setcttyid(port: Port) -> None:
    """Change the controlling terminal's port."""
    _done("setcttyid", port.name)


def openport(port: Port, flags: int = 0) -> int:
    """A file descriptor for `port`, which belongs to it from now on."""
    fd = _done("openport", port.name, flags)
    port.release()
    return fd


def get_privileged_ports() -> PrivilegedPorts:
    """The ports that only root may have; EPERM for others."""
    ffi = _ffi()
    pair = ffi.new("uint32_t[2]")
    code = libc("get_privileged_ports")(pair, pair + 1)
    if code:
        raise HurdError(code, "get_privileged_ports")
    return PrivilegedPorts(Port(pair[0]), Port(pair[1]))


def task2pid(task: Port) -> int:
    """The pid of a task."""
    return _done("task2pid", task.name)


def pid2task(pid: int) -> Port:
    """The task of a process; EPERM for others than its owner and root."""
    return _port("pid2task", pid)


def hurd_sig_post(pid: int, signal: int, refport: Port) -> None:
    """Send a signal, showing `refport` (the task, or the session's port) as the right to."""
    code = libc("hurd_sig_post")(pid, signal, refport.name)
    if code:
        raise HurdError(code, "hurd_sig_post")


def hurd_thread_cancel(thread: Port) -> None:
    """Make the call that another thread is in fail with EINTR."""
    code = libc("hurd_thread_cancel")(thread.name)
    if code:
        raise HurdError(code, "hurd_thread_cancel")


def hurd_check_cancel() -> bool:
    """Whether the calling thread was cancelled since it last asked."""
    return bool(libc("hurd_check_cancel")())
