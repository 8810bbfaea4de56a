"""Replacing the running daemon by a fresh image of itself, keeping what it supervises.

Processes, pipes, sockets and the exit statuses of children survive ``execve``; what the
daemon knows about them is written to an unnamed file that the next image inherits.
Definitions are code: they come back by loading the configuration again, with starts
suppressed, and what was loaded or evaluated since.  Clients wait in the kernel's queue
meanwhile; nobody is refused and no status is lost.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import stat
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from hurd.system import SpawnError, SpawnSpec, system
from pid1.capture import Capture
from pid1.chart import the_chart
from pid1.errors import KeyedError, ServiceNotFound, misc_error
from pid1.events import the_events
from pid1.forkexec import ForkExec, Kill, Settings, kill_process
from pid1.log import log, the_log
from pid1.process import is_alive, signal_target, terminate
from pid1.service import RUNNING, STARTING, STOPPING, Service
from pid1.sexp import write
from pid1.supervisor import Replay, Supervisor, current_service
from pid1.values import Presentation, Process, encode
from pid1.wire import WireError, read_datum

if TYPE_CHECKING:
    from pid1.daemon import Daemon

# Names the descriptor of the state, for the next image only.
VARIABLE: Final = "DROVER_REEXEC_FD"
# Asks an image whether it starts, and can read a state of this format.
CHECK_VARIABLE: Final = "DROVER_REEXEC_CHECK"
# Seconds that starts, stops and commands in progress may take to finish first.
PATIENCE: Final = 5.0
# Seconds that an image may take to start.
_CHECK_PATIENCE: Final = 30.0
# Changes with the layout of the state.
FORMAT: Final = 4


# Values


def pack_value(value: Any) -> Any:
    """Return a running value as JSON data, None for one that cannot be carried over.

    A value with a method ``carry`` gives a mapping, in which "descriptors" are the files
    to be kept open; ``adopt(mapping, service)`` of the module that "module" names, or else
    of the start procedure, makes the value again.
    """
    carry = getattr(value, "carry", None)
    if carry is not None:
        return ["carried", carry()]
    if isinstance(value, Process):
        return ["process", value.pid, value.command]
    wire = encode(value)
    if isinstance(wire, str) and not isinstance(value, str):
        return ["none"] if value is None else None
    return ["data", write(wire)]


def unpack_value(packed: Any, service: Service) -> Any:
    """Return the running value again; True stands for one that could not be carried over."""
    if packed is None:
        return True
    if packed[0] == "process":
        return Process(packed[1], packed[2])
    if packed[0] == "none":
        return None
    if packed[0] == "carried":
        module = packed[1].get("module")
        adopt = getattr(import_module(module) if module else service.start, "adopt", None)
        if adopt is not None:
            return adopt(packed[1], service)
        log(f"The start procedure of service {service.name} cannot take its value over.")
        for descriptor in packed[1].get("descriptors", ()):
            os.close(descriptor)
        return True
    try:
        datum: Any = read_datum(f"({packed[1]})".encode())
        return Presentation.decode(datum[0])
    except (WireError, TypeError, LookupError):
        return True


# Services


_SPEC_FIELDS: Final = SpawnSpec.__slots__


def _pack_definition(service: Service) -> dict[str, Any] | None:
    """The definition of a service that needs no code of a configuration.

    Its ``origin`` says which function of which module makes it again, and from what;
    otherwise it is one that runs a program.
    """
    if service.origin is not None:
        return {"origin": service.origin}
    start, stop = service.start, service.stop
    if not isinstance(start, ForkExec) or not isinstance(stop, Kill):
        return None
    spec = {name: getattr(start.spec, name) for name in _SPEC_FIELDS}
    spec.pop("control_group")
    spec.pop("control_group_error")
    if spec.pop("extra_descriptors") or spec.pop("tty") is not None:
        return None
    if any(spec.pop(name) is not None for name in ("stdin", "stdout", "stderr")):
        return None
    return {
        "spec": spec,
        "log_file": start.log_file,
        "pid_file": start.pid_file,
        "pid_file_timeout": start.pid_file_timeout,
        "exits_on_failure": start.exits_on_failure,
        "readiness": None if start.readiness is None else start.readiness.carry(),
        "kill": [int(stop.signal), stop.grace_period],
        "requirement": service.requirement,
        "one_shot": service.one_shot,
        "transient": service.transient,
        "respawn": service.respawn,
        "respawn_limit": service.respawn_limit,
        "respawn_delay": service.respawn_delay,
        "documentation": service.documentation,
    }


def _unpack_definition(names: list[str], packed: dict[str, Any]) -> Service:
    if "origin" in packed:
        module, function, data = packed["origin"]
        made: Service = getattr(import_module(module), function)(names, data)
        return made
    options = dict(packed["spec"])
    readiness = None
    if packed["readiness"] is not None:
        from pid1.readiness import Readiness

        readiness = Readiness(*packed["readiness"])
    spec = SpawnSpec(options.pop("command"), options.pop("environment"), **options)
    return Service(
        tuple(names),
        tuple(packed["requirement"]),
        one_shot=packed["one_shot"],
        transient=packed["transient"],
        respawn=packed["respawn"],
        respawn_limit=tuple(packed["respawn_limit"]),
        respawn_delay=packed["respawn_delay"],
        documentation=packed["documentation"],
        start=ForkExec(
            spec,
            packed["log_file"],
            packed["pid_file"],
            packed["pid_file_timeout"],
            packed["exits_on_failure"],
            readiness,
        ),
        stop=Kill(*packed["kill"]),
    )


def _kind(service: Service) -> list[str]:
    """What its procedures are: those of another kind can do nothing with its running value."""
    return [type(service.start).__qualname__, type(service.stop).__qualname__]


def _pack_end(supervisor: Supervisor, service: Service) -> Any:
    """How the main process ended, if the handler has not begun to see to it."""
    if service not in supervisor.ends:
        return None
    value, status, begun = supervisor.ends[service]
    if not begun:
        return [pack_value(value), status]
    if service.termination_handler is not None:
        log(f"The termination handler of service {service.name} is interrupted.")
    return None


def _pack_service(supervisor: Supervisor, service: Service) -> dict[str, Any]:
    capture = service.capture
    status = service.status
    return {
        "names": service.names,
        "definition": _pack_definition(service),
        # The replacement is all that comes back.
        "replaced": None if service.replacement is None else _kind(service),
        "status": status,
        "value": pack_value(service.value) if status in (RUNNING, STOPPING) else None,
        "enabled": service.enabled,
        "transient": service.transient,
        "changes": service.changes,
        "failures": service.failures,
        "respawns": service.respawns,
        "exits": service.exits,
        "children": sorted(service.children),
        "commands": [pid for pid, owner in supervisor.commands.items() if owner is service],
        "respawning": service in supervisor.respawning,
        "end": _pack_end(supervisor, service),
        "contained": None if service.containment is None else service.containment.carry(),
        "capture": None if capture is None else capture.carry(),
    }


def snapshot(daemon: Daemon) -> dict[str, Any]:
    """Return all that the next image has to know, as JSON data."""
    supervisor = daemon.supervisor
    root = supervisor.root
    return {
        "format": FORMAT,
        "listener": daemon.server.listener and daemon.server.listener.fileno(),
        "loading": daemon.loading,
        "ending": daemon.stop_wanted(),
        "socket_path": daemon.socket_path,
        "pid_file": daemon.pid_file,
        "descriptor_limit": daemon.descriptor_limit,
        "control_groups": None if (groups := system.control_groups()) is None else groups.carry(),
        "configuration": daemon.configuration,
        "state_directory": supervisor.disabled and os.path.dirname(supervisor.disabled.path),
        "journal": [
            entry
            for entry in daemon.journal
            if any(supervisor.registry.get(name) is not None for name in entry[2])
        ],
        "log": the_log.history,
        "events": the_events.carry(),
        "chart": the_chart.carry(),
        "clients": daemon.server.carry(),
        "root": {"changes": root.changes, "enabled": root.enabled} if root is not None else None,
        "background": supervisor.background,
        # What waited for them is gone with this image, so they are ended by the next one.
        "commands": [pid for pid, owner in supervisor.commands.items() if owner is None],
        "unclaimed": supervisor.children.unclaimed(),
        "services": [
            _pack_service(supervisor, service)
            for service in supervisor.registry
            if service is not root
        ],
    }


def _descriptors(state: dict[str, Any]) -> list[int]:
    found = [state["listener"]] if state["listener"] is not None else []
    found += [client["descriptor"] for client in state["clients"]]
    for packed in state["services"]:
        if packed["capture"] is not None:
            found += packed["capture"]["descriptors"]
        if packed["value"] is not None and packed["value"][0] == "carried":
            found += packed["value"][1].get("descriptors", [])
    return found


# The old image


def busy(supervisor: Supervisor) -> list[Service]:
    """Services in the middle of a transition, or whose end is being seen to."""
    return [
        s
        for s in supervisor.registry
        if s.status in (STARTING, STOPPING)
        or (s in supervisor.ends and s not in supervisor.respawning)
    ]


def execute(daemon: Daemon) -> None:
    """Replace this image; returns only if that failed, and then all is as before.

    Raises OSError with the reason.
    """
    daemon.server.release_spare()
    # A signal that comes before the next image has its handlers shall wait for them.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    descriptors: list[int] = []
    file = -1
    try:
        the_log.flush()
        state = snapshot(daemon)
        file = _unnamed_file(os.path.dirname(daemon.socket_path))
        descriptors = [*_descriptors(state), file]
        _write(file, json.dumps(state).encode())
        for descriptor in descriptors:
            os.set_inheritable(descriptor, True)
        os.execve(sys.executable, command_line(), {**os.environ, VARIABLE: str(file)})
    finally:
        for descriptor in descriptors:
            with contextlib.suppress(OSError):
                os.set_inheritable(descriptor, False)
        if file >= 0:
            os.close(file)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        daemon.server.reserve_spare()


def _unnamed_file(directory: str) -> int:
    """Open a file without a name, in memory where the system has such files.

    Else in the directory of the socket, which is ours, or wherever files can be made.
    """
    if hasattr(os, "memfd_create"):
        return os.memfd_create("drover-state")
    for place in (directory, "/run"):
        with contextlib.suppress(OSError):
            return _file_without_name(place)
    return _file_without_name("/tmp")


def _file_without_name(directory: str) -> int:
    path = f"{directory}/.drover-state-{os.getpid()}"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)  # of an image that was killed in between
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    os.unlink(path)
    return file


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
    os.lseek(descriptor, 0, os.SEEK_SET)


def command_line() -> list[str]:
    """How this interpreter was started."""
    return [sys.executable, *sys.orig_argv[1:]]


# The new image


def inherited_state() -> dict[str, Any] | None:
    """Return what the previous image left, or None in a daemon that starts afresh."""
    number = os.environ.pop(VARIABLE, None)
    if number is None:
        return None
    try:
        descriptor = int(number)
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid():
            return None  # not what an image of ours would leave
        with os.fdopen(descriptor, "rb") as file:
            state: dict[str, Any] = json.loads(file.read())
        return state if _is_usable(state) else None
    except (OSError, OverflowError, ValueError, LookupError, TypeError):
        return None


def _is_usable(state: dict[str, Any]) -> bool:
    """Whether it is ours, and what is used before the event loop runs, which survives the rest."""
    limit, listener = state["descriptor_limit"], state["listener"]
    return (
        state["format"] == FORMAT
        and isinstance(state["socket_path"], str)
        and isinstance(state["state_directory"], str | None)
        and (listener is None or (type(listener) is int and listener >= 0))
        and (limit is None or [type(part) for part in limit] == [int, int])
    )


def inherited_listener(state: dict[str, Any]) -> socket.socket | None:
    """Return the control socket of the previous image; None if that had none yet."""
    if state["listener"] is None:
        return None
    try:
        listener = socket.socket(fileno=state["listener"])
    except OSError:
        return None  # its server has died
    listener.setblocking(False)
    return listener


def adopt(daemon: Daemon, state: dict[str, Any], again: Replay) -> None:
    """Give the services, evaluated ``again``, the state that they had."""
    supervisor = daemon.supervisor
    if state["control_groups"] is not None and (groups := system.control_groups()):
        groups.adopt(state["control_groups"])
    daemon.journal[:] = [(kind, text, names) for kind, text, names in state["journal"]]
    wanted = {packed["names"][0]: packed for packed in state["services"]}
    for service in list(supervisor.registry):
        known = service is supervisor.root or service.name in wanted
        if not known and not state["loading"]:
            supervisor.registry.unregister(service)
    for name, packed in wanted.items():
        try:
            service = supervisor.registry.get(name) or _recreate(supervisor, packed)
            _adopt_service(supervisor, service, packed)
        except Exception as error:
            log(f"Cannot take over service {name}: {type(error).__name__}: {error}")
            if packed["status"] == RUNNING and not packed["children"]:
                supervisor.start_in_background([name])
    for pid in state["commands"]:
        supervisor.spawn_task(_end(supervisor, [pid]), name=f"end process {pid}")
    supervisor.children.claim(dict(state["unclaimed"]))
    daemon.server.adopt(state["clients"])
    log(f"Took over {len(wanted)} services from the previous image.")
    if state["ending"] is not None:
        daemon.end(state["ending"])
        return
    for names in state["background"]:
        supervisor.start_in_background(names)
    if state["loading"]:
        # The rest of a configuration that was not evaluated to its end.
        supervisor.start_in_background(_not_begun(supervisor, again, wanted))


def _not_begun(supervisor: Supervisor, again: Replay, wanted: dict[str, Any]) -> list[str]:
    """The services whose start was asked for again, and had not been before."""
    found = []
    for name in dict.fromkeys(again.requested):
        service = supervisor.registry.get(name)
        if service is not None and not wanted.get(service.name, {}).get("changes"):
            found.append(name)
    return found


def _recreate(supervisor: Supervisor, packed: dict[str, Any]) -> Service:
    """A service whose definition did not come back with the configuration."""
    if packed["definition"] is not None:
        service = _unpack_definition(packed["names"], packed["definition"])
    else:
        log(f"The definition of service {packed['names'][0]} is lost; it can be stopped only.")
        service = Service(
            tuple(packed["names"]),
            transient=packed.get("transient", False),
            stop=_stop_orphan,
            start=lambda *_a: False,
        )
    supervisor.register([service])
    return service


def _stop_orphan(value: Any, *_arguments: object) -> Any:
    return Kill()(value) if isinstance(value, Process) else False


def _adopt_service(supervisor: Supervisor, service: Service, packed: dict[str, Any]) -> None:
    service.enabled = packed["enabled"]
    service.changes = [(status, when) for status, when in packed["changes"]]
    service.failures = tuple(packed["failures"])
    service.respawns = tuple(packed["respawns"])
    service.exits = tuple((status, when) for status, when in packed["exits"])
    status = packed["status"]
    if packed.get("replaced") and packed["replaced"] != _kind(service):
        _adopt_replacement(supervisor, service, packed)
        return
    if packed["capture"] is not None:
        service.capture = Capture.carried(packed["capture"])
    if status in (RUNNING, STOPPING):
        service.value = unpack_value(packed["value"], service)
        service.status = RUNNING
        if packed["value"] is None:
            log(f"The running value of service {service.name} could not be carried over.")
    service.touch()
    if status == STARTING:
        remains = [*packed["children"], *packed["commands"]]
        supervisor.spawn_task(
            _start_again(supervisor, service, remains), name=f"start {service.name}"
        )
        return
    if packed["commands"]:
        work = _end(supervisor, packed["commands"])
        supervisor.spawn_task(work, name=f"end commands of {service.name}")
    # Before anything is stopped: the group tells what belongs to the service.
    if packed["contained"]:
        supervisor.contain_again(service, packed["contained"])
    for pid in packed["children"]:
        supervisor.own(service, pid)
    if service.main_pid is not None and not is_alive(service.main_pid):
        # Reaped by nobody of ours: a daemon adopted through its PID file.
        if service.main_pid not in packed["children"]:
            supervisor.own(service, service.main_pid)
            supervisor.children.ended(service.main_pid, 0)
    elif service.main_pid is not None:
        supervisor.own(service, service.main_pid)
    if status == STOPPING:
        supervisor.spawn_task(supervisor.stop(service), name=f"stop {service.name}")
    elif packed["end"] is not None:
        value, wait_status = packed["end"]
        supervisor.handle_end(service, unpack_value(value, service), wait_status)
    elif packed["respawning"]:
        supervisor.spawn_task(supervisor.respawn(service), name=f"respawn {service.name}")


def _adopt_replacement(supervisor: Supervisor, service: Service, packed: dict[str, Any]) -> None:
    """Start the replacement of a service that only its own definition could have stopped."""
    log(f"Service {service.name} has a replacement of another kind; restarting it.")
    value = packed["value"]
    if packed["capture"] is not None:
        Capture.carried(packed["capture"])  # read to its end
    pids = [*packed["children"], *packed["commands"]]
    if value is not None and value[0] == "carried":
        for descriptor in value[1].get("descriptors", ()):
            os.close(descriptor)
        pids += [pid for pid, _start in value[1].get("processes", ())]  # those of a timer
    elif value is not None and value[0] == "process":
        pids.append(value[1])
    if packed["contained"]:
        supervisor.contain_again(service, packed["contained"])
    work = _start_replacement(supervisor, service, pids, packed["status"] in (RUNNING, STARTING))
    supervisor.spawn_task(work, name=f"replace {service.name}")


async def _start_replacement(
    supervisor: Supervisor, service: Service, pids: list[int], start: bool
) -> None:
    current_service.set(service)
    for pid in pids:
        if is_alive(pid):
            with contextlib.suppress(KeyedError):
                await kill_process(pid, signal.SIGTERM, Settings.grace_period())
    if start:
        await _start(supervisor, service)


async def _end(supervisor: Supervisor, pids: list[int]) -> None:
    """End processes whose outcome nobody waits for any more."""
    for pid in pids:
        with contextlib.suppress(OSError):
            await terminate(supervisor.children, signal_target(pid), wait_for=pid)


async def _start_again(supervisor: Supervisor, service: Service, remains: list[int]) -> None:
    """Begin a start anew, without what its first attempt left running."""
    await _end(supervisor, remains)
    await _start(supervisor, service)


async def _start(supervisor: Supervisor, service: Service) -> None:
    try:
        await supervisor.start(service)
    except (KeyedError, ServiceNotFound) as error:
        log(f"Exception caught while starting {service.name}: {error}")


async def reexecute(daemon: Daemon) -> None:
    """Finish what is in progress, then replace the image; on failure go on as before."""
    loop = daemon.loop
    daemon.server.pause()
    try:
        end = loop.time() + PATIENCE
        while loop.time() < end and (
            daemon.server.busy or busy(daemon.supervisor) or daemon.loading
        ):
            await daemon.tick()
        if daemon.stop_wanted() is not None:
            log("Not re-executing: the daemon is stopping.")
            return
        # Starts that do not end are begun again by the next image.
        for service in busy(daemon.supervisor):
            if service.job is not None:
                log(f"Start of service {service.name} begins again after re-execution.")
        log("Re-executing.")
        execute(daemon)
    except Exception as error:
        log(f"Cannot re-execute: {getattr(error, 'strerror', None) or error}.")
    finally:
        daemon.server.resume()


async def check_image(supervisor: Supervisor) -> None:
    """Raise KeyedError unless the program that would be executed starts and understands us."""
    environment = [f"{name}={value}" for name, value in os.environ.items()]
    # Not captured: what it prints is of interest to nobody.
    spec = SpawnSpec(command_line(), [*environment, f"{CHECK_VARIABLE}={FORMAT}"])
    try:
        pid = system.spawn(spec)
    except SpawnError as error:
        raise misc_error(f"the new image does not start: {error}; not re-executing") from error
    supervisor.children.forget_unclaimed(pid)
    ending = asyncio.ensure_future(supervisor.children.wait(pid))
    done, _ = await asyncio.wait({ending}, timeout=_CHECK_PATIENCE)
    if not done:
        os.kill(pid, signal.SIGKILL)
    status = await ending
    if status != 0:
        raise misc_error("the new image does not start; not re-executing", status)


__all__ = ["CHECK_VARIABLE", "FORMAT", "VARIABLE", "adopt", "check_image", "execute",
           "inherited_listener", "inherited_state", "reexecute"]  # fmt: skip
