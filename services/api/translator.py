"""``(drover translator)``: translators as services, for configurations."""

from __future__ import annotations

from typing import Any

from hurd.offload import off_loop
from hurd.system import system
from hurd.system.nodes import START_TIMEOUT, ServerSpec
from pid1.process import DEFAULT_GRACE_PERIOD
from pid1.translator import TranslatorStart, TranslatorStop
from services import keywords
from services.convert import Constructor
from services.scheme.errors import misc_error, wrong_type
from services.scheme.primitives import Await, Library, Steps
from services.scheme.types import Value, scheme_list

LIBRARY = Library()

_KEYWORDS = frozenset({"timeout", "passive?", "create?"})


def _string(who: str, position: int, value: Value) -> str:
    if not isinstance(value, str):
        raise wrong_type(who, position, value)
    return value


@LIBRARY.primitive("translators-supported?", 0)
def translators_supported() -> bool:
    return system.has_servers()


@LIBRARY.primitive("make-translator-constructor", 2, None)
def make_translator_constructor(node: Value, command: Value, *rest: Value) -> Constructor:
    who = "make-translator-constructor"
    options = keywords.split(rest, _KEYWORDS)
    words = keywords.strings(who, "command", command)
    if not words:
        raise keywords.mismatch(who, "command", command, "non-empty-list?")
    timeout = keywords.number(who, "timeout", options.get("timeout", START_TIMEOUT))
    server = ServerSpec(
        words,
        timeout=timeout,
        record=options.get("passive?", False) is not False,
        create=options.get("create?", False) is not False,
    )
    start = TranslatorStart(_string(who, 1, node), server)
    return Constructor("translator-constructor", start)


@LIBRARY.primitive("make-translator-destructor", 1, None)
def make_translator_destructor(node: Value, *rest: Value) -> Constructor:
    who = "make-translator-destructor"
    options = keywords.split(rest, frozenset({"grace-period"}))
    grace = keywords.number(who, "grace-period", options.get("grace-period", DEFAULT_GRACE_PERIOD))
    return Constructor("translator-destructor", TranslatorStop(_string(who, 1, node), grace))


def _asynchronous(name: str, arity: int, function: Any) -> None:
    """Bind a call that may block for as long as a server does: it suspends its caller only."""

    @LIBRARY.procedure(name, arity)
    def call(*arguments: Value) -> Steps:
        if not system.has_servers():
            raise misc_error(name, "this kernel has no translators")
        return (yield Await(off_loop(function, *arguments)))


def _record(node: Value) -> Value:
    words = system.server_record(_string("translator-record", 1, node))
    return False if words is None else scheme_list(words)


def _set_record(node: Value, command: Value) -> None:
    who = "set-translator-record!"
    words = None if command is False else keywords.strings(who, "command", command)
    system.set_server_record(_string(who, 1, node), words)


def _is_running(node: Value) -> bool:
    return system.is_served(_string("translator-running?", 1, node))


def _options(node: Value) -> Value:
    return scheme_list(system.server_options(_string("translator-options", 1, node)))


def _set_options(node: Value, options: Value) -> None:
    who = "set-translator-options!"
    system.set_server_options(_string(who, 1, node), keywords.strings(who, "options", options))


_asynchronous("translator-record", 1, _record)
_asynchronous("set-translator-record!", 2, _set_record)
_asynchronous("translator-running?", 1, _is_running)
_asynchronous("translator-options", 1, _options)
_asynchronous("set-translator-options!", 2, _set_options)
