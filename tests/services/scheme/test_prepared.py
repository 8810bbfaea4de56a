"""Texts that were read before: the same data at the same places, compiled when they are called."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.scheme import SchemeError, load, user_module
from services.scheme.prepared import forget, prepare, reader_of, texts, use
from services.scheme.printer import write
from services.scheme.reader import Reader
from services.scheme.types import EOF, Pair
from tests.services.scheme.evaluating import finish

ROOT = Path(__file__).resolve().parents[3]
SHIPPED = [*sorted((ROOT / "services/definitions").glob("*.scm")), ROOT / "image/data/init.scm"]

ALL_SORTS = """
; every kind of datum
(a . b) (1 -2 3.5 #t #f #:key "text\\n" #\\x #\\newline #() #(1 (a) "b") () (x . (y z)))
'(quoted `(quasi ,un ,@splicing)) symbol "string" 42 #t #:word
(define (f) (g [h i]))
"""


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    yield
    forget()


def places(datum: Any, marks: dict[int, int]) -> Any:
    """The offsets of all pairs, in the shape of the datum."""
    if isinstance(datum, Pair):
        here = marks.get(id(datum))
        return (here, places(datum.car, marks), places(datum.cdr, marks))
    return None


def everything(reader: Any) -> list[Any]:
    found = []
    while (datum := reader.read()) is not EOF:
        found.append((write(datum), reader.start, places(datum, reader.marks)))
    return found


@pytest.mark.parametrize(
    "text", [ALL_SORTS, *(file.read_text() for file in SHIPPED)], ids=["all", *map(str, SHIPPED)]
)
def test_what_was_prepared_is_what_is_read(text: str) -> None:
    use({text: prepare(text)})
    prepared = reader_of(text, "name")
    assert type(prepared) is not Reader
    assert prepared.source.name == "name"
    assert everything(prepared) == everything(Reader(text, "name"))


def test_another_text_is_read_itself() -> None:
    use({ALL_SORTS: prepare(ALL_SORTS)})
    assert type(reader_of(ALL_SORTS + " ", None)) is Reader
    forget()
    assert not texts
    assert type(reader_of(ALL_SORTS, None)) is Reader


def test_what_cannot_be_kept_is_told() -> None:
    with pytest.raises(TypeError, match="Fraction is not kept"):
        prepare("(a 1/3)")
    with pytest.raises(SchemeError):
        prepare("(a")


PROGRAM = """\
(define calls '())
(define (note x) (set! calls (cons x calls)) x)
(define* (many a #:optional (b (note (+ a 1))) #:key (c (list a b)) #:rest r)
  (define (inner x) (* x 2))
  (list (inner a) b c r))
(define (outer n)
  (let loop ((i 0) (found '()))
    (if (= i n)
        (map (lambda (x . more) (cons x more)) found '(a b c))
        (loop (+ i 1) (cons i found)))))
(define fact (lambda (n) (if (= n 0) 1 (* n (fact (- n 1))))))
(define counter
  (let ((n 0))
    (lambda () (set! n (+ n 1)) n)))
(define (car x) (list 'mine x))
(define (uses-car) (car 5))
(counter)
(list (many 1) (many 1 2 #:c 3) (outer 3) (fact 10) (counter) (uses-car) calls)
"""


def loaded(file: Path) -> str:
    return write(finish(load(str(file), user_module())))


def test_procedures_that_are_compiled_late_do_the_same(tmp_path: Path) -> None:
    file = tmp_path / "program.scm"
    file.write_text(PROGRAM)
    at_once = loaded(file)
    use({PROGRAM: prepare(PROGRAM)})
    lazy = reader_of(PROGRAM, None)
    flags = []
    while lazy.read() is not EOF:
        flags.append(lazy.lazy)
    assert flags == [True, False, True, True, True, False, True, True, True, True]
    assert loaded(file) == at_once
    assert at_once.startswith("((2 2 (1 2) ())")


def test_only_what_is_called_is_compiled(tmp_path: Path) -> None:
    text = "(define (never) (if))\n(define (once)\n  (let ((x)) x))\n'done\n"
    file = tmp_path / "wrong.scm"
    file.write_text(text)
    with pytest.raises(SchemeError) as at_once:
        loaded(file)
    assert str(at_once.value.location) == f"{file}:1:17"
    use({text: prepare(text)})
    assert loaded(file) == "done"
    called = text.replace("'done", "(once)")
    file.write_text(called)
    use({called: prepare(called)})
    with pytest.raises(SchemeError) as late:
        loaded(file)
    assert late.value.key == "syntax-error"
    assert "(x)" in "".join(map(str, map(write, late.value.arguments)))


def test_an_error_at_run_time_has_its_place(tmp_path: Path) -> None:
    text = "(define (f x)\n  (g (lambda ()\n       (car x))))\n(define (g h) (+ (h) 1))\n(f 5)"
    file = tmp_path / "wrong.scm"
    file.write_text(text)
    use({text: prepare(text)})
    with pytest.raises(SchemeError) as caught:
        loaded(file)
    assert str(caught.value.location) == f"{file}:3:8"
