"""``(drover hurd)``: the services of a Hurd system, and the steps that they consist of.

The services are written in Scheme (``services/definitions/hurd.scm``); here are the procedures
that they call, each a thin one over a function of ``boot.steps``.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from boot import running
from boot.arguments import BootArguments, read_arguments
from boot.guard import start_shell
from boot.late import KINDS, late_service
from boot.places import place
from boot.steps import checking, cleaning, mounting, upkeep
from hurd.offload import off_loop
from hurd.system import system
from pid1.errors import misc_error as refused
from pid1.log import log, say
from pid1.process import DEFAULT_GRACE_PERIOD
from pid1.service import Service
from pid1.supervisor import supervisor
from services.api import service as shepherd_service
from services.api import translator
from services.api.arguments import symbols
from services.api.written import add_definitions
from services.convert import Constructor
from services.keywords import strings
from services.scheme.errors import misc_error, wrong_type
from services.scheme.primitives import Await, Library, Steps
from services.scheme.types import Symbol, Value, scheme_list

LIBRARY = Library()

LIBRARY.bind("%random-seed-file", "/var/lib/random-seed")


def arguments() -> BootArguments:
    """What the boot was asked for; nothing special in a daemon that starts no machine."""
    return running.arguments or read_arguments([])


def _step(name: str, function: Callable[..., Awaitable[Any]], low: int = 0, high: int = 0) -> None:
    """Bind a step that takes time; its own errors become errors of the language."""

    @LIBRARY.procedure(name, low, high)
    def run(*values: Value) -> Steps:
        try:
            return (yield Await(function(*values)))
        except (checking.CheckFailedError, mounting.MountError) as error:
            raise misc_error(name, "~a", str(error)) from error


def _blocking(name: str, function: Callable[..., Any], arity: int) -> None:
    """Bind a call that waits for disks or servers: it suspends its caller only."""

    @LIBRARY.procedure(name, arity)
    def call(*values: Value) -> Steps:
        return (yield Await(off_loop(function, *values)))


# What the boot was asked for


@LIBRARY.primitive("boot-mode", 0)
def boot_mode() -> Symbol:
    return Symbol(arguments().mode)


@LIBRARY.primitive("serial-console?", 0)
def serial_console() -> bool:
    return arguments().on_serial_line


@LIBRARY.primitive("program-installed?", 1)
def program_installed(file: Value) -> bool:
    """Asked of a program's file, not of a node: looking at those may start a server."""
    if not isinstance(file, str):
        raise wrong_type("program-installed?", 1, file)
    return os.access(place(file), os.X_OK)


# File systems


async def _check_root() -> bool:
    entries = mounting.read_fstab()
    wanted = arguments()
    result = await checking.check_root(
        wanted.check, mounting.root_entry(entries), repair_all=wanted.repair == "all"
    )
    await _reboot_if_wanted(result)
    return True


async def _reboot_if_wanted(result: str) -> None:
    """A root that was repaired under its server's feet is not to be used any more."""
    if result == checking.REBOOT:
        say("The file system was repaired; rebooting.")
        await off_loop(system.sync)
        system.reboot("reboot")


async def _check_others() -> bool:
    wanted = arguments()
    result = await checking.check_others(
        mounting.read_fstab(), wanted.check, repair_all=wanted.repair == "all"
    )
    await _reboot_if_wanted(result)
    return True


async def _mount_all() -> bool:
    await mounting.mount_all(mounting.read_fstab())
    return True


async def _swap_on() -> bool:
    await mounting.swap_on(mounting.swap_entries(mounting.read_fstab()))
    return True


async def _swap_off() -> bool:
    daemon = running.daemon
    # A machine that ends needs nothing back from there.
    if daemon is None or daemon.ending is None:
        await mounting.swap_off(mounting.swap_entries(mounting.read_fstab()))
    return True


_step("check-root-file-system", _check_root)
_step("make-root-writable", checking.make_root_writable)
_step("make-root-read-only", mounting.make_root_read_only)
_step("check-file-systems", _check_others)
_step("mount-file-systems", _mount_all)
_step("unmount-file-systems", mounting.unmount_all)
_step("enable-swap", _swap_on)
_step("disable-swap", _swap_off)


@LIBRARY.primitive("root-writable?", 0)
def root_is_writable() -> bool:
    return not system.is_read_only("/")


