"""Evaluate Scheme text in the tests, to the end, with a loop only if one is needed."""

from __future__ import annotations

import asyncio
from typing import Any

from services.scheme import Evaluation, Module, SchemeError, evaluate, user_module
from services.scheme.printer import write
from services.scheme.reader import read_all

_LIBRARIES = """
(use-modules (ice-9 format) (ice-9 match) (ice-9 regex) (ice-9 exceptions) (ice-9 ftw)
             (ice-9 rdelim) (ice-9 textual-ports) (ice-9 binary-ports) (rnrs bytevectors)
             (srfi srfi-1) (srfi srfi-13) (srfi srfi-19) (ice-9 hash-table))
"""


def finish(result: Any) -> Any:
    """The value of what the embedding interface returned."""
    if not isinstance(result, Evaluation):
        return result

    async def wait() -> Any:
        return await result

    return asyncio.run(wait())


def value(text: str, module: Module | None = None) -> Any:
    """The value of the last form of ``text``."""
    module = module or user_module()
    result = None
    for datum in read_all(text):
        result = finish(evaluate(datum, module))
    return result


def module_with_libraries() -> Module:
    """A user's module that uses libraries which are not there from the start."""
    module = user_module()
    value(_LIBRARIES, module)
    return module


def shown(text: str, module: Module | None = None) -> str:
    """How the value of the last form is written."""
    return write(value(text, module))


def error(text: str) -> SchemeError:
    """The error that ``text`` raises."""
    try:
        result = value(text)
    except SchemeError as problem:
        return problem
    raise AssertionError(f"no error, but {write(result)}")


def thrown(text: str) -> str:
    """Key and arguments of the error that ``text`` raises, as one list."""
    problem = error(text)
    arguments = " ".join(write(argument) for argument in problem.arguments)
    return f"({problem.key} {arguments})" if arguments else f"({problem.key})"
