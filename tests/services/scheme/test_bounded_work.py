"""What a few characters may ask for: nothing that keeps everybody waiting for minutes."""

from __future__ import annotations

import time

import pytest
from evaluating import error, shown

_CIRCLE = "(let ((c (list 1 2))) (set-cdr! (cdr c) c) "
_SHARED = "(let loop ((n 60) (x 1)) (if (> n 0) (loop (- n 1) (cons x x)) "


@pytest.fixture(autouse=True)
def _soon() -> object:
    begin = time.process_time()
    yield
    assert time.process_time() - begin < 20  # each took for ever, or hours


@pytest.mark.parametrize(
    "text",
    [
        "(expt 9 9999999)",
        "(expt 1/3 9999999)",
        "(let l ((x 3)) (l (* x x)))",
        "(let l ((x 3)) (l (lcm x (+ x 1))))",
        "(let l ((x 1/3)) (l (+ x (* x x))))",
        "(let l ((x 1/3)) (l (/ (+ x 1) (* x x))))",
        "(modulo-expt 3 (expt 7 50000) (expt 5 50000))",
        f"{_CIRCLE} (list-tail c 100000000000))",
        f"{_CIRCLE} (list-head c 100000000000))",
    ],
)
def test_is_out_of_range(text: str) -> None:
    assert error(text).key == "out-of-range"


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("(string->number (make-string 10000000 #\\1))", "#f"),
        (f"(let ((d {_CIRCLE} c))) {_CIRCLE} (equal? c d)))", "#t"),
        ("(let ((c (list 1)) (d (list 1 1))) (set-cdr! c c) (set-cdr! (cdr d) d) (equal? c d))",
         "#t"),
        ("(let ((c (list 1)) (d (list 1 2))) (set-cdr! c c) (set-cdr! (cdr d) d) (equal? c d))",
         "#f"),
        (f"(equal? {_SHARED} x)) {_SHARED} x)))", "#t"),
        (f"(equal? {_SHARED} x)) {_SHARED} (cons x 1))))", "#f"),
        (f"(string? (object->string {_SHARED} x))))", "#t"),
        ("(= (expt 2 100000) (* (expt 2 50000) (expt 2 50000)))", "#t"),
    ],
)  # fmt: skip
def test_has_a_value(text: str, result: str) -> None:
    assert shown(text) == result


def test_code_that_contains_itself_is_refused() -> None:
    assert error(f"{_CIRCLE} (eval c (current-module)))").key == "misc-error"
    assert error("(let ((c (list 'begin 1))) (set-cdr! (cdr c) c) (primitive-eval c))").key == (
        "misc-error"
    )


@pytest.mark.parametrize("template", ["(f x ... x ...)", "(f x ... 1)"])
def test_expansions_that_grow_have_an_end(template: str) -> None:
    text = f"(define-syntax f (syntax-rules () ((_ x ...) {template}))) (f 1)"
    assert error(text).key == "syntax-error"


def test_expansions_that_a_procedure_makes_have_an_end() -> None:
    assert error("(define-macro (f . x) `(f ,@x ,@x)) (f 1)").key == "syntax-error"


@pytest.mark.parametrize(
    "text",
    [
        "(let loop ((n 60) (x 1)) (if (> n 0) (loop (- n 1) (list '+ x x)) "
        "(eval x (current-module))))",
        "(define-syntax f (syntax-rules () ((_ x) (let ((y x)) (f (+ y x)))))) (f 1)",
    ],
)
def test_code_that_is_larger_than_it_was_written_is_refused(text: str) -> None:
    raised = error(text)
    assert (raised.key, raised.arguments[1]) == ("syntax-error", "expression is too large")


def test_a_large_form_is_no_expansion() -> None:
    text = f"(let ((x 1)) {'(set! x (+ x 1)) ' * 8_000} x)"
    assert shown(text) == "8001"
