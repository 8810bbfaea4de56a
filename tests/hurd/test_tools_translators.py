"""settrans, showtrans and fsysopts as commands: output, messages and exit status of the Hurd's."""

from __future__ import annotations

import errno
import io as files
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from standin.control import Standin

from hurd import codes, lookup
from hurd.errors import HurdError
from hurd.tools import run
from hurd.translator import open_node, set_active, set_passive, show
from tests.hurd.serving import is_active, text_of

NODE = "/etc/motd"
HELLO = "/hurd/hello"

Tool = Callable[..., tuple[int, str, str]]


# settrans


def test_the_record_is_set_by_default(standin: Standin, tool: Tool) -> None:
    assert tool("settrans", NODE, HELLO, "-a", "--", "x") == (0, "", "")
    assert show(NODE) == [HELLO, "-a", "--", "x"]
    assert not is_active(NODE)
    assert tool("settrans", "-p", NODE) == (0, "", "")
    assert show(NODE) is None


def test_active_starts_it(standin: Standin, tool: Tool) -> None:
    assert tool("settrans", "--active", NODE, HELLO, "--contents=hi") == (0, "", "")
    assert text_of(NODE) == b"hi"
    assert show(NODE) is None
    assert tool("settrans", "-ap", NODE, HELLO, "--contents=ho") == (0, "", "")
    assert (text_of(NODE), show(NODE)) == (b"ho", [HELLO, "--contents=ho"])
    assert tool("settrans", "-a", NODE) == (0, "", "")
    assert not is_active(NODE)


def test_start_takes_the_words_from_the_record(standin: Standin, tool: Tool) -> None:
    message = f"settrans: {NODE}: no passive translator record found\n"
    assert tool("settrans", "-s", NODE) == (4, "", message)
    set_passive(NODE, [HELLO, "--contents=recorded"])
    assert tool("settrans", "--start", NODE) == (0, "", "")
    assert text_of(NODE) == b"recorded"
    status, _, message = tool("settrans", "-s", NODE, HELLO)
    assert status == 64
    assert message.startswith("settrans: both --start and TRANSLATOR given\nTry ")
    message = "settrans: /nowhere: No such file or directory\n"
    assert tool("settrans", "-s", "/nowhere") == (4, "", message)


def test_create_makes_the_node(standin: Standin, tool: Tool) -> None:
    message = "settrans: /tmp/new: No such file or directory\n"
    assert tool("settrans", "/tmp/new", HELLO) == (1, "", message)
    assert tool("settrans", "-a", "/tmp/new", HELLO) == (4, "", message)
    assert tool("settrans", "-c", "/tmp/new", HELLO) == (0, "", "")
    assert show("/tmp/new") == [HELLO]
    assert tool("settrans", "-ac", "/tmp/newer", HELLO) == (0, "", "")
    assert is_active("/tmp/newer")


def test_a_program_that_does_not_start_is_status_4(standin: Standin, tool: Tool) -> None:
    tasks = standin.tasks()
    assert tool("settrans", "-a", NODE, "/hurd/nothing") == (
        4,
        "",
        "settrans: /hurd/nothing: No such file or directory\n",
    )
    status, _, message = tool("settrans", "-a", NODE, "/bin/true")
    assert (status, message.startswith("settrans: /bin/true: ")) == (4, True)
    status, _, message = tool("settrans", "-a", "-t", "0.1", NODE, "/bin/sleep")
    assert (status, message.startswith("settrans: /bin/sleep: ")) == (4, True)
    assert standin.tasks() == tasks


def test_no_timeout_is_zero(standin: Standin, tool: Tool) -> None:
    assert tool("settrans", "-a", "-t", "0", NODE, HELLO) == (0, "", "")


@pytest.mark.parametrize("text", ["soon", "", "-1", "nan"])
def test_a_timeout_that_is_no_number_is_refused(text: str, standin: Standin, tool: Tool) -> None:
    status, _, message = tool("settrans", "-a", "-t", text, NODE, HELLO)
    assert status == 64
    assert f"settrans: --timeout needs a number of seconds, not `{text}'\n" in message


