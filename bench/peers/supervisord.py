"""supervisord: one Python process for all services."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from bench.peers.base import Peer, Setup

_CONFIGURATION = """\
[supervisord]
nodaemon = true
user = root
minfds = 4096
logfile = {directory}/log
pidfile = {directory}/pid
childlogdir = {directory}

[unix_http_server]
file = {directory}/socket

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl = unix://{directory}/socket
"""
# startsecs: a service runs as soon as its process does, as with the others.  Its output is read,
# as the others' is that read it, and kept by nobody.
_PROGRAM = """\

[program:{name}]
command = {command}
startsecs = 0
autorestart = true
redirect_stderr = true
stdout_logfile = NONE
"""


class Supervisord(Peer):
    """supervisord with one section per service."""

    name = "supervisord"
    packages = ("supervisor",)
    programs = ("/usr/bin/supervisord", "/usr/bin/supervisorctl")
    notes: ClassVar[Mapping[str, str]] = {
        "ready": "its loop turns once a second",
        "shutdown": "its loop turns once a second",
        "stop": "no dependencies: `supervisorctl stop all`",
        "respawn": "no delay is configured, but its loop turns once a second",
        "idle": "its loop turns once a second",
    }

    def version(self) -> str:
        return f"supervisor {self.output('supervisord', '--version')}, Python"

    def write(self, setup: Setup) -> None:
        command = f"{setup.program} {setup.fifo}"
        sections = [_PROGRAM.format(name=name, command=command) for name in setup.names]
        text = _CONFIGURATION.format(directory=setup.directory) + "".join(sections)
        (setup.directory / "conf").write_text(text, encoding="utf-8")

    def command(self, setup: Setup) -> list[str]:
        return ["supervisord", "-c", f"{setup.directory}/conf"]

    def status_one(self, setup: Setup, name: str) -> list[str]:
        return self._control(setup, "status", name)

    def status_all(self, setup: Setup) -> list[str]:
        return self._control(setup, "status")

    def stop_all(self, setup: Setup) -> list[str]:
        return self._control(setup, "stop", "all")

    def _control(self, setup: Setup, *words: str) -> list[str]:
        return ["supervisorctl", "-c", f"{setup.directory}/conf", *words]
