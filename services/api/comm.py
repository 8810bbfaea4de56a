"""``(shepherd comm)``: talking to a daemon, for configurations and scripts.

Written in Scheme, in ``services/definitions/comm.scm``; the encoding of results is the
daemon's own.
"""

from __future__ import annotations

from services.api import support
from services.api.system_log import system_log_file
from services.api.written import add_definitions
from services.convert import from_wire, serializers, to_wire
from services.scheme.errors import wrong_type
from services.scheme.primitives import Library
from services.scheme.types import Procedure, RecordType, Value

LIBRARY = Library()
LIBRARY.bind("system-log-file", system_log_file)


@LIBRARY.primitive("result->sexp", 1)
def result_to_sexp(value: Value) -> Value:
    """Return what a reply holds for ``value``."""
    return from_wire(to_wire(value))


@LIBRARY.primitive("_add-serializer!", 2)
def add_serializer(type: Value, procedure: Value) -> None:
    """Send records of ``type`` as ``procedure`` gives them."""
    if not isinstance(type, RecordType):
        raise wrong_type("define-record-type-serializer", 1, type)
    if not isinstance(procedure, Procedure):
        raise wrong_type("define-record-type-serializer", 2, procedure)
    serializers[type] = procedure


add_definitions(LIBRARY, "comm", support.LIBRARY)
