"""The command line of hurd-image: help, manual pages, exit statuses, what goes to which stream."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from image import build_options, manpages
from image.command import COMMANDS, main, make_parser
from image.errors import ExitCode
from image.keys import KEYS
from image.programs import describe
from pid1.usage import help_text, long_form
from tests.image.archive import PACKAGES, StandInArchive
from tests.image.users import ROOT


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "image", *words], capture_output=True, text=True, cwd=ROOT,
        env={**os.environ, "COLUMNS": "200", **environment}, timeout=120,
    )  # fmt: skip


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_says_what_the_options_are(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*command.split(), "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert text.startswith(f"hurd-image {command}".rstrip() + " [OPTIONS...] ")
    for option in describe(command).options:
        assert long_form(option) in text
    for number, meaning in describe(command).exit_statuses:
        assert number in text
        assert " ".join(meaning.split()) in " ".join(text.split())


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_manual_pages_say_what_the_help_says(command: str, tmp_path: Path) -> None:
    assert manpages.main([str(tmp_path)]) == 0
    subject = describe(command)
    page = tmp_path / "man1" / f"{subject.name}.1"
    shown = subprocess.run(
        ["groff", "-man", "-ww", "-Tascii", "-P-cbou", page], capture_output=True, text=True
    )
    assert (shown.returncode, shown.stderr) == (0, "")
    text = re.sub(r"(?<=\w)- (?=[a-z])", "", " ".join(shown.stdout.split()))
    for option in subject.options:
        assert long_form(option) in text
        assert re.sub(r"(?<=\w)- (?=[a-z])", "", option.help) in text
    assert help_text(subject)


@pytest.mark.parametrize(
    ("moment", "status"),
    [
        # While what the program consists of is being imported, and when all is done.
        ("class Finder:\n"
         "    def find_spec(self, name, *_):\n"
         "        if name == 'image.command':\n"
         "            os.kill(os.getpid(), signal.SIGINT)\n"
         "sys.meta_path.insert(0, Finder())\n", 130),
        ("import atexit\n"
         "atexit.register(os.kill, os.getpid(), signal.SIGINT)\n", 0),
    ],
    ids=["at the beginning", "at the end"],
)  # fmt: skip
def test_an_interrupt_is_one_at_any_time(moment: str, status: int) -> None:
    code = f"import os, signal, sys\n{moment}from image.__main__ import main\nmain()\n"
    done = subprocess.run(
        [sys.executable, "-c", code, "--version"], capture_output=True, text=True, cwd=ROOT
    )
    assert (done.returncode, done.stderr) == (status, "")
    assert bool(done.stdout) == (status == 0)


def test_every_exit_status_is_documented() -> None:
    documented = {number for number, _ in describe("").exit_statuses}
    assert {str(value) for name, value in vars(ExitCode).items() if name.isupper()} == documented


def test_every_key_has_its_meaning_listed() -> None:
    done = run("build", "--list-keys")
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines()] == list(KEYS)
    assert all(len(line.split()) > 1 for line in done.stdout.splitlines())


def test_options_stand_for_keys() -> None:
    actions = {action.dest for action in make_parser("build")._actions}
    for _, _, key, _ in (*build_options._SINGLE, *build_options._REPEATED):
        assert key in KEYS
        assert key in actions


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        ([], ExitCode.USAGE, ""),
        (["biuld"], ExitCode.USAGE, "invalid choice: 'biuld'"),
        (["build", "--colour"], ExitCode.USAGE, "unrecognized arguments: --colour"),
        (["build"], ExitCode.USAGE, "source.archive: required"),
        (["build", "gone.toml"], ExitCode.USAGE, "gone.toml: No such file"),
        (["build", "--uefi"], ExitCode.USAGE, "GNU Mach cannot start under UEFI"),
        (["inspect", "/etc/passwd"], ExitCode.NOT_AN_IMAGE, "/etc/passwd"),
    ],
)
def test_errors_are_one_line_and_have_their_status(
    words: list[str], status: int, message: str
) -> None:
    done = run(*words, DROVER_ARCHIVE="")
    assert done.returncode == status
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    if message:
        assert done.stdout == ""
        assert done.stderr.splitlines()[0].startswith("hurd-image: error: ")


def test_the_version_is_that_of_the_other_programs() -> None:
    assert run("--version").stdout.startswith("hurd-image (drover) ")


@pytest.fixture
def words(stand_in_archive: StandInArchive, tmp_path: Path) -> list[str]:
    assert stand_in_archive.signer is not None
    return [
        "build", "--archive", stand_in_archive.url, "--keyring",
        str(stand_in_archive.signer.keyring), "--set", "source.foreign-architectures=['i386']",
        "--set", f"source.packages={['gnumach-image-1-486', *PACKAGES]}",
        "--cache", str(tmp_path / "cache"), "-o", str(tmp_path / "hurd.img"),
    ]  # fmt: skip


def test_what_is_done_goes_to_the_error_stream_in_plain_lines(words: list[str]) -> None:
    done = run(*words)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert "\x1b" not in done.stderr
    assert "\r" not in done.stderr
    for step in ("Updating the package lists", "Downloading: ", "Unpacking", "Merging packages",
                 "Setting up the system", "Writing hurd.img"):  # fmt: skip
        assert any(line.startswith(step) for line in done.stderr.splitlines()), done.stderr
    assert "warning: nobody can log in" in done.stderr


def test_quiet_builds_say_what_matters(words: list[str]) -> None:
    done = run(*words, "--quiet")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    lines = done.stderr.splitlines()
    assert [line for line in lines if not line.startswith("hurd-image: warning: ")] == []
    assert run(*words, "--quiet", "--root-password=x").stderr.count("nobody") == 0


def test_the_result_can_be_read_by_programs(words: list[str], tmp_path: Path) -> None:
    done = run(*words, "--json", "--quiet")
    result = json.loads(done.stdout)
    assert result["output"] == str(tmp_path / "hurd.img")
    assert result["size"] == (tmp_path / "hurd.img").stat().st_size
    assert result["format"] == "raw"
    assert any(one.startswith("hurd ") for one in result["packages"])
    assert result["warnings"][0].startswith("nobody can log in")


def test_bars_are_shown_on_a_terminal(words: list[str]) -> None:
    import pty

    leader, follower = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "image", *words], cwd=ROOT, stderr=follower,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "120"},
    ) as process:  # fmt: skip
        os.close(follower)
        shown = b""
        try:
            while data := os.read(leader, 65536):
                shown += data
        except OSError:
            pass  # Linux says so of a terminal that all have left
    os.close(leader)
    assert process.returncode == 0, shown
    assert "━".encode() in shown
    assert b"100%" in shown


def test_an_archive_that_fails_has_its_status(words: list[str], tmp_path: Path) -> None:
    done = run(*words, "--set", "source.suites=['experimental']")
    assert done.returncode == ExitCode.ARCHIVE
    assert "experimental" in done.stderr
    assert not (tmp_path / "hurd.img").exists()


def test_a_missing_program_is_named_with_its_package(words: list[str], tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("dpkg-deb", "apt-config", "openssl", "grub-mkimage", "e2fsck"):
        (programs / name).symlink_to(shutil.which(name) or "/bin/false")
    done = run(*words, PATH=str(programs))
    assert done.returncode == ExitCode.MISSING_TOOL
    assert "apt-get: not found; install the Debian package apt" in done.stderr


@pytest.mark.parametrize(
    ("output", "tool", "package"),
    [
        ("hurd.img", "grub-mkimage", "grub-common"),
        ("hurd.qcow2", "qemu-img", "qemu-utils"),
        ("hurd.iso", "xorriso", "xorriso"),
    ],
)
def test_what_writes_the_image_is_looked_for_before_anything_is_downloaded(
    words: list[str], tmp_path: Path, output: str, tool: str, package: str
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("dpkg-deb", "apt-get", "apt-config", "openssl", "grub-mkimage", "e2fsck"):
        if name != tool:
            (programs / name).symlink_to(shutil.which(name) or "/bin/false")
    done = run(*words, "-o", str(tmp_path / output), PATH=str(programs))
    assert done.returncode == ExitCode.MISSING_TOOL
    assert f"{tool}: not found; install the Debian package {package}" in done.stderr
    assert not (tmp_path / "cache").exists()
