"""The manual pages: they are right for roff, and say what ``--help`` says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pid1 import manpages
from pid1.programs import NAMES, program
from pid1.usage import help_text, long_form

PAGES = {"man8/shepherd.8", "man1/herd.1", "man8/halt.8", "man8/shutdown.8", "man8/reboot.8"}


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("man")
    done = subprocess.run(
        [sys.executable, "-m", "pid1.manpages", directory],
        capture_output=True,
        text=True,
        cwd=Path(manpages.__file__).parents[1],
        check=True,
    )
    assert set(done.stdout.split()) == {str(directory / name) for name in PAGES}
    return directory


def rendered(file: Path) -> str:
    """The page as a reader sees it, each run of blanks made one."""
    done = subprocess.run(
        ["groff", "-man", "-ww", "-Tascii", "-P-cbou", file],
        capture_output=True, text=True, check=True, cwd=file.parents[1],
    )  # fmt: skip
    assert done.stderr == ""
    return " ".join(done.stdout.split())


needs_groff = pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")


@needs_groff
@pytest.mark.parametrize("name", NAMES)
def test_a_page_says_what_the_help_says(name: str, pages: Path) -> None:
    subject = program(name)
    text = rendered(pages / f"man{subject.section}" / f"{name}.{subject.section}")
    # Words may be hyphenated at the end of a line.
    text = re.sub(r"(?<=\w)- (?=[a-z])", "", text)
    help_ = " ".join(help_text(subject).split())
    for option in subject.options:
        short = f"-{option.short}, " if option.short else ""
        for where in (text, help_):
            assert f"{short}{long_form(option)} {option.help}" in where, option.name
    for entries in (subject.exit_statuses, subject.environment, subject.files):
        for term, meaning in entries:
            for where in (text, help_):
                assert f"{term} {meaning}" in where, term
    assert f"{name}" in text.split("SYNOPSIS")[0]
    for command, meaning in subject.commands:
        assert f"{command} {meaning}" in text
    for heading in ("EXIT STATUS", "FILES", "ENVIRONMENT", "SEE ALSO"):
        assert heading in text


@pytest.mark.skipif(shutil.which("man") is None, reason="man is not installed")
@pytest.mark.parametrize("name", sorted(PAGES))
def test_man_has_nothing_to_complain_about(name: str, pages: Path) -> None:
    done = subprocess.run(
        ["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", pages / name],
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], "MANWIDTH": "80", "LC_ALL": "C.UTF-8"},
        cwd=pages,  # one page refers to another
    )
    assert (done.returncode, done.stderr) == (0, "")


@needs_groff
def test_what_is_special_to_roff_is_printed_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "man1" / "x.1"
    file.parent.mkdir()
    odd = [r"\fB \n(.x \\", ".TH no", "'br", "a-b ~ ^ `q'"]
    text = '.TH X 1 "" "" ""\n.SH NAME\n' + "\n.PP\n".join(map(manpages.escape, odd)) + "\n"
    file.write_text(text)
    shown = rendered(file)
    for each in odd:
        assert each in shown


def test_an_unusable_directory_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert manpages.main(["/dev/null/x"]) == 1
    assert capsys.readouterr().err.startswith("manpages: error: ")
    assert manpages.main([]) == 1
    assert capsys.readouterr().err == "Usage: python -m pid1.manpages DIRECTORY\n"
