"""How calls of the Hurd are made: `routine` turns the declaration of one into a function.

`signatures` is the table of all routines, `notation` reads it, `build` makes cffi's declarations of
it (`_hurd_abi`), `library` finds the symbols, `marshal` converts arguments and results.  Nothing
but this file is loaded until the first call.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, ParamSpec, TypeVar

    from hurd.ports import Port

    P = ParamSpec("P")
    R = TypeVar("R")
    S = TypeVar("S")


def routine(declared: Callable[P, R]) -> Callable[P, R]:
    """A function that calls the routine of the name of `declared`, which has no body of its own.

    The names of its parameters are those of the table's arguments; how a port is passed on is a
    keyword `disposition`, or `NAME_disposition` where several ports are.  The annotation of the
    result decides what it becomes (`bool`, a class).  Raises HurdError, or HurdUnavailable where
    the routine does not exist.
    """
    made: Callable[P, R] | None = None

    def call(*arguments: P.args, **keywords: P.kwargs) -> R:
        nonlocal made
        if made is None:
            from hurd.rpc.marshal import implement

            made = implement(declared)
        return made(*arguments, **keywords)

    dressed: Callable[P, R] = _dressed(call, declared)
    return dressed


def _dressed(call: Any, declared: Any) -> Any:
    # What functools.wraps does, which would have to be imported.
    for name in ("__module__", "__name__", "__qualname__", "__doc__", "__annotations__"):
        setattr(call, name, getattr(declared, name))
    call.__wrapped__ = declared
    return call


def libc(name: str) -> Callable[..., Any]:
    """A function of the C library; HurdUnavailable if it is not there."""
    from hurd.rpc.library import function

    return function(name)


def read_structure(made: type[S], words: Sequence[int], offset: int = 0) -> S:
    """The structure that 32-bit `words` are in memory, from a byte on; what they lack is 0."""
    from hurd.rpc.marshal import structure_of_words

    return structure_of_words(made, words, offset)


def ask_kernel(made: type[S], routine: Callable[..., list[int]], port: Port, flavor: int) -> S:
    """What one of the kernel's routines with flavors answers, as a structure."""
    # The newer fields are filled in only if exactly their number is asked for.
    return read_structure(made, routine(port, flavor, count=size_of(made) // 4))


def size_of(made: type) -> int:
    """The size of a structure on this machine, in bytes."""
    from hurd.rpc.marshal import size_of as measured

    return measured(made)


def task_self() -> int:
    """The name of this task's own port."""
    from hurd.rpc.library import task_self as own

    return own()
