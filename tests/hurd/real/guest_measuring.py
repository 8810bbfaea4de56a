"""Runs in the guest: what is measured there, and how it is kept for the tests."""

from __future__ import annotations

import json
import os
import time
import traceback

found: dict[str, object] = {}


def say(text: str) -> None:
    """Tell the console how far we are."""
    with open("/dev/console", "w") as console:  # noqa: PTH123
        console.write(f"drover: {text}\n")


def measured(name: str):
    """Run a function now; keep what it returns, or the error, and how long it took."""

    def decorate(function):
        say(name)
        begin = time.monotonic()
        try:
            found[name] = function()
        except BaseException:
            found[name] = {"error": traceback.format_exc()}
            say(traceback.format_exc())
        found[f"{name} seconds"] = round(time.monotonic() - begin, 2)
        return function

    return decorate


def in_child(function) -> object:
    """What a function returns in a process of its own, which leads no session yet."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            answer = function()
        except BaseException:
            answer = {"error": traceback.format_exc()}
        os.write(writer, json.dumps(answer).encode())
        os._exit(0)
    os.close(writer)
    said = b""
    while part := os.read(reader, 4096):
        said += part
    os.close(reader)
    os.waitpid(pid, 0)
    return json.loads(said)
