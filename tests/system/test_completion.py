"""The completions of bash, fish and zsh, driven in the real shells in front of a real daemon."""

from __future__ import annotations

import os
import pty
import re
import select
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pid1 import completion
from pid1.programs import NAMES, program
from tests.system.live import live_daemon

_CONFIGURATION = """
(register-services (list
  (service '(clock time) #:start (const #t) #:stop (const #f)
    #:actions (actions (refuse "Say no." (const #f)) (dance "Dance." (const #t))))
  (service '(cloth) #:start (const #t) #:stop (const #f))
  (service (list (string->symbol "odd name")) #:start (const #t) #:stop (const #f))))
(start-service (lookup-service 'clock))
"""
FILES = {"one.scm", "one-more.scm", "two.scm"}


class Desk:
    """A directory with files, the programs' completions, and a daemon."""

    def __init__(self, directory: Path, programs: Path, socket: Path) -> None:
        self.share = directory / "share"
        self.work = directory / "work"
        self.socket = socket
        assert completion.main([str(self.share)]) == 0
        self.work.mkdir()
        for name in FILES:
            (self.work / name).touch()
        (self.work / "folder").mkdir()
        self.environment = {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "HOME": str(directory),
            "LC_ALL": "C.UTF-8",
            "SHEPHERD_SOCKET": str(socket),
            "TERM": "dumb",
        }

    def run(self, *command: str, **environment: str) -> str:
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=self.work, timeout=60,
            env={**self.environment, **environment},
        )  # fmt: skip
        assert done.stderr == ""
        return done.stdout

    def bash(self, *words: str, program: str = "herd", **environment: str) -> set[str]:
        """What bash would complete the last of ``words`` to."""
        script = (
            f"source {self.share}/bash-completion/completions/{program}\n"
            f'COMP_WORDS=({program} "$@"); COMP_CWORD=$#\n'
            f"$(complete -p {program} | sed 's/.*-F \\([^ ]*\\).*/\\1/') {program}\n"
            '[ ${#COMPREPLY[@]} = 0 ] || printf "%s\\n" "${COMPREPLY[@]}"'
        )
        return set(self.run("bash", "-c", script, "bash", *words, **environment).splitlines())

    def fish(self, line: str) -> dict[str, str]:
        """What fish would complete a line to, with descriptions."""
        files = self.share / "fish/vendor_completions.d"
        script = f"set -p fish_complete_path {files}; complete -C {shlex.quote(line)}"
        out = self.run("fish", "--no-config", "-c", script)
        pairs = (found.partition("\t") for found in out.splitlines())
        return {name: description for name, _, description in pairs}


