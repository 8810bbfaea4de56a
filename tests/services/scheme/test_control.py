"""Control: tail calls, deep recursion, continuations, dynamic-wind, handlers."""

from __future__ import annotations

import pytest

from services.scheme.machine import Machine
from tests.services.scheme.evaluating import error, shown, value

CONTROL = [
    ("(call/cc (lambda (k) (for-each (lambda (x) (if (= x 2) (k x))) '(1 2 3)) 'none))", "2"),
    ("(call-with-values (lambda () (call/cc (lambda (k) (k 1 2)))) list)", "(1 2)"),
    ("(define k #f) (define n 0) (let ((v (+ 100 (call/cc (lambda (c) (set! k c) 1)))))"
     " (set! n (+ n 1)) (if (< n 3) (k n) (list v n)))", "(102 3)"),
    ("(let/ec k (map (lambda (x) (if (= x 2) (k 'out)) x) '(1 2 3)))", "out"),
    ("(define path '()) (define (note x) (set! path (cons x path)))"
     "(dynamic-wind (lambda () (note 'in)) (lambda () (call/ec (lambda (k) (k 1))))"
     " (lambda () (note 'out))) (reverse path)", "(in out)"),
    ("(define path '()) (define (note x) (set! path (cons x path)))"
     "(call/ec (lambda (k) (dynamic-wind (lambda () (note 'in1))"
     " (lambda () (dynamic-wind (lambda () (note 'in2)) (lambda () (k 1))"
     " (lambda () (note 'out2)))) (lambda () (note 'out1))))) (reverse path)",
     "(in1 in2 out2 out1)"),
    ("(define path '()) (define (note x) (set! path (cons x path)))"
     "(catch #t (lambda () (dynamic-wind (lambda () (note 'in)) (lambda () (car 1))"
     " (lambda () (note 'out)))) (lambda _ (note 'caught))) (reverse path)", "(in out caught)"),
    # Entering a continuation again runs the before thunk again.
    ("(define path '()) (define (note x) (set! path (cons x path))) (define k #f) (define n 0)"
     "(let () (dynamic-wind (lambda () (note 'in)) (lambda () (call/cc (lambda (c) (set! k c))))"
     " (lambda () (note 'out))) (set! n (+ n 1)) (if (< n 3) (k 1) (reverse path)))",
     "(in out in out in out)"),
    ("(catch 'foo (lambda () (throw 'foo 1 2)) (lambda (k . a) (list k a)))", "(foo (1 2))"),
    ("(catch 'foo (lambda () (catch 'bar (lambda () (throw 'foo 1)) (lambda _ 'wrong)))"
     " (lambda _ 'right))", "right"),
    ("(catch #t (lambda () (catch #t (lambda () (throw 'a)) (lambda (k . r) (throw 'b))))"
     " (lambda (k . r) k))", "b"),
    # The handler before unwinding sees the parameters of the raise, the other one does not.
    ("(define p (make-parameter 1)) (define seen #f)"
     "(list (catch #t (lambda () (parameterize ((p 2)) (throw 'x))) (lambda _ (p))"
     " (lambda _ (set! seen (p)))) seen)", "(1 2)"),
    ("(define seen '()) (catch #t (lambda () (with-throw-handler 'x (lambda () (throw 'x 1))"
     " (lambda (k . a) (set! seen (list k a))))) (lambda _ seen))", "(x (1))"),
    ("(with-exception-handler (lambda (e) (* e 10))"
     " (lambda () (+ 1 (raise-continuable 4))))", "41"),
    # A handler runs with the handlers around it.
    ("(with-exception-handler (lambda (e) (list 'outer e))"
     " (lambda () (with-exception-handler (lambda (e) (raise-continuable (list 'inner e)))"
     " (lambda () (raise-continuable 1)))))", "(outer (inner 1))"),
    ("(call/ec (lambda (k) (with-exception-handler (lambda (e) (k 'escaped))"
     " (lambda () (car 1)))))", "escaped"),
    ("(guard (e (#t (list 'again e))) (guard (e ((string? e) 'string)) (raise-exception 'sym)))",
     "(again sym)"),
    ("(define (gen-list start end) (if (> start end) '() (cons start (gen-list (+ start 1) end))))"
     "(define fail-stack '()) (define (fail) (if (null? fail-stack) (error \"no more\")"
     " (let ((back (car fail-stack))) (set! fail-stack (cdr fail-stack)) (back back))))"
     "(define (amb choices) (let ((cc (call/cc (lambda (k) k)))) (if (null? choices) (fail)"
     " (let ((choice (car choices))) (set! choices (cdr choices))"
     " (set! fail-stack (cons cc fail-stack)) choice))))"
     "(let ((a (amb (gen-list 1 7))) (b (amb (gen-list 1 7))) (c (amb (gen-list 1 7))))"
     " (if (= (* c c) (+ (* a a) (* b b))) (if (< b a) (list a b c) (fail)) (fail)))",
     "(4 3 5)"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), CONTROL)
def test_control(text: str, expected: str) -> None:
    assert shown(text) == expected


def test_tail_calls_take_no_space() -> None:
    text = """
      (define (even n) (if (= n 0) #t (odd (- n 1))))
      (define (odd n) (cond ((= n 0) #f) (else (and #t (or #f (even (- n 1)))))))
      (even 200000)
    """
    small, Machine.limit_default = Machine.limit_default, 1000
    try:
        assert shown(text) == "#t"
        assert shown("(let loop ((i 0)) (when (< i 100000) (apply loop (list (+ i 1)))))")
        assert shown("(do ((i 0 (+ i 1))) ((= i 100000) 'done))") == "done"
    finally:
        Machine.limit_default = small


def test_recursion_is_as_deep_as_memory() -> None:
    assert value("(define (f n) (if (= n 0) 0 (+ 1 (f (- n 1))))) (f 1000000)") == 1_000_000


def test_recursion_through_library_procedures_is_deep() -> None:
    text = "(define (f n) (if (= n 0) 0 (+ 1 (apply + (map f (list (- n 1))))))) (f 20000)"
    assert value(text) == 20_000


def test_runaway_recursion_is_an_error_not_the_end_of_memory() -> None:
    small, Machine.limit_default = Machine.limit_default, 200_000
    try:
        runaway = "(letrec ((f (lambda (x) (+ 1 (f x))))) (f 1))"
        assert error(runaway).key == "stack-overflow"
        assert shown(f"(catch #t (lambda () {runaway}) (lambda (k . _) k))") == "stack-overflow"
        handled = f"(with-exception-handler (lambda (e) 1) (lambda () {runaway}))"
        assert error(handled).key == "stack-overflow"
    finally:
        Machine.limit_default = small


def test_the_smallest_machine_has_room_for_a_recursion_of_ninety_thousand_calls() -> None:
    assert (
        shown("(letrec ((f (lambda (n) (if (= n 0) 0 (+ 1 (f (- n 1))))))) (f 90000))") == "90000"
    )


def test_a_continuation_through_a_python_procedure_cannot_be_entered_again() -> None:
    text = """
      (define k #f)
      (define n 0)
      (map (lambda (x) (call/cc (lambda (c) (set! k c))) x) '(1 2))
      (k 1)
    """
    problem = error(text)
    assert problem.key == "misc-error"
    assert "continuation cannot be entered again" in problem.arguments[1]
