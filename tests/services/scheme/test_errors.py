"""The shapes of errors: key and arguments as Guile throws them, and where they happened."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.scheme import SchemeError, load, user_module
from services.scheme.exceptions import message_of
from tests.services.scheme.evaluating import error, finish, shown, thrown

# SCHEME.md section 6, and more measured on Guile 3.0.11.
SHAPES = [
    ("(error \"msg:\" 'a 1 \"s\")", '(misc-error #f "~A ~S ~S ~S" ("msg:" a 1 "s") #f)'),
    ("(error 'foo \"bar ~a\" 1)", '(misc-error #f "~A ~S ~S" (foo "bar ~a" 1) #f)'),
    ("(error)", '(misc-error #f "?" #f #f)'),
    ("(throw 'my-key 1 \"two\" 'three)", '(my-key 1 "two" three)'),
    ("(throw 'x)", "(x)"),
    ("(throw 1)", '(wrong-type-arg "throw" "Wrong type argument in position ~a: ~a" (1 1) (1))'),
    ("xyzzy", '(unbound-variable #f "Unbound variable: ~S" (xyzzy) #f)'),
    ("(car '())", '(wrong-type-arg "car" "Wrong type (expecting ~A): ~S" ("pair" ()) (()))'),
    ("(+ 1 \"a\")",
     '(wrong-type-arg "+" "Wrong type argument in position ~A: ~S" (2 "a") ("a"))'),
    ("(1 2)", '(wrong-type-arg #f "Wrong type to apply: ~S" (1) (1))'),
    ("(car 1 2)",
     '(wrong-number-of-args #f "Wrong number of arguments to ~A" (#<procedure car (_)>) #f)'),
    ("(vector-ref (vector 1 2) 5)", '(out-of-range #f "Value out of range: ~S" (5) (5))'),
    ("(/ 0 0)", '(numerical-overflow "divide" "Numerical overflow" #f #f)'),
    ("(mkdir \"/a/b\")", '(system-error "mkdir" "~A" ("No such file or directory") (2))'),
    ("(open-input-file \"/nope\")",
     '(system-error "open-file" "~A: ~S" ("No such file or directory" "/nope") (2))'),
    ("(raise-exception 42)", "(%exception 42)"),
    ("(use-modules (no such module))",
     '(misc-error #f "no code for module ~S" ((no such module)) #f)'),
    ("(define x y z)",
     '(syntax-error #f "source expression failed to match any pattern" #f (define x y z) #f)'),
    ("(let ((x 1) (x 2)) x)",
     '(syntax-error let "duplicate bound variable" #f (let ((x 1) (x 2)) x) #f)'),
    ("(if)", '(syntax-error #f "source expression failed to match any pattern" #f (if) #f)'),
    ("(lambda (x))", '(syntax-error lambda "bad lambda" #f (lambda (x)) #f)'),
    ("()", '(syntax-error #f "unexpected syntax" #f () #f)'),
    ("(1 . 2)",
     '(syntax-error #f "source expression failed to match any pattern" #f (1 . 2) #f)'),
    ("(let () (define x 1))",
     '(syntax-error #f "body should end with an expression" #f (let () (define x 1)) #f)'),
    ("(list (define x 2))",
     '(syntax-error #f "definition in expression context, where definitions are not allowed,"'
     " #f (define x 2) #f)"),
    ("(+ 1 (values))",
     '(misc-error #f "Zero values returned to single-valued continuation" () #f)'),
    ("(apply + 1)", '(wrong-type-arg "apply" "Apply to non-list: ~S" (1) (1))'),
    ("(catch 1 2 3)",
     '(wrong-type-arg "catch" "Wrong type argument in position ~a: ~a" (2 1) (1))'),
    ("(match 1 (2 3))", '(match-error "match" "no matching pattern" 1)'),
    ("(set! undefined-name 1)",
     '(unbound-variable #f "Unbound variable: ~S" (undefined-name) #f)'),
    ("((lambda* (a #:key b) a) 1 #:c 2)",
     '(keyword-argument-error #f "Unrecognized keyword" () (#:c))'),
    ("((lambda* (a #:key b) a) 1 #:b)",
     '(keyword-argument-error #f "Keyword argument has no value" () (#:b))'),
    ("((lambda* (a #:key b) a) 1 2)",
     '(keyword-argument-error #f "Invalid keyword" () (2))'),
    ("(with-exception-handler (lambda (e) 0) (lambda () (+ 1 (error \"x\"))))",
     "(%exception #<&non-continuable>)"),
    ("(quit 3)", "(quit 3)"),
    ("(exit)", "(quit)"),
    ("(raise 'foo)",
     '(wrong-type-arg #f "Wrong type (expecting ~A): ~S" ("exact integer" foo) (foo))'),
    ("(load \"/nope\")", '(system-error "open-fdes" "~A" ("No such file or directory") (2))'),
    ("(parameterize ((1 2)) 3)", '(wrong-type-arg "parameterize" "Not a parameter: ~S" (1) #f)'),
    ("(module-ref (current-module) 'nope)", None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), SHAPES)
def test_shape(text: str, expected: str | None) -> None:
    if expected is None:
        assert thrown(text).startswith('(misc-error #f "No variable named ~S ~S ~S" (nope in #<')
    else:
        assert thrown(text) == expected


def test_names_that_guile_does_not_have_by_default_are_unbound() -> None:
    for name in ("string-pad-left", "write-line", "make"):
        assert error(f"({name} 1)").key == "unbound-variable"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(car '())", "In procedure car: Wrong type (expecting pair): ()"),
        ("(error \"msg:\" 'a 1 \"s\")", 'msg: a 1 "s"'),
        ("(throw 'k 1 \"two\")", "Throw to key `k' with args `(1 \"two\")'."),
        ("(/ 0 0)", "Throw to key `numerical-overflow' with args "
                    '`("divide" "Numerical overflow" #f #f)\'.'),
        ("(define x y z)", "Syntax error:\nunknown location: source expression failed to match "
                           "any pattern in form (define x y z)"),
    ],
)  # fmt: skip
def test_message_as_guile_prints_it(text: str, message: str) -> None:
    assert message_of(error(text)) == message


# A file and where its error is.
PLACES = [
    ("(define x 1)\n(list x\n   undefd)", "3:4"),
    ("undefd", "1:1"),
    ("(define (f x)\n  (+ 1 (car x)))\n(list 1 2\n  (f 5))", "2:8"),
    ("(define (f x)\n  (car x))\n(f 5)", "2:3"),
    ("\n\n  (throw 'foo 1)", "3:3"),
    ("(for-each (lambda (x)\n   (car x)) (list 1))", "2:4"),
    ("(let loop ((i 0))\n (if (= i 3)\n  (car i)\n  (loop (+ i 1))))", "3:3"),
    ("(define-syntax-rule (foo x)\n (car x))\n\n(foo 1)", "4:1"),
    ("\n (use-modules (no such))", "2:2"),
    ("(list\n (let ((x 1) y) x))", "2:2"),
    ('(display ""', "1:12"),
    ("(match '(1 2)\n ((a) 1))", "1:1"),
    ("(1\n 2)", "1:1"),
    ("(define (f) 1)\n(list (f 1))", "2:7"),
    ('(catch #t (lambda ()\n (error "a")) (lambda _\n (car 1)))', "3:2"),
]


@pytest.mark.parametrize(("text", "place"), PLACES)
def test_errors_in_files_tell_where(tmp_path: Path, text: str, place: str) -> None:
    path = tmp_path / "c.scm"
    path.write_text(text)
    with pytest.raises(SchemeError) as caught:
        finish(load(str(path), user_module()))
    assert str(caught.value.location) == f"{path}:{place}"


def test_syntax_error_tells_its_place_among_the_arguments(tmp_path: Path) -> None:
    path = tmp_path / "c.scm"
    path.write_text("\n (let ((x 1) y) x)")
    with pytest.raises(SchemeError) as caught:
        finish(load(str(path), user_module()))
    from services.scheme.printer import write

    where = f'((filename . "{path}") (line . 1) (column . 1))'
    assert write(caught.value.arguments[2]) == where


def test_unknown_module_names_the_nearest_ones() -> None:
    problem = error("(use-modules (srfi srfi-99999))")
    assert any(name[0] == "srfi" for name in problem.nearest)  # type: ignore[attr-defined]


def test_exception_objects_hold_guiles_components() -> None:
    text = '(with-exception-handler (lambda (e) e) (lambda () (error "msg:" 1)) #:unwind? #t)'
    assert shown(text) == (
        "#<&compound-exception components: (#<&error> #<&origin origin: #f> "
        '#<&message message: "~A ~S"> #<&irritants irritants: ("msg:" 1)> '
        '#<&exception-with-kind-and-args kind: misc-error args: (#f "~A ~S" ("msg:" 1) #f)>)>'
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(guard (e ((error? e) (exception-irritants e))) (error \"boo\" 1))", '("boo" 1)'),
        ("(guard (e (#t (exception-kind e))) (throw 'foo 1))", "foo"),
        ("(guard (e (#t (exception-args e))) (throw 'foo 1 2))", "(1 2)"),
        ("(guard (e ((message-condition? e) (condition-message e)))"
         " (raise-exception (condition (&message (message \"hi\")))))", '"hi"'),
        ("(catch '%exception (lambda () (raise-exception (make-condition &message 'message 1)))"
         " list)", "(%exception #<&message message: 1>)"),
        ("(define-exception-type &foo &error make-foo foo? (a foo-a))"
         "(guard (e ((foo? e) (list (foo-a e) (error? e)))) (raise-exception (make-foo 3)))",
         "(3 #t)"),
        ("(guard (e ((string? e) e)) (raise-exception \"s\"))", '"s"'),
        ("(guard (e ((assq 'a e) => cdr)) (raise-exception '((a . 42))))", "42"),
        ("(use-modules (srfi srfi-34)) (guard (e (else (list 'got e))) (raise 'x))", "(got x)"),
        ("(with-exception-handler (lambda (e) 10) (lambda () (+ 1 (raise-continuable 'x))))",
         "11"),
        ("(with-exception-handler (lambda (e) 'caught) (lambda () (throw 'foo)) #:unwind? #t"
         " #:unwind-for-type 'foo)", "caught"),
        ("(catch 'bar (lambda () (with-exception-handler (lambda (e) 'caught)"
         " (lambda () (throw 'bar)) #:unwind? #t #:unwind-for-type 'foo)) (lambda _ 'outer))",
         "outer"),
    ],
)  # fmt: skip
def test_conditions(text: str, expected: str) -> None:
    assert shown(text) == expected
