"""What PID 1 makes of the words on the kernel's command line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boot.arguments import CONFIGURATION, read_arguments


def test_an_ordinary_command_line_boots_to_multi_user_operation() -> None:
    arguments = read_arguments(["root=part:1:device:wd0", "console=com0", "--kernel-task=3"])
    assert arguments.mode == "multi-user"
    assert arguments.check == "auto"
    assert arguments.configuration == CONFIGURATION
    assert (arguments.root, arguments.console) == ("part:1:device:wd0", "com0")
    assert arguments.on_serial_line
    assert (arguments.init, arguments.problems) == (None, [])


@pytest.mark.parametrize("word", ["-s", "single"])
def test_single_user_mode_has_two_names(word: str) -> None:
    assert read_arguments(["root=hd0s1", word]).mode == "single"


@pytest.mark.parametrize("words", [["emergency", "single"], ["-s", "emergency"]])
def test_emergency_goes_before_single(words: list[str]) -> None:
    assert read_arguments(words).mode == "emergency"


@pytest.mark.parametrize("word", ["-sf", "-X", "singleuser", "sing", "S"])
def test_only_whole_words_count(word: str) -> None:
    assert read_arguments([word]).mode == "multi-user"


def test_fastboot_skips_the_check_and_f_is_explained() -> None:
    assert read_arguments(["fastboot"]).check == "skip"
    arguments = read_arguments(["-f"])
    assert arguments.check == "auto"
    assert "'fastboot'" in arguments.problems[0]


def test_init_is_data_and_never_evaluated() -> None:
    assert read_arguments(["init=/bin/sh;reboot"]).init == "/bin/sh;reboot"
    arguments = read_arguments(["init=$(reboot)"])
    assert arguments.init is None
    assert arguments.problems == ["'init=$(reboot)' is not an absolute file name"]


def test_our_own_words() -> None:
    arguments = read_arguments(
        ["drover.config=/etc/other.scm", "drover.fsck=force", "drover.log=console",
         "drover.essential=no", "drover.repair=all"]
    )  # fmt: skip
    assert arguments.repair == "all"
    assert arguments.configuration == "/etc/other.scm"
    assert arguments.check == "force"
    assert arguments.verbose
    assert not arguments.essential
    assert arguments.problems == []


@pytest.mark.parametrize(
    ("word", "problem"),
    [
        ("drover.fsck=never", "'drover.fsck=never': expected auto, skip, force"),
        ("drover.log=tape", "'drover.log=tape': expected console"),
        ("drover.essential=perhaps", "'drover.essential=perhaps': expected yes or no"),
        ("drover.config=", "'drover.config' needs a value"),
        ("drover.log", "'drover.log' needs a value"),
        ("drover.speed=9", "unknown word 'drover.speed' (known ones: drover.config, "
         "drover.essential, drover.fsck, drover.log, drover.repair)"),
        ("drover.repair=some", "'drover.repair=some': expected safe, all"),
    ],
)  # fmt: skip
def test_a_word_that_makes_no_sense_is_reported(word: str, problem: str) -> None:
    arguments = read_arguments([word, "single"])
    assert arguments.problems == [problem]
    assert arguments.mode == "single"


@given(st.lists(st.text()))
def test_no_command_line_is_refused(words: list[str]) -> None:
    arguments = read_arguments(words)
    assert arguments.words == tuple(words)
    assert arguments.mode in ("multi-user", "single", "emergency")
