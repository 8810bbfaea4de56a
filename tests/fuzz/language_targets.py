"""The Scheme reader and evaluator: what configurations and `herd eval` are made of."""

from __future__ import annotations

import contextlib

from services.scheme import SchemeError, user_module
from services.scheme.evaluation import run_now
from services.scheme.printer import write
from services.scheme.reader import Reader
from services.scheme.source import decode
from services.scheme.toplevel import EVALUATE_IN
from services.scheme.types import EOF
from tests.fuzz.target import Contradiction, Target, harmless

_BUDGET = 0.05  # seconds for each form


def read_text(data: bytes) -> None:
    """Read all data; what was read is written, and reads the same again."""
    reader = Reader(decode(data), "fuzz.scm")
    try:
        while (datum := reader.read()) is not EOF:
            text = write(datum)
            if "#<" in text:  # what has no external representation
                continue
            again = write(Reader(text).read())
            if again != text:
                raise Contradiction(f"{text!r} reads as {again!r}")
    except SchemeError as error:
        if error.key == "read-error" and error.location is None:
            raise Contradiction(f"a read error without its place: {error}") from error


def evaluate_text(data: bytes) -> None:
    """Evaluate form by form, as a file of configuration is, for a while each."""
    reader = Reader(decode(data), "fuzz.scm")
    module = user_module()
    with harmless():
        for _ in range(20):
            try:
                datum = reader.read()
            except SchemeError:
                return
            if datum is EOF:
                return
            with contextlib.suppress(SchemeError):
                write(run_now(EVALUATE_IN, (datum, module, reader), _BUDGET))


_WORDS = (
    "(", ")", "'", "`", ",", ",@", "#(", "#t", "#f", "#:key", '"', "\\", "#\\a", "#;", "#|", "|#",
    "#{", "}#", "#x", "#e", "1/2", "1e3", "+inf.0", ".", "#u8(", "#!fold-case", "\\x41", "\\u03bb",
)  # fmt: skip
_FORMS = (
    "(define ", "(lambda ", "(let ", "(let loop ", "(let* ", "(letrec ", "(if ", "(cond ", "(case ",
    "(and ", "(or ", "(when ", "(unless ", "(begin ", "(set! ", "(do ", "(match ", "(catch ",
    "(call/cc ", "(dynamic-wind ", "(with-exception-handler ", "(raise ", "(throw ", "(error ",
    "(guard ", "(define-syntax ", "(syntax-rules ", "(let-values ", "(call-with-values ",
    "(values ", "(apply ", "(map ", "(for-each ", "(fold ", "(filter ", "(assoc ",
    "(string-append ", "(ash 1 ", "99999999", "1000000000", "(hash ", "(string-join ",
    "(number->string ", "(string->number ", "(list-tail ", "(vector-ref ", "(make-vector ",
    "(make-string ", "(substring ", "(format #f ", "(expt ", "(quotient ", "(exact->inexact ",
    "(string-split ", "(regexp-exec ", "(make-regexp ", "(string-match ", "(hash-set! ",
    "(make-hash-table", "(parameterize ", "(define-record-type ", "(use-modules (ice-9 match))",
    "(use-modules (srfi srfi-1))", "(use-modules (ice-9 regex))", "(delay ", "(force ", "(eval ",
    "(list ", "(cons ", "(car ", "(cdr ", "(set-cdr! ", "(append ", "(reverse ", "(equal? ",
    "(string-pad ", "(iota ", "(exact ", "(sort ", "(string-index ", "(current-module)", "else",
    "=>", "...", "_",
)  # fmt: skip
_SEEDS = ("tests/data/guix/*.scm", "tests/data/guix/*.conf", "tests/data/sessions/*.scm",
          "examples/**/*.scm")  # fmt: skip

TARGETS = [
    Target("scheme-reader", read_text, words=_WORDS, seeds=_SEEDS),
    Target("scheme-evaluator", evaluate_text, seconds=2.0, words=_WORDS + _FORMS, seeds=_SEEDS),
]
