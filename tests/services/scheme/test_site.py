"""Modules of Guile and Guix that are written in Scheme here."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.scheme import modules
from services.scheme.modules import UnknownModule
from tests.services.scheme.evaluating import error, shown, thrown

_OPTIONS = """
(use-modules (srfi srfi-37))
(define (note option name argument seed) (cons (list name argument) seed))
(define (parse . words)
  (reverse
   (args-fold words
              (list (option '(#\\a) #f #f note)
                    (option '(#\\b "bar") #t #f note)
                    (option '(#\\o "opt") #f #t note))
              (lambda (option name argument seed) (cons (list 'unknown name argument) seed))
              cons
              '())))
"""


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ('"-ab3"', r'((#\a #f) (#\b "3"))'),
        ('"-b" "3" "x"', r'((#\b "3") "x")'),
        ('"--bar" "3"', '(("bar" "3"))'),
        ('"--bar=3" "-"', '(("bar" "3") "-")'),
        ('"--bar"', '(("bar" #f))'),
        ('"-o" "3"', r'((#\o #f) "3")'),
        ('"-o3" "--opt" "x" "--opt=y"', r'((#\o "3") ("opt" #f) "x" ("opt" "y"))'),
        ('"--foo=x" "-z"', r'((unknown "foo" "x") (unknown #\z #f))'),
        ('"a" "--" "-a" "--bar"', '("a" "-a" "--bar")'),
    ],
)
def test_arguments_are_folded(words: str, expected: str) -> None:
    assert shown(f"{_OPTIONS} (parse {words})") == expected


_LONG = """
(use-modules (ice-9 getopt-long))
(define grammar
  `((lock (single-char #\\l)) (port (single-char #\\p) (value #t) (predicate ,string->number))
    (speed (value optional)) (must (required? #t))))
(define (parse . words) (getopt-long (cons "program" words) grammar))
"""


def test_long_options() -> None:
    assert shown(f'{_LONG} (parse "-lp80" "x" "--speed=3" "--must" "y")') == (
        '((() "x" "y") (lock . #t) (port . "80") (speed . "3") (must . #t))'
    )
    assert shown(f'{_LONG} (option-ref (parse "--must") \'speed 7)') == "7"
    assert shown(f'{_LONG} (option-ref (parse "--must" "q") \'() #f)') == '("q")'
    for words in ('"--must" "--no"', '"--must" "-p" "x"', "", '"--must=1"', '"--must" "-p"'):
        assert error(f"{_LONG} (parse {words})").arguments[0] == "getopt-long"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(let ((a b (values 1 2)) (c 3)) (list a b c))", "(1 2 3)"),
        ("(let (((values a . r) (values 1 2 3)) (a2 5)) (list a r a2))", "(1 (2 3) 5)"),
        ("(let ((x 1)) (let ((x y (values 2 x))) (list x y)))", "(2 1)"),
        ("(let* ((a b (values 1 2)) (c (+ a b))) c)", "3"),
        ("(let loop ((n 0)) (if (< n 5) (loop (+ n 1)) n))", "5"),
        ("(values->list (values 1 2))", "(1 2)"),
    ],
)
def test_let_with_several_values(text: str, expected: str) -> None:
    assert shown(f"(use-modules (srfi srfi-71)) {text}") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(false-if-exception (error 1))", "#f"),
        ("(catch 'quit (lambda () (false-if-exception (quit 3))) (lambda _ 'ended))", "ended"),
        ("((λ (x) (* x x)) 3)", "9"),
        ("(catch 'k (lambda () (scm-error 'k \"who\" \"~a\" '(1) 2)) list)",
         '(k "who" "~a" (1) 2)'),
        ("(call-with-prompt 'p (lambda () (+ 1 (abort-to-prompt 'p 5 6))) (lambda (k . v) v))",
         "(5 6)"),
        ("(call-with-prompt 'p (lambda () 7) list)", "7"),
        ("(let ((l '())) (call-with-prompt 'p (lambda () (dynamic-wind (const 1)"
         " (lambda () (abort-to-prompt 'p)) (lambda () (set! l '(left))))) (lambda (k) l)))",
         "(left)"),
        ("(use-modules (ice-9 control)) (% (+ 1 (abort 7)) (lambda (k v) (+ v 10)))", "17"),
        ("(use-modules (ice-9 control)) (+ 1 (let/ec k (+ 5 (k 1))))", "2"),
        ("(use-modules (ice-9 atomic)) (let ((b (make-atomic-box 1)))"
         " (list (atomic-box-swap! b 2) (atomic-box-compare-and-swap! b 2 3) (atomic-box-ref b)))",
         "(1 2 3)"),
        ("(use-modules (ice-9 threads)) (par-map + '(1 2) '(3 4))", "(4 6)"),
        ("(use-modules (ice-9 threads)) (let ((m (make-mutex)))"
         " (list (with-mutex m (mutex-locked? m)) (mutex-locked? m) (try-mutex m) (try-mutex m)))",
         "(#t #f #t #f)"),
        ("(use-modules (ice-9 futures)) (touch (future (+ 1 2)))", "3"),
        ("(use-modules (system repl error-handling)) (with-output-to-string (lambda ()"
         " (call-with-error-handling (lambda () (error \"bad:\" 5)))))", '"bad: 5\\n"'),
        ("(use-modules (gnu system file-systems)) (let ((m (file-system-mapping"
         ' (source "/a") (target source) (writable? #t))))'
         " (list (file-system-mapping-target m) (file-system-mapping-writable? m)))",
         '("/a" #t)'),
    ],
)  # fmt: skip
def test_value(text: str, expected: str) -> None:
    assert shown(text) == expected


def test_build_utilities(tmp_path: Path) -> None:
    use = "(use-modules ((guix build utils) #:hide (delete)))"
    directory = tmp_path / "a/b"
    shown(f'{use} (mkdir-p "{directory}") (mkdir-p "{directory}")')
    file = directory / "file.txt"
    file.write_text("one two\nthree\n")
    file.chmod(0o640)
    shown(f'{use} (substitute* "{file}" (("o(.)e" all x) (string-append x "-" all)) (("t") "T"))')
    assert file.read_text() == "n-one Two\nThree\n"
    assert file.stat().st_mode & 0o777 == 0o640
    shown(f'{use} (copy-recursively "{tmp_path}/a" "{tmp_path}/c")')
    assert shown(f'{use} (map basename (find-files "{tmp_path}" "\\\\.txt$"))') == (
        '("file.txt" "file.txt")'
    )
    shown(f'{use} (delete-file-recursively "{tmp_path}/c")')
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]
    item = "/gnu/store/0123456789abcdef0123456789abcdef-hello-1"
    assert shown(f'{use} (strip-store-file-name "{item}")') == '"hello-1"'


def test_compiled_files_are_replaced_by_their_sources(tmp_path: Path) -> None:
    (tmp_path / "x.go").write_bytes(b"\x7fELF")
    assert "source is not beside it" in thrown(f'(load-compiled "{tmp_path}/x.go")')
    (tmp_path / "x.scm").write_text("(define from-source 5) (+ from-source 1)")
    assert shown(f'(load-compiled "{tmp_path}/x.go")') == "6"
    assert error(f'(load-compiled "{tmp_path}/y.go")').key == "system-error"


def test_modules_are_found_on_the_load_path(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own/thing.scm").write_text(
        "(define-module (own thing) #:export (f)) (define (f) (g)) (define (g) 'found)"
    )
    assert shown(
        f'(set! %load-path (cons "{tmp_path}" %load-path)) (use-modules (own thing)) (f)'
    ) == "found"  # fmt: skip


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("(srfi srfi-37x)", "(srfi srfi-37)"),
        ("(ice-9 tread)", "did you mean (ice-9 threads)"),
        ("(guix build util)", "(guix build utils)"),
        ("(oop goops)", "this module of Guile is not available in drover"),
        ("(web client)", "this module of Guile is not available in drover"),
        ("(completely different)", ""),
    ],
)
def test_unknown_modules_come_with_a_hint(name: str, hint: str) -> None:
    problem = error(f"(use-modules {name})")
    assert isinstance(problem, UnknownModule)
    assert problem.key == "misc-error"
    found = problem.hint()
    assert hint in found if hint else found == ""


_RECORDED = Path(__file__).parents[2] / "data" / "modules.txt"
_ROWS = [
    line.split(" | ") for line in _RECORDED.read_text().splitlines() if not line.startswith("#")
]


@pytest.mark.parametrize(("module", "expression", "expected"), _ROWS)
def test_modules_do_what_those_of_guile_do(module: str, expression: str, expected: str) -> None:
    assert shown(f"(use-modules (srfi srfi-1) {module}) {expression}") == expected


_SITE = Path(modules.__file__).with_name("site")


@pytest.mark.parametrize(
    "name",
    [str(file.relative_to(_SITE).with_suffix("")) for file in sorted(_SITE.rglob("*.scm"))],
)
def test_every_exported_name_is_bound(name: str) -> None:
    # ``#:select`` finds a name only if the module has it.
    found = modules.interface(tuple(name.split("/")))
    assert found.public
    assert [one for one in sorted(found.public) if found.exported(one) is None] == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(with-fluids* '() '() (lambda () 1))", "1"),
        ("(let ((f (make-fluid 1))) (with-fluids* (list f) '(2) (lambda () (fluid-ref f))))", "2"),
        ("(let ((p (lambda (x) x))) (set-object-property! p 'k 5) (procedure-property p 'k))", "5"),
        ("(define (f x) x) (procedure-property f 'name)", "f"),
        ('(char-set-count char-alphabetic? (string->char-set "ab1"))', "2"),
        ("(with-continuation-barrier (const 3))", "3"),
    ],
)
def test_seldom_used_procedures(text: str, expected: str) -> None:
    assert shown(text) == expected


def test_what_cannot_be_says_so() -> None:
    assert "not available in drover" in thrown("(primitive-fork)")
