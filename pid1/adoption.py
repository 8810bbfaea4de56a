"""The new image of the daemon takes over what the one before it supervised.

Its configuration has been evaluated again, so the services are there, but for those that
came from elsewhere; each gets back the state that it had, and what was in the middle of
something is seen to the end.
"""

from __future__ import annotations

import contextlib
import os
import signal
from typing import TYPE_CHECKING, Any

from hurd.system import system
from pid1.capture import Capture
from pid1.carried import kind_of, unpack_definition, unpack_value
from pid1.errors import KeyedError, ServiceNotFound
from pid1.forkexec import Kill, Settings, kill_process
from pid1.log import log
from pid1.process import is_alive, signal_target, terminate
from pid1.service import RUNNING, STARTING, STOPPING, Service
from pid1.supervisor import Replay, Supervisor, current_service
from pid1.values import Process

if TYPE_CHECKING:
    from pid1.daemon import Daemon


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
        service = unpack_definition(packed["names"], packed["definition"])
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
    if packed.get("replaced") and packed["replaced"] != kind_of(service):
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
