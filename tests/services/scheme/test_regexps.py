"""Patterns that take Python's engine for ever: they are given up, and nothing else is refused."""

from __future__ import annotations

import signal
import time

import pytest
from evaluating import error, shown

_USE = "(use-modules (ice-9 regex)) "


@pytest.mark.parametrize(
    "text",
    [
        # glibc needs no time for these: it has no way back to try.
        '(string-match "(a*)*b" (make-string 60 #\\a))',
        '(string-match "(a|aa)+b" (make-string 60 #\\a))',
        '(string-match "(a|a)*b" (make-string 60 #\\a))',
        '(string-match "a*a*a*a*a*a*a*b" (make-string 5000 #\\a))',
        '(string-match "a*b" (make-string 100000 #\\a))',
        '(regexp-exec (make-regexp "(x+x+)+y") (string-append "y" (make-string 60 #\\x)) 1)',
        '(list-matches "(a*)*b" (make-string 60 #\\a))',
        '(fold-matches "(a*)*b" (make-string 60 #\\a) 0 (lambda (match n) n))',
        '(regexp-substitute/global #f "(a*)*b" (make-string 60 #\\a) "x")',
    ],
)
def test_a_search_without_end_is_given_up(text: str) -> None:
    before = signal.getsignal(signal.SIGALRM)
    begin = time.process_time()
    raised = error(_USE + text)
    assert raised.key == "regular-expression-syntax"
    assert raised.arguments[:2] == ("regexp-exec", "Pattern takes too long on this text")
    # What is measured is 0.2 s of a clock; without the limit each takes minutes at least.
    assert time.process_time() - begin < 20
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ('(match:end (string-match "^([a-z]+[0-9]*)+$" (make-string 20000 #\\z)))', "20000"),
        ('(match:end (string-match "(ab|a)*c" (string-append (make-string 300 #\\a) "c")))', "301"),
        ('(length (list-matches "(a+b)+" (string-concatenate (make-list 500 "aab,"))))', "500"),
        ('(match:start (string-match "b" (make-string 100000 #\\b) 99999))', "99999"),
    ],
)
def test_long_texts_are_searched(text: str, result: str) -> None:
    assert shown(_USE + text) == result
