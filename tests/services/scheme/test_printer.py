"""How values are printed: as Guile 3.0.11 prints them."""

from __future__ import annotations

import pytest

from services.scheme.printer import display, write
from services.scheme.reader import read_one
from services.scheme.truncated import truncated
from services.scheme.types import NIL, Pair, scheme_list
from tests.services.scheme.evaluating import shown, value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("car", "#<procedure car (_)>"),
        ("cons", "#<procedure cons (_ _)>"),
        ("list", "#<procedure list _>"),
        ("display", "#<procedure display (_ #:optional _)>"),
        ("apply", "#<procedure apply (fun args) | (fun arg1 . args)>"),
        ("catch", "#<procedure catch (k thunk handler #:optional pre-unwind-handler)>"),
        ("(define (f x . r) 1) f", "#<procedure f (x . r)>"),
        ("(define* (f x #:optional (y 1) #:key z) 1) f", "#<procedure f (x #:optional y #:key z)>"),
        ("(if #f #f)", "#<unspecified>"),
        ("(list #t #f '() 1.5 1/2 -0.0)", "(#t #f () 1.5 1/2 -0.0)"),
        ("(list #\\a #\\space #\\nul #\\x7f #\\é)", "(#\\a #\\space #\\nul #\\delete #\\é)"),
        ("(list \"a\\x1b;b\\a\")", '("a\\x1b;b\\a")'),
        (
            "(define-record-type <foo> (mk a b) foo? (a foo-a)) (mk 1 2)",
            None,
        ),
        (
            '(define-record-type <foo> (mk a b) foo? (a foo-a) (b foo-b)) (mk 1 "x")',
            '#<<foo> a: 1 b: "x">',
        ),
        ("(define-record-type <f> (mk) f?) (list (mk) <f>)", "(#<<f>> #<record-type <f>>)"),
    ],
)  # fmt: skip
def test_written_as_guile(text: str, expected: str | None) -> None:
    if expected is None:
        from tests.services.scheme.evaluating import thrown

        assert thrown(text).startswith("(syntax-error")
    else:
        assert shown(text) == expected


def test_anonymous_procedure_shows_its_arguments() -> None:
    assert shown("(lambda (x) x)").endswith(" (x)>")


def test_record_printer_written_in_scheme() -> None:
    text = """
      (define-record-type <p> (p x) p? (x p-x))
      (set-record-type-printer! <p> (lambda (r port) (display "<p " port) (write (p-x r) port)))
      (list (p "a"))
    """
    assert shown(text) == '(<p "a")'


def test_record_printer_that_fails_or_never_ends_does_no_harm() -> None:
    text = """
      (define-record-type <p> (p) p?)
      (set-record-type-printer! <p> (lambda (r port) {}))
      (p)
    """
    assert shown(text.format("(car 1)")).startswith("#<<p> ")
    assert shown(text.format("(let loop () (loop))")).startswith("#<<p> ")


def test_display_shows_strings_and_characters_raw() -> None:
    assert display(scheme_list(["a b", read_one("#\\x"), read_one("#{a b}#")])) == "(a b x a b)"


def test_circular_structures_are_cut_off() -> None:
    ring = Pair(1, NIL)
    ring.cdr = ring
    assert write(ring).endswith("...")
    vector: list[object] = [1]
    vector.append(vector)
    assert write(vector).endswith("...")


def test_long_and_deep_structures_are_printed_whole() -> None:
    assert write(scheme_list(range(100_000))).endswith("99999)")
    deep = NIL
    for _ in range(100_000):
        deep = Pair(deep, NIL)
    assert write(deep).count("(") == 100_001


def test_integers_of_any_size() -> None:
    assert len(shown("(expt 10 20000)")) == 20001


# Measured: (truncated-print x #:width 50) of (ice-9 pretty-print).
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "(register-services (list (service '(slow) #:start (const 'new))))",
            "(register-services (list (service (quote …) …)))",
        ),
        (
            '(begin (write-line \'x) (display "no newline"))',
            '(begin (write-line (quote x)) (display "no n…"))',
        ),
        (
            '(begin (display "x y\\n") (format #t "~a~%" 12) (list 1 "a" #\\b \'c 2.5 1/2))',
            '(begin (display "x y\\n") (format #t "~a~%" 12) #)',
        ),
        (
            '"a very long string that does not fit into fifty columns at all, no"',
            '"a very long string that does not fit into fifty…"',
        ),
        ("a-very-long-symbol-that-does-not-fit-into-fifty-columns-at-all-no-no", "#"),
        (
            "#(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25)",
            "#(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 …)",
        ),
        (
            "(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25)",
            "(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 # …)",
        ),
        (
            "(let loop ((i 0)) (if (< i 3000000) (loop (+ i 1)) i))",
            "(let loop ((i 0)) (if (< i 3000000) (loop #) i))",
        ),
        (
            "((((((((((((((((((((((((((((a))))))))))))))))))))))))))))",
            "((((((((((((((((((((((((#))))))))))))))))))))))))",
        ),
        (
            "(aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa . bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb)",
            "(aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa . #)",
        ),
        (
            "(((a b c d e f) (g h i j k l)) ((m n o p q r) (s t u v w x)) ((y z 1 2 3 4 5 6)))",
            "(((a b c d e f) (g h i j k l)) ((m n o p …) #) #)",
        ),
    ],
)
def test_truncated_as_guile(text: str, expected: str) -> None:
    assert truncated(read_one(text), 50) == expected


def test_truncating_deep_data_costs_no_stack() -> None:
    deep = NIL
    for _ in range(100_000):
        deep = Pair(deep, NIL)
    assert len(truncated(deep, 50)) <= 50


def test_procedures_are_values() -> None:
    assert value("(map car '((1) (2)))").car == 1
