"""Helpers: start something as a test, and see what came of it."""

from __future__ import annotations

import os

import pytest

from hurd.system import SpawnError, SpawnSpec, system

PATH = "PATH=/usr/bin:/bin"
ROOT = os.geteuid() == 0
needs_root = pytest.mark.skipif(not ROOT, reason="only root may change identity")

# Every way of starting is tried: posix_spawn, and the fork that a limit asks for.
EASY: dict = {}
FORKED: dict = {"resource_limits": [("core", 0, 0)]}
both_ways = pytest.mark.parametrize("way", [EASY, FORKED], ids=["posix_spawn", "fork"])


def output(script: str, **fields) -> str:
    """What a shell script prints when started with these fields."""
    reader, writer = os.pipe()
    fields.setdefault("environment", [PATH])
    try:
        spec = SpawnSpec(["/bin/sh", "-c", script], stdout=writer, stderr=writer, **fields)
        pid = system.spawn(spec)
    finally:
        os.close(writer)
    with os.fdopen(reader) as file:
        text = file.read()
    assert os.waitpid(pid, 0) == (pid, 0), text
    return text.rstrip("\n")


def failure(command: list[str] | None = None, **fields) -> SpawnError:
    fields.setdefault("environment", [PATH])
    with pytest.raises(SpawnError) as info:
        system.spawn(SpawnSpec(["true"] if command is None else command, **fields))
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)  # no zombie, nothing running
    return info.value


def open_descriptors() -> list[str]:
    return os.listdir("/proc/self/fd")


def in_child(body) -> None:
    """Run `body` in a forked test process; an exception there fails the test here."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        message = "the test process died"
        try:
            body()
            message = ""
        except BaseException as e:
            message = repr(e)
        finally:
            os.write(writer, message.encode())
            os._exit(0 if not message else 1)
    os.close(writer)
    with os.fdopen(reader) as file:
        message = file.read()
    assert os.waitpid(pid, 0)[1] == 0, message
