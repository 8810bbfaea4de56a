"""Every routine passes its arguments on and takes its results, as the table of signatures says.

The stand-in's generic library notes what each function got, and answers with numbers that count up
from 101; so this covers every function of every interface module at the ABI of this machine.
"""

from __future__ import annotations

import importlib
import typing
from collections.abc import Callable
from typing import Any

import pytest
from standin.control import Standin

from hurd import constants, errors
from hurd.ports import Port, ReceiveRight
from hurd.rpc.notation import Parameter, Routine, routines
from hurd.structures import STRUCTURES

MODULES = {
    "exec_startup": "exec",
    "startup_notify": "startup",
    "shutdown": "startup",
    "acpi": "startup",
    "interrupt": "mach",
    "mach_port": "mach",
    "gnumach": "mach",
    "hurd_default_pager": "default_pager",
}
# Interfaces that are in several modules, by what names begin with; the last one counts.
BY_NAME = {
    "vm_": "memory",
    ("task_", "thread_"): "mach",
    ("proc_getlogin", "proc_setlogin", "proc_make_login", "proc_getsession"): "process_groups",
    (
        "proc_setsid",
        "proc_getsid",
        "proc_setpgrp",
        "proc_getpgrp",
        "proc_get_tty",
    ): "process_groups",
}
# These work on the stand-in's own ports and memory; test_ports and test_mach have them.
OF_THE_KERNEL = {made.name for made in routines() if made.interface == "mach_port"}
OF_THE_KERNEL.add("vm_deallocate")
STUBS = [made for made in routines() if made.library and made.name not in OF_THE_KERNEL]


def function(routine: Routine) -> Callable[..., Any]:
    """The public function of a routine."""
    module = MODULES.get(routine.interface, routine.interface)
    for words, home in BY_NAME.items():
        if routine.name.startswith(words):
            module = home
    found: Callable[..., Any] = getattr(importlib.import_module(f"hurd.{module}"), routine.name)
    return found


class Expectation:
    """Arguments for a routine, what is to be noted of them, and what is to come back."""

    def __init__(self, routine: Routine, length: int) -> None:
        self.length = length
        self.number = 1000
        self.value = 100
        self.opened: list[Port] = []
        self.noted: list[str] = []
        self.arguments: list[Any] = []
        self.results: list[Any] = []
        for parameter in routine.parameters:
            if parameter.taken:
                self.arguments.append(self.argument(parameter))
        for parameter in routine.parameters:
            if parameter.yielded:
                self.results += self.result(parameter)

    def close(self) -> None:
        for port in self.opened:
            port.close()

    def next_number(self, kind: str) -> int:
        self.number += 1
        return {"i32": -1, "i64": -(1 << 40), "u64": 1 << 40}.get(kind, 1) * self.number

    def next_port(self) -> Port:
        with ReceiveRight.allocate() as right:
            # A dead name would do for being passed on, but not for being sent a message to.
            port = right.make_send()
            right.release()
        self.opened.append(port)
        return port

    def argument(self, parameter: Parameter) -> Any:
        if parameter.array and parameter.kind == "char":
            self.noted.append(b"abc\0\xff".hex() + " ")
            return b"abc\0\xff"
        if parameter.text:
            text = "näme\udcff"
            raw = text.encode("utf-8", "surrogateescape").ljust(parameter.text, b"\0")
            self.noted.append(raw.hex() + " ")
            return text
        how = f"/{constants.MACH_MSG_TYPE_COPY_SEND}" if parameter.disposition else ""
        if parameter.array and parameter.kind == "P":
            ports = [self.next_port(), None, self.next_port()]
            names = "".join(f"{port.name if port else 0}," for port in ports)
            self.noted.append(f"{names}{how} ")
            return ports
        if parameter.array:
            numbers = [self.next_number(parameter.kind) for _ in range(3)]
            self.noted.append("".join(f"{number}," for number in numbers) + " ")
            return numbers
        if parameter.kind == "P":
            port = self.next_port()
            self.noted.append(f"{port.name}{how} ")
            return port
        if parameter.kind in STRUCTURES:
            made: Any = STRUCTURES[parameter.kind]
            fields = [self.next_number(kind) for kind in made.__annotations__.values()]
            self.noted += [f"{field} " for field in fields]
            return made(*fields)
        number = self.next_number(parameter.kind)
        self.noted.append(f"{number} ")
        return number

    def next_value(self) -> int:
        self.value += 1
        return self.value

    def structure(self, kind: str) -> Any:
        made: Any = STRUCTURES[kind]
        by_class = {found.__name__: name for name, found in STRUCTURES.items()}
        fields: list[Any] = []
        for field in made.__annotations__.values():
            if field in by_class:
                fields.append(self.structure(by_class[field]))
            elif field.startswith("char"):
                fields.append(f"text {self.next_value()}")
            else:
                fields.append(self.next_value())
        return made(*fields)

    def result(self, parameter: Parameter) -> list[Any]:
        kind = parameter.kind
        if parameter.text:
            return [f"text {self.next_value()}"]
        length = min(self.length, parameter.capacity or self.length)
        if parameter.array and kind == "char":
            return [bytes(self.next_value() & 0xFF for _ in range(length))]
        if parameter.array and kind == "P":
            return [[Port] * length]
        if parameter.array and kind in STRUCTURES:
            return [[self.structure(kind) for _ in range(length)]]
        if parameter.array:
            return [[self.next_value() for _ in range(length)]]
        if kind == "P":
            return [Port, 17] if parameter.disposition else [Port]
        return [self.structure(kind) if kind in STRUCTURES else self.next_value()]


