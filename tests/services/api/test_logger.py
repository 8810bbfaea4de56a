"""``(shepherd logger)``: what programs print, in files that are rotated."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from configured import Configured
from running import eventually

from pid1.capture import Capture
from services.configuration import error_message
from services.scheme import SchemeError

FILE_LOGGER = """
(use-modules (shepherd logger))
(define log-file "@DIR@/log")
(define ends (pipe))
(define logged (service '(logged)))
(define logger (spawn-service-file-logger log-file (car ends) #:service logged))
(define (say text) (display text (cdr ends)) (newline (cdr ends)) (force-output (cdr ends)))
"""


async def load(scheme: Configured, directory: Path, text: str) -> object:
    return await scheme.load(text.replace("@DIR@", str(directory)))


async def test_what_is_printed_goes_to_the_file_of_the_logger(
    scheme: Configured, tmp_path: Path
) -> None:
    await load(scheme, tmp_path, FILE_LOGGER + '(say "one")')
    log = tmp_path / "log"
    await eventually(lambda: log.exists() and log.read_text().endswith("one\n"))
    assert await scheme.load("(logger-files logger)") is not None
    recent = "(map cdr (logger-recent-messages logger))"
    assert await scheme.load(f'(equal? {recent} \'("one"))')
    assert isinstance(await scheme.load("(service-logger logged)"), Capture)


async def test_a_file_is_rotated_and_written_anew(scheme: Configured, tmp_path: Path) -> None:
    await load(scheme, tmp_path, FILE_LOGGER + '(say "before")')
    log = tmp_path / "log"
    await eventually(lambda: log.exists() and "before" in log.read_text())
    form = '(rotate-log-file logger log-file "@DIR@/log.1")'
    assert await load(scheme, tmp_path, form) is True
    await scheme.load('(say "after")')
    await eventually(lambda: log.exists() and "after" in log.read_text())
    assert "before" not in log.read_text()
    assert "before" in (tmp_path / "log.1").read_text()
    form = '(rotate-log-file logger "@DIR@/other" "@DIR@/other.1")'
    assert await load(scheme, tmp_path, form) is False


async def test_a_line_has_the_time_in_front(scheme: Configured, tmp_path: Path) -> None:
    text = """
    (use-modules (shepherd logger))
    (define port (open-log-file "@DIR@/log" #o600))
    (log-line "one" port 0 #:date-format "%Y ")
    (log-line "two" port)
    (define next (rotate-and-reopen-log-file port "@DIR@/log" "@DIR@/log.1" #o604))
    (log-line "three" next 0 #:date-format "")
    (close-port next)
    (port-closed? port)
    """
    assert await load(scheme, tmp_path, text) is True
    first, second = (tmp_path / "log.1").read_text().splitlines()
    assert first in ("1970 one", "1969 one")
    assert second.endswith(" two")
    assert second[:2] == "20"
    assert (tmp_path / "log").read_text() == "three\n"
    assert stat.S_IMODE(os.stat(tmp_path / "log").st_mode) == 0o604


async def test_a_logger_for_the_daemons_own_log_remembers(scheme: Configured) -> None:
    await scheme.load("""
      (use-modules (shepherd logger))
      (define ends (pipe))
      (define logger (spawn-service-builtin-logger '("/bin/prog") (car ends)))
      (define system (spawn-service-system-logger (car (pipe)) #:history-size 5))
      (display "hello\\n" (cdr ends)) (force-output (cdr ends))""")
    logger = await scheme.load("logger")
    await eventually(lambda: [line for _, line in logger.recent()] == ["hello"])
    assert await scheme.load("(logger-files logger)") == await scheme.load("'()")


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ("(open-log-file 5)", "In procedure open-log-file: Wrong type argument in position 1: 5"),
        ('(open-log-file "/dev/null/log")',
         "In procedure open-log-file: Not a directory"),
        ('(rotate-and-reopen-log-file 5 "/nonexistent/log" "/nonexistent/log.1")',
         "In procedure rotate-and-reopen-log-file: No such file or directory"),
        ("(rotate-log-file 5 1 2)",
         "In procedure rotate-log-file: Wrong type argument in position 1: 5"),
        ('(spawn-service-file-logger "x" 5)',
         "In procedure spawn-service-file-logger: Wrong type argument in position 1: 5"),
    ],
)  # fmt: skip
async def test_what_cannot_be_logged_to_is_refused(
    form: str, message: str, scheme: Configured
) -> None:
    with pytest.raises(SchemeError) as caught:
        await scheme.load(f"(use-modules (shepherd logger)) {form}")
    assert error_message(caught.value) == message
