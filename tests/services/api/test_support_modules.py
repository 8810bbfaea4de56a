"""The Shepherd's support modules; the values are those that the real program gives."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from configured import Configured

from services.scheme import SchemeError
from services.scheme.printer import write

SUPPORT = [
    ("(catch 'assertion-failed (lambda () (assert (= 1 2))) list)", "(assertion-failed)"),
    ("(assert (= 1 1))", None),
    ('(list %gettext-domain default-logfile-date-format)', '("shepherd" "%Y-%m-%d %H:%M:%S ")'),
    ('(with-output-to-string (lambda () (local-output "a ~a ~s" 1 "x")))', '"a 1 \\"x\\"\\n"'),
    ('(with-output-to-string (lambda () (local-output (l10n "~a") 1)))', '"1\\n"'),
    ('(list (l10n "a") (l10n "one" "many" 2) (l10n "one" "many" 1))', '("a" "many" "one")'),
    ('(with-output-to-string (lambda () (display-line "hello")))', '"hello\\n"'),
    ('(with-error-to-string (lambda () (report-error (l10n "bad ~a") 1)))',
     '"shepherd: error: bad 1\\n"'),
    ('(with-error-to-string (lambda () (report-hint (l10n "try ~a") 1)))',
     '"shepherd: hint: try 1\\n"'),
    ('(catch-system-error (mkdir "/proc/nope"))', "#f"),
    ("(catch-system-error 1 2)", "2"),
    ("(let-loop loop ((x 1) (y 10)) (if (> x 3) (list x y) (loop (x (+ x 1)))))", "(4 10)"),
    ("(let-loop loop ((x 1) (y 10)) (if (> x 3) (list x y) (loop (y (* y 2)) (x (+ x 1)))))",
     "(4 80)"),
    ("(ring-buffer->list (fold ring-buffer-insert (ring-buffer 3) '(1 2 3 4)))", "(4 3 2)"),
    ("(ring-buffer-limit (ring-buffer 3))", "3"),
    ("(call-with-values (lambda () (at-most 2 '(1 2 3))) list)", "((1 2) (3))"),
    ("(call-with-values (lambda () (at-most 5 '(1 2 3))) list)", "((1 2 3) ())"),
    ("(map list-of-symbols? '((a b) (a 1) 1 ()))", "(#t #f #f #t)"),
    ("((list-predicate string?) '(\"a\"))", "#t"),
    ("(catch 'wrong-type-arg (lambda () (let ((x 1)) (check-argument-types (string? x)))) list)",
     "(wrong-type-arg #f \"Wrong type for argument '~a': ~S\" (x 1) (1))"),
    ('(with-directory-excursion "/usr" (getcwd))', '"/usr"'),
    ("(eval-in-user-module '(begin (define x 5) (list x (procedure? start-service))))", "(5 #t)"),
    ("(socket-address->string (make-socket-address AF_INET INADDR_LOOPBACK 80))",
     '"127.0.0.1:80"'),
    ("(let ((h (make-hook 1)) (l '())) (add-hook! h (lambda (x) (set! l (cons x l))))"
     " (run-hook h 5) l)", "(5)"),
    ("(begin (define* (f x #:key (y 2)) (+ x y)) (f 2 #:y 5))", "7"),
    ("(program-name)", '"shepherd"'),
]  # fmt: skip


@pytest.mark.parametrize(("form", "value"), SUPPORT)
async def test_support(form: str, value: str | None, scheme: Configured) -> None:
    result = await scheme.load(f"(use-modules (shepherd support) (srfi srfi-1)) {form}")
    assert result is None if value is None else write(result) == value


async def test_directories_are_made(scheme: Configured, tmp_path: Path) -> None:
    os.umask(os.umask(0o022))
    await scheme.load(
        f'(use-modules (shepherd support)) (mkdir-p "{tmp_path}/a/b/c" #o700)'
        f' (mkdir-p "{tmp_path}/a/b/c" #o750) (mkdir-p "{tmp_path}/a")'
    )
    assert (tmp_path / "a/b/c").stat().st_mode & 0o777 == 0o750
    with pytest.raises(SchemeError) as caught:
        await scheme.load('(mkdir-p "/proc/nope/x")')
    assert caught.value.key == "system-error"


async def test_files_are_replaced_at_once_or_not_at_all(scheme: Configured, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("old")
    value = await scheme.load(
        f"""(use-modules (shepherd support))
            (with-atomic-file-output "{file}" (lambda (port) (display "new" port) 'done))"""
    )
    assert write(value) == "done"
    assert file.read_text() == "new"
    with pytest.raises(SchemeError):
        await scheme.load(
            f'(with-atomic-file-output "{file}" (lambda (port) (display "x" port) (error "no")))'
        )
    assert file.read_text() == "new"
    assert os.listdir(tmp_path) == ["file"]


async def test_a_file_is_loaded_in_a_fresh_module(scheme: Configured, tmp_path: Path) -> None:
    file = tmp_path / "file.scm"
    file.write_text("(define private 1) (list private (procedure? lookup-service))")
    value = await scheme.load(f'(use-modules (shepherd support)) (load-in-user-module "{file}")')
    assert write(value) == "(1 #t)"
    with pytest.raises(SchemeError, match="unbound-variable"):
        await scheme.load("private")


COLORS = [
    ('(colorize-string "x" (color BOLD RED))', '"\\x1b[1;31mx\\x1b[0m"'),
    ("(color BOLD RED)", "#<color BOLD RED>"),
    ('(call-with-output-string (lambda (port) (display (highlight "x" port) port)))', '"x"'),
    ('((color-rules ("^(a+)(b+)" RED BLUE)) "aabbc")', '"\\x1b[31maa\\x1b[0m\\x1b[34mbb\\x1b[0mc"'),
    ('((colorize-full-matches (list (cons (make-regexp "b") (color RED)))) "abcb")',
     '"a\\x1b[31mb\\x1b[0mc\\x1b[31mb\\x1b[0m"'),
]  # fmt: skip


@pytest.mark.parametrize(("form", "value"), COLORS)
async def test_colors(form: str, value: str, scheme: Configured) -> None:
    assert write(await scheme.load(f"(use-modules (shepherd colors)) {form}")) == value


COMM = [
    ("(result->sexp (list 1 \"a\" 'b #t car (vector 1)))",
     '(1 "a" b #t "#<procedure car (_)>" "#(1)")'),
    ("(shepherd-command 'status 'root #:directory \"/d\")",
     '#<<shepherd-command> version: (0) action: status service: root args: () directory: "/d">'),
    ("(call-with-output-string (lambda (port)"
     " (write-command (shepherd-command 'a 'b #:arguments '(\"x\") #:directory \"d\") port)))",
     '"(shepherd-command (version 0) (action a) (service b) (arguments (\\"x\\"))'
     ' (directory \\"d\\"))"'),
    ("(let ((c (call-with-input-string \"(shepherd-command (version 0 1) (action a) (service b)"
     " (arguments (1)) (directory 2))\" read-command))) (list (shepherd-command-version c)"
     " (shepherd-command-action c) (shepherd-command-service c) (shepherd-command-arguments c)"
     " (shepherd-command-directory c)))", "((0 1) a b (1) 2)"),
    ("(map (cut call-with-input-string <> read-command)"
     " '(\"(shepherd-command (version 1) (action a) (service b) (arguments ()) (directory 2))\""
     " \"(\" \"x\" \"\" \"(shepherd-command (version 0) (action a) (service b) (arguments 1)"
     " (directory 2))\"))", "(#f #f #f #f #f)"),
    ("(call-with-output-string"
     " (lambda (port) (write-reply (command-reply 'c 5 #f '(\"m\")) port)))",
     '"(reply (version 0) (result 5) (error #f) (messages (\\"m\\")))"'),
    ("(with-error-to-string (lambda () (report-command-error"
     " '(error (version 0) action-not-found x foo))))",
     '"shepherd: error: service \'foo\' does not have an action \'x\'\\n"'),
]  # fmt: skip


@pytest.mark.parametrize(("form", "value"), COMM)
async def test_comm(form: str, value: str, scheme: Configured) -> None:
    assert write(await scheme.load(f"(use-modules (shepherd comm)) {form}")) == value


async def test_records_are_sent_as_their_serializer_says(scheme: Configured) -> None:
    value = await scheme.load(
        """(use-modules (shepherd comm))
           (define-record-type <point> (make-point x y) point? (x point-x) (y point-y))
           (define-record-type-serializer (point->sexp (point <point>))
             (list 'point (point-x point) (point-y point)))
           (result->sexp (list (make-point 1 2)))"""
    )
    assert write(value) == "((point 1 2))"


async def test_what_cannot_exist_says_so(scheme: Configured) -> None:
    with pytest.raises(SchemeError, match="not available in drover"):
        await scheme.load("(use-modules (shepherd system)) (signalfd -1 '())")


async def test_signals_are_blocked_meanwhile(scheme: Configured) -> None:
    value = await scheme.load(
        """(use-modules (shepherd system))
           (define (blocked) (unblock-signals '()))
           (list (equal? (with-blocked-signals (list SIGUSR1) (blocked)) (list SIGUSR1))
                 (blocked))"""
    )
    assert write(value) == "(#t ())"


FIBERS = [
    ("(let ((c (make-channel))) (spawn-fiber (lambda () (put-message c 5))) (get-message c))", "5"),
    ("(perform-operation (choice-operation"
     " (wrap-operation (sleep-operation 0.01) (lambda () 'late))"
     " (wrap-operation (get-operation (make-channel)) list)))", "late"),
    ("(let ((c (make-channel))) (spawn-fiber (lambda () (put-message c 5)))"
     " (perform-operation (choice-operation (sleep-operation 10)"
     " (wrap-operation (get-operation c) (lambda (x) (* x 2))))))", "10"),
    ("(let ((c (make-channel))) (perform-operation (choice-operation"
     " (wrap-operation (sleep-operation 0) (lambda () 1)) (get-operation c)))"
     " (spawn-fiber (lambda () (put-message c 'kept))) (get-message c))", "kept"),
    ("(let ((c (make-condition))) (spawn-fiber (lambda () (signal-condition! c))) (wait c)"
     " (list (condition? c) (signal-condition! c)))", "(#t #f)"),
    ("(let ((l '())) (dynamic-wind* (lambda () (set! l (cons 1 l))) (lambda () (set! l (cons 2 l)))"
     " (lambda () (set! l (cons 3 l)))) l)", "(3 2 1)"),
    ("(get-message* (make-channel) 0.01 'nothing)", "nothing"),
]  # fmt: skip


@pytest.mark.parametrize(("form", "value"), FIBERS)
async def test_fibers(form: str, value: str, scheme: Configured) -> None:
    imports = "(use-modules (fibers) (fibers channels) (fibers operations) (fibers conditions)"
    assert write(await scheme.load(f"{imports} (fibers timers)) {form}")) == value


async def test_an_essential_task_is_started_again(scheme: Configured) -> None:
    value = await scheme.load(
        """(use-modules (fibers))
           (define count 0)
           (spawn-fiber (essential-task-thunk 'ticker (lambda (step)
             (set! count (+ count step))
             (if (< count 6) (error "again") (sleep 10))) 2))
           (sleep 0.05)
           count"""
    )
    assert value == 6
