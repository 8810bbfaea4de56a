"""Parameter objects and the dynamic bindings in force.

A parameter's value is looked up in ``dynamic.bindings``, the mapping that belongs
to the evaluation now running; the evaluator swaps that mapping whenever it switches
to another evaluation, and restores it when ``parameterize`` is left in any way.
A mapping is never changed after it is put in force: extending it makes a new one.
"""

from __future__ import annotations

from services.scheme.primitives import Call
from services.scheme.types import Procedure, Value


class Parameter(Procedure):
    """A parameter; applied to no argument it gives its value, to one it sets it.

    ``converter`` is a Scheme procedure or None (``make-parameter`` and ``parameterize``
    apply it; ``default`` has already been converted).
    """

    __slots__ = ("converter", "default", "name")

    def __init__(self, default: Value, converter: Value = None, name: str = "") -> None:
        self.default = default
        self.converter = converter
        self.name = name


class _Dynamic:
    """What the running evaluation sees; ``bindings`` maps a parameter to a one-element list."""

    __slots__ = ("bindings",)

    def __init__(self) -> None:
        self.bindings: dict[Parameter, list[Value]] = {}


dynamic = _Dynamic()


def value_of(parameter: Parameter) -> Value:
    """The value of ``parameter`` in the running evaluation."""
    cell = dynamic.bindings.get(parameter)
    return parameter.default if cell is None else cell[0]


def set_value(parameter: Parameter, value: Value) -> Value:
    """Assign the innermost binding of ``parameter``, or its default; return the old value."""
    cell = dynamic.bindings.get(parameter)
    if cell is None:
        old, parameter.default = parameter.default, value
    else:
        old, cell[0] = cell[0], value
    return old


class CallWith(Call):
    """Yielded by a generator procedure: apply ``proc`` with parameters bound to values.

    The evaluator puts ``{**dynamic.bindings, **{p: [v]}}`` in force for the extent of the
    call, as ``parameterize`` does (values are not converted), and restores it after.
    """

    __slots__ = ("bindings",)

    def __init__(
        self, bindings: dict[Parameter, Value], proc: Value, args: tuple[Value, ...] = ()
    ) -> None:
        super().__init__(proc, args)
        self.bindings = bindings
