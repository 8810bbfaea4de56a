"""Runs in the guest, as root: calls the bindings for real and writes down what they returned.

Writes /drover/result.json: for each check ["value", …] or ["error", symbol, text]. Not a test by
itself; test_real_bindings.py starts it and says what the values must be.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable

from guest_bindings_changes import changes
from guest_bindings_kernel import kernel, made_task
from guest_bindings_nodes import objects, systems, tree, with_data
from guest_bindings_ports import died, ports, sent
from guest_bindings_servers import identities, made_auth, messages_to_self, own_task, processes
from guest_checks import check, leaks, node, results, with_node

from hurd import constants as c
from hurd import fs, fsys, io, lookup, mach, process, process_groups
from hurd.errors import HurdError
from hurd.ports import Port
from hurd.rpc import library
from hurd.rpc._hurd_abi import ffi

RESULT = "/drover/result.json"


def count() -> None:
    check("leak lookup", leaks(lambda: node("/bin/bash")))
    check("leak stat", leaks(with_node("/bin/bash", 0, io.io_stat)))
    check("leak readdir", leaks(lambda: len(with_data())))
    check(
        "leak read", leaks(with_node("/bin/bash", c.O_READ, lambda p: len(io.io_read(p, 0, 9000))))
    )
    check("leak proc", leaks(own_task))
    check("leak failure", leaks(failing))
    check("leak ids", leaks(lambda: with_auth()))
    check("leak message", leaks(sent))
    check("leak task", leaks(made_task))
    check("leak control", leaks(control_options))
    check("leak death", leaks(died))


def failing() -> None:
    with contextlib.suppress(HurdError):
        node("/nowhere")
    with contextlib.suppress(HurdError):
        fs.file_get_translator(Port(0))


def with_auth() -> object:
    with lookup.getauth() as handle:
        return made_auth(handle)


def control_options() -> object:
    with node("/") as root, fs.file_getcontrol(root) as port:
        return fsys.fsys_get_options(port)


def cost() -> None:
    with node("/") as root, lookup.getproc() as proc:
        stub = library.function("proc_getpgrp")
        number = ffi.new("int32_t *")
        actions: dict[str, Callable[[], object]] = {
            "io_stat": lambda: io.io_stat(root),
            "proc_getpids": lambda: process.proc_getpids(proc),
            "mach_port_type": lambda: mach.mach_port_type(mach.mach_task_self(), root.name),
            "os.stat": lambda: os.stat("/"),
            "os.getpgid": lambda: os.getpgid(1),
            "proc_getpgrp": lambda: process_groups.proc_getpgrp(proc, 1),
            "proc_getpgrp alone": lambda: stub(proc.name, 1, number),
        }
        for name, action in actions.items():
            begin = time.monotonic()
            for _ in range(500):
                action()
            results[f"cost {name}"] = ["value", round((time.monotonic() - begin) * 2, 3)]


def main() -> None:
    groups = (
        tree, objects, systems, processes, identities, messages_to_self, kernel, changes, ports,
        count, cost,
    )  # fmt: skip
    for group in groups:
        check(f"group {group.__name__}", group)
        with open(RESULT, "w") as file:  # noqa: PTH123
            json.dump(results, file)
            file.flush()
            os.fsync(file.fileno())
    results["done"] = ["value", True]
    with open(RESULT, "w") as file:  # noqa: PTH123
        json.dump(results, file)


if __name__ == "__main__":
    main()