def test_exclusive_finds_what_is_there(standin: Standin, tool: Tool) -> None:
    busy = f"settrans: {NODE}: Device or resource busy\n"
    assert tool("settrans", "-x", NODE, HELLO) == (0, "", "")
    assert tool("settrans", "-x", NODE, HELLO) == (5, "", busy)
    assert tool("settrans", "-ax", NODE, HELLO) == (0, "", "")
    tasks = standin.tasks()
    assert tool("settrans", "-ax", NODE, HELLO) == (5, "", busy)
    assert standin.tasks() == tasks


def test_a_record_and_an_active_translator(standin: Standin, tool: Tool) -> None:
    busy = f"settrans: {NODE}: Device or resource busy\n"
    set_active(NODE, [HELLO]).close()
    assert tool("settrans", NODE, "/hurd/null") == (5, "", busy)
    assert tool("settrans", "-k", NODE, "/hurd/null") == (0, "", "")
    assert is_active(NODE)
    assert tool("settrans", "-g", NODE, "/hurd/fifo") == (0, "", "")
    assert (is_active(NODE), show(NODE)) == (False, ["/hurd/fifo"])


def test_goaway_flags_reach_the_old_translator(standin: Standin, tool: Tool) -> None:
    set_active("/mnt", ["/hurd/tmpfs", "1M"]).close()
    with lookup.file_name_lookup("/mnt"):
        busy = "settrans: /mnt: Device or resource busy\n"
        assert tool("settrans", "-ag", "/mnt") == (5, "", busy)
        assert tool("settrans", "-aRS", "/mnt") == (5, "", busy)
        assert tool("settrans", "-afRS", "/mnt") == (0, "", "")
    assert not is_active("/mnt")


def test_orphan_and_stack_leave_the_old_one_running(standin: Standin, tool: Tool) -> None:
    first = set_active(NODE, [HELLO])
    assert tool("settrans", "-ao", NODE, HELLO, "--contents=2") == (0, "", "")
    assert (first.alive, text_of(NODE)) == (True, b"2")
    assert tool("settrans", "--stack", NODE, "/hurd/null") == (0, "", "")
    assert text_of(NODE) == b""


def test_underlying_is_another_node(standin: Standin, tool: Tool) -> None:
    assert tool("settrans", "-a", "-U", "/dev/null", NODE, HELLO) == (0, "", "")
    message = "settrans: /nowhere: No such file or directory\n"
    assert tool("settrans", "-a", "--underlying=/nowhere", NODE, HELLO) == (4, "", message)


def test_dereference_goes_to_the_translated_node(standin: Standin, tool: Tool) -> None:
    set_active("/mnt", ["/hurd/tmpfs", "1M"]).close()
    assert tool("settrans", "-L", "/mnt", HELLO) == (0, "", "")
    assert show("/mnt") is None
    assert show("/mnt", dereference=True) == [HELLO]


def test_the_pid_is_written_before_the_translator_is_answered(
    standin: Standin, tool: Tool, tmp_path: Path
) -> None:
    pid_file = tmp_path / "pid"
    assert tool("settrans", "-a", "-F", str(pid_file), NODE, HELLO) == (0, "", "")
    assert int(pid_file.read_text()) > 0
    assert pid_file.read_text().endswith("\n")
    tasks = standin.tasks()
    message = "settrans: Failed to open pid file: No such file or directory\n"
    assert tool("settrans", "-a", "-F", "/nowhere/x", NODE, HELLO) == (4, "", message)
    assert standin.tasks() == tasks


