"""What one image of the daemon tells the next: services and their values as JSON data.

``snapshot`` takes it all down.  A value or a definition that is code stays behind; what is
known about it goes over, and ``pid1.adoption`` makes the best of it.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from hurd.system import SpawnSpec, system
from pid1.chart import the_chart
from pid1.events import the_events
from pid1.forkexec import ForkExec, Kill
from pid1.log import log, the_log
from pid1.service import RUNNING, STOPPING, Service
from pid1.sexp import write
from pid1.supervisor import Supervisor
from pid1.values import Presentation, Process, encode
from pid1.wire import WireError, read_datum

if TYPE_CHECKING:
    from pid1.daemon import Daemon

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


def unpack_definition(names: list[str], packed: dict[str, Any]) -> Service:
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


def kind_of(service: Service) -> list[str]:
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
        "replaced": None if service.replacement is None else kind_of(service),
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
        "commands": [pid for pid, owner in supervisor.commands.items() if owner in (None, root)],
        "unclaimed": supervisor.children.unclaimed(),
        "services": [
            _pack_service(supervisor, service)
            for service in supervisor.registry
            if service is not root
        ],
    }


def descriptors_of(state: dict[str, Any]) -> list[int]:
    found = [state["listener"]] if state["listener"] is not None else []
    found += [client["descriptor"] for client in state["clients"]]
    for packed in state["services"]:
        if packed["capture"] is not None:
            found += packed["capture"]["descriptors"]
        if packed["value"] is not None and packed["value"][0] == "carried":
            found += packed["value"][1].get("descriptors", [])
    return found
