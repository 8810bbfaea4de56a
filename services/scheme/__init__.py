"""The Scheme language of configurations: reader, evaluator and library.

It knows nothing of services: modules of the host register themselves in
``host_modules``.  See ``docs/architecture.md`` for how it is meant to be used.
"""

from __future__ import annotations

from services.scheme import environment as _environment  # fills the default environment
from services.scheme.errors import Location, SchemeError
from services.scheme.evaluation import Evaluation, apply, evaluate, load
from services.scheme.modules import Module, default_imports, host_modules, user_module
from services.scheme.syntax import Macro

__all__ = [
    "Evaluation", "Location", "Macro", "Module", "SchemeError", "apply", "default_imports",
    "evaluate", "host_modules", "load", "user_module",
]  # fmt: skip

del _environment