def test_pause_waits_for_a_line(
    standin: Standin, tool: Tool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", files.StringIO("\n"))
    status, _, message = tool("settrans", "-aP", NODE, HELLO)
    assert status == 0
    assert message.startswith("Translator pid: ")
    assert message.endswith("\nPausing...")
    assert is_active(NODE)


def test_others_than_the_owner_are_refused(standin: Standin, tool: Tool) -> None:
    standin.become(1000)
    message = f"settrans: {NODE}: Operation not permitted\n"
    assert tool("settrans", NODE, HELLO) == (5, "", message)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--chroot", NODE], "--chroot command must be terminated with `--'"),
        (["-C", "--", NODE], "--chroot must be followed by a command"),
        (["-C", "a", "--", "-C", "b", "--", NODE], "--chroot given twice"),
        (["--chroot-chdir=x", NODE], "--chroot-chdir must be absolute"),
        (["-C", "a", "--", NODE], "--chroot needs a TRANSLATOR"),
    ],
)
def test_wrong_uses_of_chroot_are_said(
    words: list[str], message: str, standin: Standin, tool: Tool
) -> None:
    status, _, said = tool("settrans", *words)
    assert status == 64
    assert said.startswith(f"settrans: {message}\nTry `settrans --help'")


def test_chroot_runs_the_command_and_ends_the_translator(
    standin: Standin, tool: Tool, tmp_path: Path
) -> None:
    tasks = standin.tasks()
    command = f"cd {tmp_path} && echo ran > here; exit 3"
    status, _, message = tool("settrans", "-C", "sh", "-c", command, "--", NODE, HELLO)
    # The stand-in has no processes of its own: the command really ran, and its root is ours.
    assert (tmp_path / "here").read_text() == "ran\n"
    assert status == 3
    assert message.startswith("settrans: Error 3 for child ")
    assert standin.tasks() == tasks
    status, _, message = tool("settrans", "-C", "sh", "-c", "kill -9 $$", "--", NODE, HELLO)
    assert status == 137
    assert message.startswith("settrans: Killed for child ")
    assert tool("settrans", "-C", "true", "--", NODE, HELLO) == (0, "", "")
    assert not is_active(NODE)


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["-C", "no-such-command"], 8, "cannot execute no-such-command: No such file or directory"),
        (["--chroot-chdir=/nowhere", "-C", "true"], 8, "/nowhere: No such file or directory"),
    ],
)
def test_a_command_that_cannot_run_is_status_8(
    words: list[str], status: int, message: str, standin: Standin, tool: Tool
) -> None:
    got, _, said = tool("settrans", *words, "--", NODE, HELLO)
    assert got == status
    assert said.startswith(f"settrans: {message}\n")