def same(result: Any, expected: Any) -> bool:
    """Whether a result is what was expected; closes the ports in it."""
    if expected is Port:
        assert isinstance(result, Port)
        assert result
        result.close()
        return True
    if isinstance(expected, list):
        assert len(result) == len(expected)
        return all(same(one, other) for one, other in zip(result, expected, strict=True))
    if isinstance(result, bool):
        return result is bool(expected)
    return bool(result == expected)


def dispositions(routine: Routine) -> dict[str, int]:
    found = [made.name for made in routine.parameters if made.disposition and not made.yielded]
    names = ["disposition"] if len(found) == 1 else [f"{name}_disposition" for name in found]
    return dict.fromkeys(names, constants.MACH_MSG_TYPE_COPY_SEND)


@pytest.fixture
def generic(load_standin: Callable[[str], Standin]) -> Standin:
    return load_standin("generic")


@pytest.mark.parametrize("length", [3, 0, 5000], ids=["inline", "empty", "out of line"])
def test_arguments_arrive_and_results_come_back(generic: Standin, length: int) -> None:
    """With 5,000 elements every array comes in memory of its own, which is given back."""
    generic.lib.standin_length = length
    for routine in STUBS:
        before = generic.references()
        expected = Expectation(routine, length)
        results = function(routine)(*expected.arguments, **dispositions(routine))
        assert generic.note() == "".join(expected.noted), routine.name
        if len(expected.results) < 2:
            results = [results] if expected.results else []
        assert same(list(results), expected.results), routine.name
        expected.close()
        # The receive rights that the arguments led to are left.
        assert generic.references() - before == len(expected.opened), routine.name
        assert generic.memory() == 0, routine.name


@pytest.mark.parametrize("routine", STUBS, ids=lambda routine: routine.name)
def test_a_failure_names_the_routine_and_leaks_nothing(generic: Standin, routine: Routine) -> None:
    generic.fail(routine.name, 0x4000000D)
    expected = Expectation(routine, 3)
    before = generic.references()
    with pytest.raises(errors.HurdError, match=f"^{routine.name}: Permission denied$") as caught:
        function(routine)(*expected.arguments, **dispositions(routine))
    assert (caught.value.errno, caught.value.routine) == (0x4000000D, routine.name)
    assert generic.references() == before


@pytest.mark.parametrize("routine", STUBS, ids=lambda routine: routine.name)
def test_an_interrupted_call_is_made_again_unless_that_could_do_harm(
    generic: Standin, routine: Routine
) -> None:
    generic.fail(routine.name, 0x40000004)
    expected = Expectation(routine, 3)
    call = function(routine)
    if routine.repeated:
        call(*expected.arguments, **dispositions(routine))
        assert generic.calls(routine.name) == 2
        assert generic.note() == "".join(expected.noted)
    else:
        with pytest.raises(errors.HurdError, match="Interrupted system call"):
            call(*expected.arguments, **dispositions(routine))
        assert generic.calls(routine.name) == 1


@pytest.mark.parametrize("routine", list(routines()), ids=lambda routine: routine.name)
def test_the_function_is_declared_as_the_table_says(routine: Routine) -> None:
    declared: Any = function(routine)
    inner = declared.__wrapped__
    code = inner.__code__
    assert list(code.co_varnames[: code.co_argcount]) == [
        parameter.name for parameter in routine.parameters if parameter.taken
    ]
    keywords = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    room = [made for made in routine.parameters if made.capacity and made.kind != "char"]
    assert list(keywords) == list(dispositions(routine)) + ["count"] * len(room)
    for parameter in routine.parameters:
        if parameter.taken:
            annotation = declared.__annotations__[parameter.name]
            assert annotation in _python_types(parameter), parameter.name
    yielded = [parameter for parameter in routine.parameters if parameter.yielded]
    result = declared.__annotations__["return"]
    if not yielded:
        assert result == "None"
    elif len(yielded) == 1 and not yielded[0].disposition:
        assert result in _python_types(yielded[0])
    else:
        fields: dict[str, str] = inner.__globals__[result].__annotations__
        named = {name: kind for name, kind in fields.items() if "_disposition" not in name}
        assert list(named) == [parameter.name for parameter in yielded]
        for parameter, kind in zip(yielded, named.values(), strict=True):
            assert kind in _python_types(parameter), parameter.name
    assert declared.__doc__


def _python_types(parameter: Parameter) -> set[str]:
    if parameter.kind == "char":
        return {"str"} if parameter.text else {"bytes"}
    if parameter.kind in STRUCTURES:
        one = {STRUCTURES[parameter.kind].__name__}
    elif parameter.kind == "P":
        one = {"Port", "Port | None"}
    else:
        one = {"bool"} if parameter.kind == "flag" else {"int", "bool"}
    if parameter.array:
        return {f"{kind}[{name}]" for name in one for kind in ("Sequence", "list")}
    return one


def test_annotations_mean_something() -> None:
    for routine in routines():
        inner: Any = typing.cast(Any, function(routine)).__wrapped__
        known = {**inner.__globals__, "Port": Port, "Sequence": typing.Sequence}
        typing.get_type_hints(inner, known)
