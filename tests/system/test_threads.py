"""Threads of a configuration are fibers: they wait without keeping the daemon from answering."""

from __future__ import annotations

import pytest

from tests.system.live import live_daemon

_THREADS = "(use-modules (ice-9 threads) ((fibers) #:prefix fibers:) (srfi srfi-1))"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(join-thread (call-with-new-thread (lambda () (fibers:sleep 0.05) (* 6 7))))", 42),
        # Whoever holds the mutex sleeps; the others wait for their turn.
        (
            """(let* ((mutex (make-mutex)) (inside 0) (most 0) (done 0)
                      (threads (map (lambda (n)
                                      (begin-thread
                                       (with-mutex mutex
                                         (set! inside (+ inside 1))
                                         (set! most (max most inside))
                                         (fibers:sleep 0.01)
                                         (set! inside (- inside 1))
                                         (set! done (+ done 1)))))
                                    (iota 10))))
                 (for-each join-thread threads)
                 (+ (* 100 done) (* 10 most) inside))""",
            1010,
        ),
        (
            """(let* ((mutex (make-mutex)) (ready (make-condition-variable)) (value #f)
                      (thread (begin-thread
                               (with-mutex mutex
                                 (let loop ()
                                   (unless value
                                     (wait-condition-variable ready mutex)
                                     (loop)))
                                 (* 2 value)))))
                 (fibers:sleep 0.02)
                 (with-mutex mutex
                   (set! value 21)
                   (signal-condition-variable ready))
                 (join-thread thread))""",
            42,
        ),
        (
            """(let ((thread (call-with-new-thread (lambda () (throw 'oops 1))
                                                   (lambda (key . rest) (list key rest)))))
                 (if (equal? (join-thread thread) '(oops (1))) 1 0))""",
            1,
        ),
    ],
)
def test_threads_wait_for_each_other(text: str, expected: int) -> None:
    with live_daemon("(register-services '())") as daemon:
        reply = daemon.request("eval", "root", f"(begin {_THREADS} {text})")
        assert reply.result == [expected], reply


def test_srfi_18() -> None:
    with live_daemon("(register-services '())") as daemon:
        reply = daemon.request(
            "eval",
            "root",
            "(begin (use-modules (srfi srfi-18)) (thread-join! (thread-start! (make-thread"
            " (lambda () (thread-sleep! 0.01) (if (thread? (current-thread)) 5 6)) 'name))))",
        )
        assert reply.result == [5], reply