@pytest.fixture(scope="module")
def desk(programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with live_daemon(_CONFIGURATION) as daemon:
        yield Desk(tmp_path_factory.mktemp("desk"), programs, daemon.socket)


def needs(shell: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(shell) is None, reason=f"{shell} is not installed")


@needs("bash")
def test_bash_completes(desk: Desk) -> None:
    actions = desk.bash("")
    assert {"start", "stop", "status", "detailed-status", "log", "graph", "doc"} <= actions
    assert {"refuse", "dance", "reexec", "power-off"} <= actions
    assert desk.bash("dan") == {"dance"}
    assert desk.bash("sta") == {"start", "status"}
    assert desk.bash("status", "cl") == {"clock", "cloth"}
    assert desk.bash("status", "t") == {"time"}
    # What does not run can be started, and what runs stopped.
    assert desk.bash("start", "") == {"cloth", "odd\\ name"}
    assert desk.bash("stop", "") == {"root", "shepherd", "clock", "time"}
    assert desk.bash("enable", "") == set()
    assert desk.bash("refuse", "") == {"clock", "time"}
    assert desk.bash("halt", "") == {"root"}
    assert desk.bash("doc", "clock", "") == {"list-actions", "action"}
    assert desk.bash("doc", "time", "action", "") == {"refuse", "dance"}
    assert desk.bash("unload", "root", "a") == {"all"}
    assert desk.bash("load", "root", "one") == {"one.scm", "one-more.scm"}
    assert desk.bash("load", "--json", "root", "two") == {"two.scm"}
    assert desk.bash("status", "clock", "") == set()
    assert desk.bash("nonsense", "") == set()


@needs("bash")
def test_bash_completes_options(desk: Desk) -> None:
    assert desk.bash("--so") == {"--socket="}
    assert desk.bash("log", "--f") == {"--follow"}
    assert desk.bash("-s", "tw") == {"two.scm"}
    assert desk.bash("--socket", "=", "tw") == {"two.scm"}
    assert desk.bash("--socket", "=") > FILES
    assert desk.bash("--socket=tw") == {"--socket=two.scm"}
    assert desk.bash("--svg", "=", "two") == {"two.scm"}
    assert desk.bash("-d", "") == {"folder"}
    assert "root" in desk.bash("--user", "")
    assert "root" in desk.bash("--group", "=", "roo")
    assert desk.bash("-n", "") == set()
    assert {"--socket=", "--json"} <= desk.bash("--")
    assert desk.bash("--", "--so") == set()
    # An option before the cursor is honoured, and an unreachable daemon is no error.
    socket = str(desk.socket)
    assert desk.bash("-s", socket, "dan", SHEPHERD_SOCKET="/nope") == {"dance"}
    assert desk.bash("--socket", "=", socket, "dan", SHEPHERD_SOCKET="/nope") == {"dance"}
    assert desk.bash("dan", SHEPHERD_SOCKET="/nope") == set()
    assert desk.bash("sta", SHEPHERD_SOCKET="/nope") == {"start", "status"}


@needs("bash")
@pytest.mark.parametrize("name", [*NAMES, "shutdown"])
def test_bash_knows_every_option_of_every_program(name: str, desk: Desk) -> None:
    expected = set()
    for option in program(name).options:
        takes = option.argument is not None and not option.optional
        expected.add(f"--{option.name}{'=' if takes else ''}")
        expected |= {f"-{option.short}"} if option.short else set()
    assert desk.bash("-", program=name) == expected


@needs("fish")
def test_fish_completes(desk: Desk) -> None:
    assert {"start", "status"} == set(desk.fish("herd sta"))
    assert desk.fish("herd danc") == {"dance": "of clock"}
    assert desk.fish("herd status cl") == {"clock": "running", "cloth": "stopped"}
    assert desk.fish("herd status tim") == {"time": "clock"}
    assert desk.fish("herd --json refuse ti") == {"time": "clock"}
    assert set(desk.fish("herd start ")) == {"cloth", "odd name"}
    assert set(desk.fish("herd load root one")) == {"one.scm", "one-more.scm"}
    assert set(desk.fish("herd status clock ")) == set()
    assert desk.fish("herd --foll") == {"--follow": "after 'log', print changes as they happen"}
    assert set(desk.fish("herd -s tw")) == {"two.scm"}
    assert "root" in desk.fish("herd --user roo")
    assert set(desk.fish("herd -d fol")) == {"folder/"}
    for name in (*NAMES, "shutdown"):
        expected = {f"--{option.name}" for option in program(name).options}
        found = {word.rstrip("=") for word in desk.fish(f"{name} --")}
        assert expected <= found, name


class ZshTerminal:
    """An interactive zsh on a terminal of its own."""

    def __init__(self, desk: Desk) -> None:
        self.process, self._terminal = pty.fork()
        if not self.process:
            os.chdir(desk.work)
            os.execvpe("zsh", ["zsh", "-f", "-i"], {**desk.environment, "PS1": "", "PS2": ""})
        functions = desk.share / "zsh/site-functions"
        self.type(f"fpath=({functions} $fpath); autoload -Uz compinit; compinit -D -u\n")
        self.type("unsetopt zle_bracketed_paste beep list_beep auto_list prompt_cr prompt_sp\n")
        self.type("print rea''dy\n")
        self.wait_for("ready")

    def type(self, text: str) -> None:
        os.write(self._terminal, text.encode())

    def wait_for(self, pattern: str) -> str:
        """Read until the pattern has been printed; return what was."""
        seen = ""
        deadline = time.monotonic() + 20
        while not re.search(pattern, seen):
            ready, _, _ = select.select([self._terminal], [], [], 0.2)
            if ready:
                seen += os.read(self._terminal, 4096).decode(errors="replace")
            assert time.monotonic() < deadline, f"{pattern!r} is not in {seen!r}"
        return seen

    def complete(self, line: str) -> list[str]:
        """The words of a line of which the last was completed with the tabulator."""
        self.type(f"{line}\t")
        # The words are printed by a command that takes the place of the program.
        self.type("\x01print -lr -- '<' \x05 '>'\n")
        seen = self.wait_for(r"<\r\n(?:.*\r\n)*>\r\n")
        words = re.search(r"<\r\n((?:.*\r\n)*)>\r\n", seen)
        assert words
        return words[1].splitlines()

    def close(self) -> None:
        os.kill(self.process, 9)
        os.close(self._terminal)
        os.waitpid(self.process, 0)


@needs("zsh")
def test_zsh_completes(desk: Desk) -> None:
    terminal = ZshTerminal(desk)
    try:
        for line, expected in (
            ("herd danc", ["dance"]),
            ("herd detai", ["detailed-status"]),
            ("herd status cloc", ["status", "clock"]),
            ("herd start clo", ["start", "cloth"]),
            ("herd start od", ["start", "odd name"]),
            ("herd --json refuse ti", ["--json", "refuse", "time"]),
            ("herd load root tw", ["load", "root", "two.scm"]),
            ("herd --foll", ["--follow"]),
            ("herd -s tw", ["-s", "two.scm"]),
            ("herd --socket=tw", ["--socket=two.scm"]),
            ("herd graph --svg=tw", ["graph", "--svg=two.scm"]),
            ("herd -d fo", ["-d", "folder"]),
            ("shepherd --inse", ["--insecure"]),
            ("shepherd -c tw", ["-c", "two.scm"]),
            ("reboot --ke", ["--kexec"]),
            ("shutdown --vers", ["--version"]),
        ):
            assert terminal.complete(line) == [line.split()[0], *expected]
    finally:
        terminal.close()


@needs("zsh")
def test_zsh_accepts_the_files(desk: Desk) -> None:
    for name in NAMES:
        assert desk.run("zsh", "-n", str(desk.share / f"zsh/site-functions/_{name}")) == ""


def test_an_unusable_directory_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert completion.main(["/dev/null/x"]) == 1
    assert capsys.readouterr().err.startswith("completion: error: ")
    assert completion.main([]) == 1
    assert capsys.readouterr().err == "Usage: python -m pid1.completion DIRECTORY\n"