def _mount_volatile(path: str) -> None:
    system.mount("tmpfs", path, "tmpfs", ["size=16M", "mode=755"])


_blocking("mount-volatile", _mount_volatile, 1)

# Directories and nodes


def _clean_directory(path: str, keep_directories: Value, files: Value) -> int:
    kept = [place(file) for file in strings("clean-directory", "files", files)]
    if running.daemon is not None:
        # The control socket may be open already, and herd talking to us; or its file serves again.
        kept.append(running.daemon.socket_path)
    return cleaning.clean_directory(place(path), keep_directories is not False, kept)


def _make_nodes(essential: Value) -> int:
    from boot.nodes import essential_nodes, system_nodes

    nodes = system_nodes if essential is False else essential_nodes
    made = upkeep.make_nodes(nodes(_driver()))
    if made:
        log(f"Made {made} node(s) that were missing.")
    return made


def _driver() -> Any:
    """Whose disks these are: those of the kernel's own driver have names that begin with hd."""
    root = arguments().root or ""
    return "kernel" if any(f"{kind}0" in root for kind in ("hd", "sd")) else "rumpdisk"


_blocking("clean-directory", _clean_directory, 3)
_blocking("make-directory", lambda path, mode: upkeep.make_directory(place(path), mode), 2)
_blocking("make-missing-nodes", _make_nodes, 1)


def _ensure_file(path: str, mode: int, group: Value) -> None:
    upkeep.ensure_file(place(path), mode, None if group is False else group)


def _ensure_link(target: str, path: str) -> None:
    """A symbolic link, in the place of another file but not of a directory."""
    path = place(path)
    if os.path.isdir(path) and not os.path.islink(path):
        return
    with contextlib.suppress(OSError):
        if os.readlink(path) == target:
            return
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    os.symlink(target, path)


def _file_names(directory: str, suffix: str) -> Value:
    """The files of a directory whose names end so, sorted; none without the directory."""
    try:
        names = os.listdir(place(directory))
    except FileNotFoundError:
        names = []
    return scheme_list(sorted(name for name in names if name.endswith(suffix)))


_blocking("file-names", _file_names, 2)
_blocking("ensure-file", _ensure_file, 3)
_blocking("empty-file", lambda path: os.truncate(place(path), 0), 1)
_blocking("ensure-link", _ensure_link, 2)
_blocking("restore-random-seed", lambda path: upkeep.restore_seed(place(path)), 1)
_blocking("save-random-seed", lambda path: upkeep.save_seed(place(path)), 1)


def _set_host_name(name: str) -> None:
    system.set_hostname(name)


def _read_host_name(path: str) -> Value:
    return upkeep.read_name(place(path)) or False


_blocking("set-host-name", _set_host_name, 1)
_blocking("read-host-name", _read_host_name, 1)
_blocking("record-boot", lambda: system.record_boot(), 0)
_blocking("record-shutdown", lambda: system.record_shutdown(), 0)

# The daemon and its surroundings


@LIBRARY.primitive("open-control-socket", 0)
def open_control_socket() -> bool:
    """Let herd in, now that there is a place for the socket; an error says why that fails."""
    daemon = running.daemon
    if daemon is None or daemon.open_control_socket():
        return True
    raise refused(f"cannot open the control socket '{daemon.socket_path}'")


async def _end_processes(grace: Value = DEFAULT_GRACE_PERIOD) -> int:
    # Those of services that still run have their turn later.
    kept = {pid for service in supervisor().registry for pid in service.children}
    return await upkeep.end_processes(float(grace), kept)


_step("end-processes", _end_processes, 0, 1)


@LIBRARY.primitive("late-service", 2)
def make_late_service(name: Value, requirement: Value) -> Service:
    """A service whose module is imported when it is started."""
    who = "late-service"
    [one] = symbols(who, "name", scheme_list([name]))
    if one not in KINDS:
        raise misc_error(who, "there is no late service '~a'", name)
    return late_service(one, symbols(who, "requirement", requirement))


@LIBRARY.primitive("make-console-shell-constructor", 0)
def make_console_shell_constructor() -> Constructor:
    return Constructor("console-shell-constructor", start_shell)


def _definitions() -> Iterator[Library]:
    yield translator.LIBRARY
    yield shepherd_service.LIBRARY


LIBRARY.bindings.update(translator.LIBRARY.bindings)
add_definitions(LIBRARY, "hurd", *_definitions())
