"""Translators: setting, starting, showing, changing and removing them, and mounting file systems.

What settrans, showtrans, fsysopts, mount and umount of the Hurd do, as functions; the commands
themselves are `hurd.tools`. Errors are `TranslatorError`s that name the node or program. Calls
block until the servers answer; in the daemon, use `start` and `hurd.offload`.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from hurd.translator.control import Translator as Translator
    from hurd.translator.control import ask_to_go as ask_to_go
    from hurd.translator.control import goaway_flags as goaway_flags
    from hurd.translator.errors import NoRecordError as NoRecordError
    from hurd.translator.errors import TranslatorError as TranslatorError
    from hurd.translator.fstab import MountEntry as MountEntry
    from hurd.translator.fstab import MountTable as MountTable
    from hurd.translator.mounting import Mounted as Mounted
    from hurd.translator.mounting import UnknownType as UnknownType
    from hurd.translator.mounting import control_of_mounted as control_of_mounted
    from hurd.translator.mounting import mount as mount
    from hurd.translator.mounting import query as query
    from hurd.translator.mounting import remount as remount
    from hurd.translator.mounting import unmount as unmount
    from hurd.translator.nodes import active_of as active_of
    from hurd.translator.nodes import open_node as open_node
    from hurd.translator.nodes import record_of as record_of
    from hurd.translator.options import get_options as get_options
    from hurd.translator.options import set_options as set_options
    from hurd.translator.setting import attach as attach
    from hurd.translator.setting import remove as remove
    from hurd.translator.setting import set_active as set_active
    from hurd.translator.setting import set_passive as set_passive
    from hurd.translator.setting import show as show
    from hurd.translator.setting import show_descriptor as show_descriptor
    from hurd.translator.setting import start_for_node as start_for_node
    from hurd.translator.setting import start_passive as start_passive
    from hurd.translator.startup import DEFAULT_TIMEOUT as DEFAULT_TIMEOUT
    from hurd.translator.startup import reap as reap
    from hurd.translator.startup import start_translator as start_translator
    from hurd.translator.watching import start as start

# Where each public name is; a module is loaded when the first of its names is used.
_HOMES = {
    "control": ("Translator", "ask_to_go", "goaway_flags"),
    "errors": ("NoRecordError", "TranslatorError"),
    "fstab": ("MountEntry", "MountTable"),
    "mounting": (
        "Mounted",
        "UnknownType",
        "control_of_mounted",
        "mount",
        "query",
        "remount",
        "unmount",
    ),
    "nodes": ("active_of", "open_node", "record_of"),
    "options": ("get_options", "set_options"),
    "setting": (
        "attach",
        "remove",
        "set_active",
        "set_passive",
        "show",
        "show_descriptor",
        "start_for_node",
        "start_passive",
    ),
    "startup": ("DEFAULT_TIMEOUT", "reap", "start_translator"),
    "watching": ("start",),
}


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            from importlib import import_module

            value = getattr(import_module(f"hurd.translator.{home}"), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
