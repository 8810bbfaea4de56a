"""Evaluations that wait, share the loop, or are cancelled."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import sys
import time
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.scheme import (
    Evaluation,
    SchemeError,
    apply,
    default_imports,
    evaluate,
    host_modules,
    load,
    user_module,
)
from services.scheme.machine import Machine
from services.scheme.modules import _loaded
from services.scheme.primitives import Await, Call, Library, TailCall
from services.scheme.printer import write
from services.scheme.reader import read_one

LIBRARY = Library()
LOG: list[Any] = []
TASK: contextvars.ContextVar[str] = contextvars.ContextVar("TASK", default="none")


@LIBRARY.procedure("pause", 1)
def _pause(seconds: Any) -> Any:
    yield Await(asyncio.sleep(seconds))
    return seconds


@LIBRARY.procedure("fail-later", 0)
def _fail_later() -> Any:
    yield Await(asyncio.sleep(0))
    raise FileNotFoundError(2, "gone")


@LIBRARY.procedure("guarded", 1)
def _guarded(thunk: Any) -> Any:
    try:
        return (yield Call(thunk))
    except SchemeError as error:
        LOG.append(("caught", error.key))
        return "caught"
    finally:
        LOG.append("left")


@LIBRARY.procedure("in-tail", 1)
def _in_tail(thunk: Any) -> Any:
    return TailCall(thunk)
    yield


@LIBRARY.primitive("note", 1)
def _note(value: Any) -> None:
    LOG.append(value)


@LIBRARY.primitive("task", 0)
def _task() -> str:
    return TASK.get()


@pytest.fixture(autouse=True)
def host() -> Iterator[None]:
    module = types.ModuleType("scheme_test_host")
    module.LIBRARY = LIBRARY  # type: ignore[attr-defined]
    sys.modules[module.__name__] = module
    host_modules["test", "host"] = module.__name__
    default_imports.append(("test", "host"))
    LOG.clear()
    yield
    default_imports.remove(("test", "host"))
    del host_modules["test", "host"]
    _loaded.pop(("test", "host"), None)


def begin(text: str) -> Any:
    return evaluate(read_one(text), user_module())


async def result(text: str) -> str:
    started = begin(text)
    assert isinstance(started, Evaluation)
    return write(await started)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(map (lambda (x) (pause 0.001) (* x 2)) '(1 2 3))", "(2 4 6)"),
        ("(sort '(3 1 2) (lambda (a b) (pause 0) (< a b)))", "(1 2 3)"),
        ('(call-with-output-string (lambda (p) (pause 0) (display "hi" p)))', '"hi"'),
        ("(with-output-to-string (lambda () (display 1) (pause 0) (display 2)))", '"12"'),
        ("(let ((a (pause 0.001)) (b (pause 0))) (list a b))", "(0.001 0)"),
        ("(list (pause 0) (let loop ((i 0)) (if (< i 3) (begin (pause 0) (loop (+ i 1))) i)))",
         "(0 3)"),
        ("(catch #t (lambda () (fail-later)) (lambda (k . a) (list k a)))",
         '(system-error ("fail-later" "~A" ("No such file or directory") (2)))'),
        ("(dynamic-wind (lambda () (pause 0)) (lambda () (pause 0) 'x) (lambda () (pause 0)))",
         "x"),
        ("(match (list (pause 0) 2) ((a b) (list b a)))", "(2 0)"),
        ("(fold (lambda (x acc) (pause 0) (+ x acc)) 0 '(1 2 3))", "6"),
        ("(call/ec (lambda (k) (for-each (lambda (x) (pause 0) (k x)) '(7 8))))", "7"),
        ("(guarded (lambda () (in-tail (lambda () (pause 0) 'value))))", "value"),
        ("(eval-string \"(pause 0) (+ 1 1)\")", "2"),
        ("(begin (pause 0) (define x 5) (pause 0) x)", "5"),
    ],
)  # fmt: skip
async def test_evaluation_waits_anywhere(text: str, expected: str) -> None:
    assert await result(text) == expected


async def test_loading_a_file_waits(tmp_path: Path) -> None:
    (tmp_path / "b.scm").write_text("(pause 0.001) (define b 2)")
    (tmp_path / "a.scm").write_text('(define a 1) (load "b.scm") (pause 0) (list a b)')
    loading = load(str(tmp_path / "a.scm"), user_module())
    assert isinstance(loading, Evaluation)
    assert write(await loading) == "(1 2)"


def test_what_does_not_wait_needs_no_loop() -> None:
    assert begin("(+ 1 2)") == 3
    procedure = begin("(lambda (x) (* x x))")
    assert apply(procedure, (5,)) == 25
    with pytest.raises(SchemeError, match="misc-error"):
        begin('(error "at once")')


async def test_errors_reach_generator_procedures_and_escapes_close_them() -> None:
    assert await result("(guarded (lambda () (pause 0) (car 1)))") == '"caught"'
    assert LOG == [("caught", "wrong-type-arg"), "left"]
    LOG.clear()
    assert await result("(call/ec (lambda (k) (guarded (lambda () (pause 0) (k 'out)))))") == "out"
    assert LOG == ["left"]


async def test_endless_evaluations_leave_the_loop_to_others() -> None:
    endless = [
        asyncio.ensure_future(begin(text))
        for text in (
            "(let loop () (loop))",
            "(let loop () (map (lambda (x) x) '(1 2 3)) (loop))",
            "(let loop ((i 0)) (catch #t (lambda () (car 1)) (lambda _ 1)) (loop (+ i 1)))",
        )
    ]
    delays = []
    for _ in range(200):
        before = time.perf_counter()
        await asyncio.sleep(0)
        delays.append(time.perf_counter() - before)
    delays.sort()
    assert delays[100] < 0.01
    assert delays[-1] < 0.2
    assert not any(task.done() for task in endless)
    for task in endless:
        task.cancel()
    outcomes = await asyncio.gather(*endless, return_exceptions=True)
    assert all(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes)


async def test_unfinished_evaluations_take_turns() -> None:
    endless = asyncio.ensure_future(begin("(let loop () (loop))"))
    finite = "(let loop ((i 0)) (if (< i 100000) (loop (+ i 1)) 'done))"
    assert await asyncio.wait_for(asyncio.ensure_future(wait(begin(finite))), 20) == "done"
    endless.cancel()


async def wait(started: Any) -> str:
    return write(await started if isinstance(started, Evaluation) else started)


async def test_cancelling_unwinds() -> None:
    text = """
      (guarded (lambda ()
        (dynamic-wind
          (lambda () (note 'in))
          (lambda () {})
          (lambda () (note 'out)))))
    """
    for body in ("(pause 100)", "(let loop () (loop))", "(map (lambda (x) (pause 100)) '(1 2))"):
        LOG.clear()
        task = asyncio.ensure_future(begin(text.format(body)))
        await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert [write(entry) if entry != "left" else entry for entry in LOG] == [
            "in",
            "out",
            "left",
        ]


async def test_an_after_thunk_that_never_ends_cannot_stop_a_cancellation() -> None:
    text = "(dynamic-wind list (lambda () (pause 100)) (lambda () (let loop () (loop))))"
    task = asyncio.ensure_future(begin(text))
    await asyncio.sleep(0)
    task.cancel()
    before = time.perf_counter()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert time.perf_counter() - before < 1


async def test_parameters_belong_to_the_evaluation() -> None:
    module = user_module()
    evaluate(read_one("(define p (make-parameter 'outer))"), module)
    program = "(parameterize ((p '{0})) (pause 0.002) (let ((a (p))) (pause 0.002) (list a (p))))"
    started = [evaluate(read_one(program.format(name)), module) for name in "abc"]
    values = [write(value) for value in await asyncio.gather(*started)]
    assert values == ["(a a)", "(b b)", "(c c)"]
    assert write(evaluate(read_one("(p)"), module)) == "outer"


async def test_an_evaluation_runs_in_the_context_of_the_task_that_awaits_it() -> None:
    async def run(name: str) -> str:
        TASK.set(name)
        loop = "(let loop ((i 0)) (if (< i 20000) (loop (+ i 1))))"
        return await result(f"(let ((a (task))) (pause 0.001) {loop} (list a (task)))")

    assert await asyncio.gather(run("x"), run("y")) == ['("x" "x")', '("y" "y")']


async def test_many_evaluations_wait_at_once() -> None:
    before = time.perf_counter()
    started = [begin(f"(begin (pause 0.05) {n})") for n in range(500)]
    assert await asyncio.gather(*started) == list(range(500))
    assert time.perf_counter() - before < 5


def test_a_long_loop_is_quick() -> None:
    started = begin("(let loop ((i 0)) (if (< i 300000) (loop (+ i 1)) i))")

    async def go() -> Any:
        return await started

    before = time.perf_counter()
    assert asyncio.run(go()) == 300_000
    assert time.perf_counter() - before < 3  # a tenth of it when the machine is idle


def test_a_thousand_services_are_read_quickly(tmp_path: Path) -> None:
    for name in ("register-services", "service", "make-forkexec-constructor",
                 "make-kill-destructor"):  # fmt: skip
        LIBRARY.primitive(name, 0, None)(lambda *_: 1)
    path = tmp_path / "c.scm"
    path.write_text(
        "(register-services (list (service '(sN) #:start (make-forkexec-constructor '(\"x\")"
        ' #:log-file "y") #:stop (make-kill-destructor))))\n' * 1000
    )

    async def go() -> None:
        await wait(load(str(path), user_module()))  # type: ignore[func-returns-value]

    before = time.perf_counter()
    asyncio.run(go())
    assert time.perf_counter() - before < 1  # 45 ms when the machine is idle


async def test_runaway_recursion_leaves_the_loop_to_others() -> None:
    limit, Machine.limit_default = Machine.limit_default, 2_000_000
    # As the daemon does, lest a collection walks what all the tests before have left.
    gc.collect()
    gc.freeze()
    try:
        running = asyncio.ensure_future(begin("(letrec ((f (lambda (x) (+ 1 (f x))))) (f 1))"))
        delays = []
        while not running.done():
            before = time.perf_counter()
            await asyncio.sleep(0)
            delays.append(time.perf_counter() - before)
        assert isinstance(running.exception(), SchemeError)
        delays.sort()
        assert delays[len(delays) // 2] < 0.01
        assert delays[-1] < 0.1  # 4 ms when the machine is idle
        assert Machine.deep == 0
    finally:
        Machine.limit_default = limit
        gc.unfreeze()
