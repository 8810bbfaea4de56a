"""The procedures of ``(shepherd service)``, whose checks and values are the real program's."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from configured import Configured
from running import eventually, logged

from pid1.errors import KeyedError
from pid1.log import Output, client_output
from pid1.service import RUNNING, STOPPED
from services import configuration
from services.scheme import SchemeError
from services.scheme.printer import write


async def failure(scheme: Configured, form: str) -> str:
    """The error of evaluating ``form``, as ``(key argument…)``."""
    with pytest.raises(SchemeError) as caught:
        await scheme.load(form)
    arguments = " ".join(map(write, caught.value.arguments))
    return f"({caught.value.key} {arguments})"


# Arguments


@pytest.mark.parametrize(
    ("form", "procedure", "argument", "value", "predicate"),
    [
        ("(service 'x)", "service", "provision", "x", "list-of-symbols?"),
        ("(service '(x \"y\"))", "service", "provision", '(x "y")', "list-of-symbols?"),
        ("(service '(x) #:requirement 'y)", "service", "requirement", "y", "list-of-symbols?"),
        ("(service '(x) #:respawn? 1)", "service", "respawn?", "1", "boolean?"),
        ("(service '(x) #:start 12)", "service", "start", "12", "procedure?"),
        ("(service '(x) #:stop #f)", "service", "stop", "#f", "procedure?"),
        ("(service '(x) #:actions '(1))", "service", "actions", "(1)", "list-of-actions?"),
        ("(service '(x) #:start car #:start 2)", "service", "start", "2", "procedure?"),
        ("(action \"x\" car)", "action", "name", '"x"', "symbol?"),
        ("(action 'x 1)", "action", "proc", "1", "procedure?"),
        ('(make-forkexec-constructor "x")', "make-forkexec-constructor", "command", '"x"',
         "list-of-strings?"),
        ("(make-forkexec-constructor '(\"x\") #:environment-variables '(1))",
         "make-forkexec-constructor", "environment-variables", "(1)", "list-of-strings?"),
        ('(fork+exec-command "x")', "fork+exec-command", "command", '"x"', "list-of-strings?"),
        ("(system* 1)", "fork+exec-command", "command", "(1)", "list-of-strings?"),
        ("(system 1)", "fork+exec-command", "command", '("/bin/sh" "-c" 1)', "list-of-strings?"),
        # What follows is not checked by the GNU Shepherd.
        ("(service '())", "service", "provision", "()", "list-of-symbols?"),
        ("(service '(x) #:respawn-limit 1)", "service", "respawn-limit", "1", "pair?"),
        ("(make-forkexec-constructor '(\"x\") #:directory 1)", "make-forkexec-constructor",
         "directory", "1", "string?"),
        ("(make-kill-destructor #:grace-period 'a)", "make-kill-destructor", "grace-period", "a",
         "real?"),
    ],
)  # fmt: skip
async def test_arguments_are_checked_where_they_are_written(
    form: str, procedure: str, argument: str, value: str, predicate: str, scheme: Configured
) -> None:
    output = Output()
    token = client_output.set(output)
    try:
        error = await failure(scheme, form)
    finally:
        client_output.reset(token)
    assert error == (
        f"(wrong-type-arg {procedure} \"Wrong type for argument '~a': ~S\""
        f" ({argument} {value}) ({value}))"
    )
    assert output.lines == [
        f"In call to '{procedure}', value {value} of argument '{argument}' has the wrong type "
        f"(it should match '{predicate}')."
    ]


NOT_A_SERVICE = (
    '(wrong-type-arg "struct-vtable" "Wrong type argument in position 1 (expecting struct): ~S"'
)


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ("(service '(x) #:bogus 1)",
         '(keyword-argument-error #f "Unrecognized keyword" () (#:bogus))'),
        ("(service '(x) 1 2)", '(keyword-argument-error #f "Invalid keyword" () (1))'),
        ("(service '(x) #:start)",
         '(keyword-argument-error #f "Keyword argument has no value" () (#:start))'),
        ("(start-service (lookup-service 'nope))", f"{NOT_A_SERVICE} (#f) (#f))"),
        ("(service-status 'x)", f"{NOT_A_SERVICE} (x) (x))"),
        ("(process-id 1)", f"{NOT_A_SERVICE} (1) (1))"),
        ("(actions (foo))",
         '(syntax-error #f "source expression failed to match any pattern" #f (actions (foo)) #f)'),
        ("(user-environment-variables \"nosuch\")", '(misc-error "getpw" "entry not found" () #f)'),
        ("(sleep 'a)", '(wrong-type-arg "*" "Wrong type argument in position ~A: ~S" (1 a) (a))'),
        ("(condition->sexp 1)", '(match-error "match" "no matching pattern" 1)'),
    ],
)  # fmt: skip
async def test_errors_of_arguments(form: str, error: str, scheme: Configured) -> None:
    assert await failure(scheme, form) == error


@pytest.mark.parametrize(
    ("form", "value"),
    [
        ("(service-respawn-limit (service '(x)))", "(5 . 7)"),
        ("(service-respawn-limit (service '(x) #:respawn-limit '(+inf.0 . 5)))", "(+inf.0 . 5)"),
        ("(service-requirement (service '(x) #:requirement '(a b)))", "(a b)"),
        ("(list (service-status (service '(x))) (service-running-value (service '(x))))",
         "(stopped #f)"),
        ("(map action-name (actions (foo \"d\" car) (bar cdr)))", "(foo bar)"),
        ("(map action-documentation (actions (foo \"d\" car) (bar cdr)))",
         '("d" "[No documentation.]")'),
        ("(action 'x car)",
         '#<<action> name: x proc: #<procedure car (_)> doc: "[No documentation.]">'),
        ("(user-environment-variables \"root\" '(\"A=1\" \"HOME=x\" \"USER=y\"))",
         '("HOME=/root" "USER=root" "A=1")'),
        ("(spawn-command '(\"sh\" \"-c\" \"exit 3\"))", "768"),
        ("(spawn-command '(\"/no/such\"))", "256"),
        ("(spawn-command '(\"true\") #:user \"nosuch\")", "256"),
        ("(spawn-command '(\"true\") #:directory \"/nope\")", "32512"),
        ("(map zero? (list (system \"exit 3\") (system* \"true\")))", "(#f #t)"),
        ("(call-with-values (lambda () (start-command '(\"sh\" \"-c\" \"exit 5\"))) (lambda (pid c)"
         " (list (integer? pid) ((@ (fibers channels) get-message) c))))", "(#t 1280)"),
        ("(terminate-process (fork+exec-command '(\"sleep\" \"100\")) SIGTERM)", "15"),
        ('(read-pid-file "/nope" #:max-delay 0)', "#f"),
        ("(list (lookup-service 1) (lookup-running 'nope) (service? 1) (process? 1))",
         "(#f #f #f #f)"),
    ],
)  # fmt: skip
async def test_values(form: str, value: str, scheme: Configured) -> None:
    assert write(await scheme.load(form)) == value


# Errors


SERVICES = """
(register-services
 (list (service '(bad) #:start (lambda _ (error "boo" 1)) #:actions (actions
         (act (lambda _ (throw 'k 1 "b"))) (nest (lambda _ (start-service (lookup-service 'bad))))))
       (service '(bad-stop) #:start (const 1) #:stop (lambda _ (throw 'k 2)))
       (service '(outer) #:start (lambda _ (start-service (lookup-service 'bad))))
       (service '(needs) #:requirement '(nope))
       (service '(vector) #:start (lambda _ (vector 1 2)) #:stop (lambda (v) (not (vector? v))))))
(define (caught thunk) (with-exception-handler (lambda (error) error) thunk #:unwind? #t))
"""


@pytest.mark.parametrize(
    ("form", "value"),
    [
        ("(let ((c (caught (lambda () (start-service (lookup-service 'bad))))))"
         " (list (action-runtime-error? c) (service-error? c) (missing-service-error? c)"
         " (action-runtime-error-key c) (action-runtime-error-arguments c)"
         " (action-runtime-error-action c)"
         " (service-canonical-name (action-runtime-error-service c)) (condition->sexp c)))",
         '(#t #t #f misc-error (#f "~A ~S" ("boo" 1) #f) start bad (error (version 0)'
         ' action-exception start bad misc-error (#f "~A ~S" ("boo" 1) #f)))'),
        ("(let ((c (caught (lambda () (perform-service-action (lookup-service 'bad) 'act)))))"
         " (condition->sexp c))", '(error (version 0) action-exception act bad k (1 "b"))'),
        ("(begin (start-service (lookup-service 'bad-stop)) (let ((c (caught (lambda ()"
         " (stop-service (lookup-service 'bad-stop)))))) (condition->sexp c)))",
         "(error (version 0) action-exception stop bad-stop k (2))"),
        ("(let ((c (caught (lambda () (start-service (lookup-service 'needs))))))"
         " (list (missing-service-error? c) (missing-service-name c) (condition->sexp c)))",
         "(#t nope (error (version 0) service-not-found nope))"),
        ("(let ((c (caught (lambda () (perform-service-action (lookup-service 'bad) 'zork)))))"
         " (list (unknown-action-error? c) (unknown-action-name c)"
         " (service-canonical-name (unknown-action-service c))))", "(#t zork bad)"),
        ("(let ((c (caught (lambda () (start-service (lookup-service 'outer))))))"
         " (list (service-canonical-name (action-runtime-error-service c))"
         " (action-runtime-error-key c)))", "(outer %exception)"),
        ("(condition->sexp (caught (lambda () (perform-service-action (lookup-service 'bad)"
         " 'nest))))", '(error (version 0) action-exception start bad misc-error'
         ' (#f "~A ~S" ("boo" 1) #f))'),
        ("(guard (c ((missing-service-error? c) (missing-service-name c)))"
         " (raise-exception (condition (&missing-service-error (name 'x)))))", "x"),
        ("(begin (start-service (lookup-service 'vector))"
         " (list (vector? (service-running-value (lookup-service 'vector)))"
         " (map service-canonical-name (stop-service (lookup-service 'vector)))))",
         "(#t (vector))"),
    ],
)  # fmt: skip
async def test_conditions(form: str, value: str, scheme: Configured) -> None:
    assert write(await scheme.load(SERVICES + form)) == value


async def test_a_failing_action_names_the_service_that_failed(scheme: Configured) -> None:
    await scheme.load(SERVICES)
    with pytest.raises(KeyedError) as caught:
        await scheme.perform("bad", "nest")
    assert (caught.value.action, caught.value.service) == ("start", "bad")


# Parameters


async def test_parameters_hold_from_then_on(scheme: Configured, tmp_path: Path) -> None:
    before = await scheme.load("(list (default-environment-variables) (default-respawn-limit))")
    try:
        out = tmp_path / "out"
        value = await scheme.load(
            f"""(default-environment-variables (list "FOO=bar" "PATH={os.environ["PATH"]}"))
                (default-service-directory "/usr")
                (define command "echo $FOO >>{out}; pwd >>{out}")
                (register-services
                 (list (service '(sh) #:start (make-system-constructor command))))
                (system command)
                (system* "sh" "-c" command)
                (spawn-command (list "sh" "-c" command))
                (start-service (lookup-service 'sh))
                (parameterize ((default-environment-variables '("FOO=inner")))
                  (system command))
                (default-respawn-limit '(3 . 4))"""
        )
        assert write(value) == "(5 . 7)"
        here = os.getcwd()
        lines = ["bar", here, "bar", here, "bar", "/usr", "bar", here, "inner", here]
        assert out.read_text().splitlines() == lines
        assert write(await scheme.load("(service-respawn-limit (service '(x)))")) == "(3 . 4)"
    finally:
        scheme.module.define("before", before)
        await scheme.load(
            """(default-environment-variables (car before))
               (default-respawn-limit (cadr before))
               (default-service-directory "/")"""
        )


async def test_a_program_that_cannot_be_run_fails_the_start_or_exits(scheme: Configured) -> None:
    async with logged() as lines:
        await scheme.load(
            """(register-services
                (list (service '(fails) #:start (make-forkexec-constructor '("/no/such")))))
               (parameterize ((default-exec-failure-is-exit? #t))
                 (register-services
                  (list (service '(exits) #:start (make-forkexec-constructor '("/no/such"))))))"""
        )
        assert await scheme.start("fails") is False
        assert await scheme.start("exits") is not False
        await eventually(lambda: not scheme.service("exits").enabled)
    assert 'exec of "/no/such" failed: No such file or directory.' in lines
    assert '[such] exec of "/no/such" failed: No such file or directory' in lines
    assert [status for status, _ in scheme.service("exits").exits] == [256]
    assert scheme.service("fails").enabled


async def test_a_start_has_the_configured_deadline(scheme: Configured) -> None:
    await scheme.load(
        """(register-services
            (list (service '(keyword) #:start (lambda _ (sleep 100)) #:start-timeout 0.05)))
           (parameterize ((default-start-timeout 0.05))
             (register-services
              (list (service '(parameter) #:start (lambda _ (system* "sleep" "100"))))))"""
    )
    assert await scheme.start("keyword") is False
    assert await scheme.start("parameter") is False
    children = scheme.manager.children
    await eventually(lambda: not children.pids())


async def test_a_command_that_is_waited_for_does_not_end_the_service(scheme: Configured) -> None:
    await scheme.load(
        """(register-services
            (list (service '(sh) #:start (make-system-constructor "true"))
                  (service '(forks)
                    #:start (lambda _ (fork+exec-command '("sleep" "0.05")) 'value))))"""
    )
    assert await scheme.start("sh") is True
    await scheme.start("forks")
    await eventually(lambda: scheme.service("forks").status == STOPPED)
    assert scheme.service("sh").status == RUNNING


# Deprecated forms


async def test_deprecated_forms_work_and_say_so(scheme: Configured) -> None:
    async with logged() as lines:
        await scheme.load("(register-services (service '(one)) (service '(two)))")
        assert await scheme.load('(spawn-command "sh" "-c" "exit 4")') == 4 << 8
    assert lines[:2] == [
        "Passing 'register-services' services as a rest list is now deprecated.",
        'This \'spawn-command\' form is deprecated; use (spawn-command \'("PROGRAM" "ARGS"...)).',
    ]
    assert scheme.service("two").status == STOPPED


# Configuration files


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("(define x 1)\n  (error \"msg:\" 'a 1 \"s\")",
         "While loading configuration file '@': \"@:2:3: msg: a 1 \\\"s\\\"\""),
        ("(foo)", "While loading configuration file '@': \"@:1:1: Unbound variable: foo\""),
        ("\n\n(list (car 1))",
         "While loading configuration file '@': \"@:3:7: In procedure car: Wrong type"
         ' (expecting pair): 1"'),
        ("(register-services (list",
         "While loading configuration file '@': \"@:2:1: unexpected end of input while searching"
         ' for: )"'),
        ("(service '(x) #:start 12)",
         "While loading configuration file '@': \"@:1:1: In procedure service: Wrong type for"
         " argument 'start': 12\""),
        ("(service '(x) #:bogus 12)",
         "While loading configuration file '@': \"@:1:1: Unrecognized keyword: #:bogus\""),
        ("(throw 'my-key 1 \"two\")",
         "While loading configuration file '@': \"@:1:1: Throw to key `my-key' with args"
         " `(1 \\\"two\\\")'.\""),
        ("(use-modules (no such module))",
         "While loading configuration file '@': \"@:1:1: no code for module (no such module)\""),
        ("(let ((x 1) y) x)",
         "While loading configuration file '@': \"Syntax error:\\n@:1:0: let: bad let in form"
         ' (let ((x 1) y) x)"'),
        ("(raise-exception 42)",
         "Uncaught exception while loading configuration file '@': @:1:1: 42"),
        ("(use-modules (srfi srfi-35)) (raise-exception (condition (&message (message \"hey\"))))",
         "Error while loading configuration file '@': @:1:30: hey"),
        ("(register-services (list (service '(x) #:start (lambda _ (error \"boo\" 1)))))\n"
         "(start-service (lookup-service 'x))",
         "@:2:1: action 'start' on service 'x' failed: (misc-error #f \"~A ~S\" (\"boo\" 1) #f)"),
        ("(register-services (list (service '(x) #:requirement '(nope))))\n"
         "(start-service (lookup-service 'x))",
         "Uncaught exception while loading configuration file '@': @:2:1:"
         " #<&missing-service-error name: nope>"),
    ],
)  # fmt: skip
async def test_errors_of_a_configuration_are_logged_with_their_place(
    text: str, line: str, scheme: Configured, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "config.scm"
    file.write_text(f"{text}\n")
    async with logged() as lines:
        await configuration.load_configuration(str(file))
    assert lines[-1].replace(str(file), "@") == line
    assert capsys.readouterr().err == (
        f'shepherd: error: "{file}": exception thrown while loading configuration file\n'
    )


async def test_what_precedes_an_error_stays(scheme: Configured, tmp_path: Path) -> None:
    file = tmp_path / "config.scm"
    file.write_text("(register-services (list (service '(one))))\n(car 1)\n(never)\n")
    await configuration.load_configuration(str(file))
    assert scheme.service("one").status == STOPPED


async def test_a_failing_start_does_not_end_the_configuration(
    scheme: Configured, tmp_path: Path
) -> None:
    file = tmp_path / "config.scm"
    file.write_text(
        "(register-services (list (service '(one) #:start (const #f)) (service '(two))))\n"
        "(start-service (lookup-service 'one))\n(start-service (lookup-service 'two))\n"
    )
    async with logged() as lines:
        await configuration.load_configuration(str(file))
    assert lines[-1] == f"Configuration successfully loaded from '{file}'."
    assert scheme.service("two").status == RUNNING
    await scheme.manager.stop(scheme.service("two"))


async def test_a_stop_procedure_that_raises_leaves_the_service_stopped(scheme: Configured) -> None:
    await scheme.load(SERVICES)
    await scheme.start("bad-stop")
    async with logged() as lines:
        with pytest.raises(KeyedError):
            await scheme.manager.stop(scheme.service("bad-stop"))
    assert "Service bad-stop might have failed to stop." in lines
    assert scheme.service("bad-stop").status == STOPPED


def test_signals_are_those_of_this_system() -> None:
    from services.api.internals import LIBRARY
    from services.scheme.types import iterate

    precious = set(iterate(LIBRARY.bindings["%precious-signals"]))
    assert precious == {signal.SIGCHLD, signal.SIGINT, signal.SIGHUP, signal.SIGTERM}