def test_a_chroot_that_cannot_be_begun_or_ended_is_said(
    standin: Standin, tool: Tool, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["settrans", "-C", "true", "--", NODE, HELLO]
    standin.fail("fsys_goaway", codes.EBUSY)  # somebody uses it still: not our business
    assert tool(*words) == (0, "", "")
    standin.fail("fsys_goaway", codes.EPERM)
    assert tool(*words) == (9, "", "settrans: fsys_goaway: Operation not permitted\n")

    def refuse() -> int:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr(os, "fork", refuse)
    assert tool(*words) == (6, "", "settrans: fork: Resource temporarily unavailable\n")


def test_a_root_that_cannot_be_had_is_said(
    standin: Standin, tool: Tool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_port: object) -> None:
        raise HurdError(codes.EPERM, "setcrdir")

    monkeypatch.setattr("hurd.lookup.setcrdir", refuse)
    status, _, said = tool("settrans", "-C", "true", "--", NODE, HELLO)
    assert status == 7
    assert said.startswith("settrans: cannot install root port: Operation not permitted\n")
    # The child that fails has a copy of the stand-in's memory: this is for the next one, too.
    standin.fail("fsys_getroot", codes.EIO)
    status, _, said = tool("settrans", "-C", "true", "--", NODE, HELLO)
    assert status == 6
    assert said.startswith("settrans: fsys_getroot: Input/output error\n")


def test_no_arguments_is_a_wrong_use(standin: Standin, tool: Tool) -> None:
    for name, words in (("settrans", ["-a"]), ("showtrans", []), ("fsysopts", ["-R"])):
        status, out, message = tool(name, *words)
        assert (status, out) == (64, "")
        assert message.startswith(f"Usage: {name} [OPTION...] ")
        assert message.endswith(f"Try `{name} --help' or `{name} --usage' for more information.\n")


# showtrans


def test_records_are_shown_with_names_when_there_are_several(standin: Standin, tool: Tool) -> None:
    set_passive(NODE, [HELLO, "two words"])
    assert tool("showtrans", NODE) == (0, f"{HELLO} two words\n", "")
    assert tool("showtrans", "/tmp") == (1, "", "")
    both = f"{NODE}: {HELLO} two words\n/tmp\n"
    assert tool("showtrans", NODE, "/tmp") == (0, both, "")
    assert tool("showtrans", "-P", NODE, "/tmp") == (0, f"{HELLO} two words\n", "")
    assert tool("showtrans", "-p", NODE) == (0, f"{NODE}: {HELLO} two words\n", "")
    assert tool("showtrans", "-t", "/tmp", NODE) == (0, f"{NODE}: {HELLO} two words\n", "")
    assert tool("showtrans", "/tmp", "--prefix", "--translated") == (1, "", "")


@pytest.mark.parametrize("silence", ["-s", "-q", "--silent", "--quiet"])
def test_silence_leaves_the_status(silence: str, standin: Standin, tool: Tool) -> None:
    set_passive(NODE, [HELLO])
    assert tool("showtrans", silence, NODE, "/tmp") == (0, "", "")
    assert tool("showtrans", silence, "/tmp") == (1, "", "")


def test_the_others_are_shown_when_one_fails(standin: Standin, tool: Tool) -> None:
    set_passive(NODE, [HELLO])
    message = "showtrans: /nowhere: No such file or directory\n"
    assert tool("showtrans", "/nowhere", NODE) == (0, f"{NODE}: {HELLO}\n", message)
    assert tool("showtrans", "/nowhere") == (1, "", message)
    standin.fail("file_get_translator", codes.EIO)
    assert tool("showtrans", NODE) == (1, "", f"showtrans: {NODE}: Input/output error\n")


def test_a_dash_is_standard_input(
    standin: Standin, tool: Tool, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_passive(NODE, [HELLO])
    # In the stand-in every descriptor is the console.
    monkeypatch.setattr("hurd.lookup.getdport", lambda number: open_node([NODE][number]))
    assert tool("showtrans", "-") == (0, f"{HELLO}\n", "")
    assert tool("showtrans", "-p", "-") == (0, f"-: {HELLO}\n", "")


def test_names_need_not_be_text(
    standin: Standin, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    name = os.fsdecode(b"/tmp/\xff")
    assert run("settrans", ["-c", name, HELLO]) == 0
    capfdbinary.readouterr()
    assert run("showtrans", ["-p", name]) == 0
    assert capfdbinary.readouterr().out == b"/tmp/\xff: /hurd/hello\n"
    assert run("showtrans", [name + "x"]) == 1
    assert b"No such file or directory\n" in capfdbinary.readouterr().err


# fsysopts


def test_options_are_shown_and_changed(standin: Standin, tool: Tool) -> None:
    assert tool("fsysopts", "/") == (0, "/hurd/ext2fs --writable device:hd0s1\n", "")
    assert tool("fsysopts", "-R", "/etc/motd", "--readonly", "-L") == (
        5,
        "",
        "fsysopts: /etc/motd: --readonly -L: Invalid argument\n",
    )
    assert tool("fsysopts", "--recursive", "/", "--readonly") == (0, "", "")
    assert tool("fsysopts", "-L", "/") == (0, "/hurd/ext2fs --readonly device:hd0s1\n", "")
    assert tool("fsysopts", "/", "--writable") == (0, "", "")


def test_what_cannot_be_asked_is_said(standin: Standin, tool: Tool) -> None:
    message = "fsysopts: /nowhere: No such file or directory\n"
    assert tool("fsysopts", "/nowhere") == (1, "", message)
    set_active(NODE, ["/hurd/null"]).close()
    assert tool("fsysopts", NODE) == (5, "", f"fsysopts: {NODE}: Operation not supported\n")
    standin.become(1000)
    assert tool("fsysopts", "/", "--readonly") == (2, "", "fsysopts: /: Operation not permitted\n")
