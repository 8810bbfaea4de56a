"""Modules, ``load`` and ``eval``."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.scheme import Macro, SchemeError, host_modules, load, user_module
from services.scheme.modules import _loaded, load_path
from services.scheme.printer import write
from tests.services.scheme.evaluating import error, finish, shown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(use-modules (srfi srfi-1) (ice-9 match)) (fold + 0 '(1 2 3))", "6"),
        ("(use-modules ((srfi srfi-1) #:select (fold (filter . flt)))) (flt odd? '(1 2 3))",
         "(1 3)"),
        ("(use-modules ((srfi srfi-1) #:prefix s:)) (s:fold + 0 '(1 2))", "3"),
        ("((@ (srfi srfi-1) fold) + 0 '(1 2))", "3"),
        ("(define m (make-fresh-user-module)) (module-use! m (resolve-interface '(srfi srfi-1)))"
         " (module-define! m 'x 5) (list (eval '(+ x 1) m) (module-ref m 'x)"
         " (module-ref m 'none 'default))", "(6 5 default)"),
        ("(save-module-excursion (lambda () (set-current-module (make-fresh-user-module))"
         " (primitive-eval '(define inside 1)))) (defined? 'inside)", "#f"),
        ("(eval '(begin (define z 3) (+ z 1)) (current-module)) z", "3"),
        ("(eval-string \"(define q 1) (+ q 1)\")", "2"),
        ("(define x 1) (variable-set! (module-variable (current-module) 'x) 7) x", "7"),
        ("(module-name (resolve-module '(some made up)))", "(some made up)"),
        ("(let () (use-modules (srfi srfi-1)) (first '(1 2)))", "1"),
    ],
)  # fmt: skip
def test_value(text: str, expected: str) -> None:
    assert shown(text) == expected


def test_fresh_modules_share_nothing() -> None:
    shown("(define only-here 1)")
    assert error("only-here").key == "unbound-variable"


def test_a_name_imported_after_the_procedure_that_uses_it() -> None:
    host_modules["test", "late"] = "tests.services.scheme.late_library"
    try:
        assert shown("(define (f) (late-name)) (use-modules (test late)) (f)") == "late"
    finally:
        del host_modules["test", "late"]
        _loaded.pop(("test", "late"), None)


def test_macros_of_the_host() -> None:
    from services.scheme.types import scheme_list

    host_modules["test", "late"] = "tests.services.scheme.late_library"
    try:
        assert shown("(use-modules (test late)) (facility local0)") == '"local0"'
        assert shown("(use-modules (test late)) (let ((list 1)) (twice (+ 1 1)))") == "(2 2)"
        assert isinstance(Macro("m", lambda form: scheme_list([])), Macro)
    finally:
        del host_modules["test", "late"]
        _loaded.pop(("test", "late"), None)


def run(path: Path) -> str:
    return write(finish(load(str(path), user_module())))


def test_load_is_relative_to_the_file_and_shares_its_definitions(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.scm").write_text('(define b 2) (load "c.scm")')
    (tmp_path / "sub" / "c.scm").write_text("(define c (current-filename))")
    (tmp_path / "a.scm").write_text('(load "sub/b.scm") (list b c)')
    assert run(tmp_path / "a.scm") == f'(2 "{tmp_path}/sub/c.scm")'


def test_load_is_a_procedure_too(tmp_path: Path) -> None:
    (tmp_path / "b.scm").write_text("(define b 2)")
    (tmp_path / "a.scm").write_text('(for-each load (list "b.scm")) b')
    assert run(tmp_path / "a.scm") == "2"


def test_forms_before_an_error_take_effect(tmp_path: Path) -> None:
    module = user_module()
    path = tmp_path / "a.scm"
    path.write_text("(define before 1)\n(define after (car 1)")
    with pytest.raises(SchemeError, match="read-error"):
        finish(load(str(path), module))
    assert shown("before", module) == "1"


def test_include_and_define_module(tmp_path: Path) -> None:
    (tmp_path / "i.scm").write_text("(define i 5)")
    (tmp_path / "a.scm").write_text(
        "(define-module (test made) #:use-module (srfi srfi-1) #:export (pub))\n"
        '(include "i.scm")\n(define (pub) (list i hidden))\n(define hidden 1)\n'
    )
    try:
        run(tmp_path / "a.scm")
        assert shown("(use-modules (test made)) (pub)") == "(5 1)"
        assert error("(use-modules (test made)) hidden").key == "unbound-variable"
        assert shown("(@@ (test made) hidden)") == "1"
    finally:
        _loaded.pop(("test", "made"), None)


def test_modules_on_the_load_path(tmp_path: Path) -> None:
    (tmp_path / "my").mkdir()
    (tmp_path / "my" / "services.scm").write_text(
        "(define-module (my services) #:export (answer))\n(define answer 42)\n"
    )
    before = list(load_path)
    try:
        text = f'(add-to-load-path "{tmp_path}") (use-modules (my services)) answer'
        assert shown(text) == "42"
    finally:
        load_path[:] = before
        _loaded.pop(("my", "services"), None)


def test_files_that_are_not_utf8_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.scm"
    path.write_bytes(b'; caf\xe9\n"caf\xe9"')
    assert run(path) == '"café"'


def test_missing_file() -> None:
    with pytest.raises(SchemeError) as caught:
        load("/does/not/exist", user_module())
    assert caught.value.arguments[0] == "open-fdes"
