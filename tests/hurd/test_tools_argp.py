"""Command lines are read, and help is laid out, as by a C program that uses glibc's argp."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hurd.tools import argp_help, tables
from hurd.tools.argp import Argp, Option, State, parse


def odd() -> Argp:
    """What none of the tools has: words without end, headers in odd places, nothing to say."""
    endless = "without-" * 20 + "end"
    return Argp(
        "odd",
        "odd 1.0",
        (
            Option(None, None, None, "A header before everything:"),
            Option("first", "f", None, f"A word {endless} and more"),
            Option("second", None, "NAME", endless),
            Option("a-name-that-leaves-no-room-at-all", "x", "ARGUMENT", "Its text is below"),
            Option("a-name-of-25-characters-", None, None, "Its text is close"),
            Option("silent", "s", "N"),
            Option("secret", "S", None, "Not shown", hidden=True),
            Option(None, "t", "T", "An optional one", optional=True),
            Option(None, None, None, f"A header of one word: {endless}"),
            Option("last", "l", "FILE", "two\nlines"),
        ),
        "ONE\nTWO",
        f"Before. {endless}",
        endless + " after it all\n",
    )


TABLES: dict[str, Callable[[], Argp]] = {
    "odd": odd,
    "settrans": tables.settrans,
    "showtrans": tables.showtrans,
    "fsysopts": tables.fsysopts,
    "mount": tables.mount,
    "umount": tables.umount,
}

pytestmark = pytest.mark.skipif(
    shutil.which("gcc") is None or sys.platform != "linux", reason="needs gcc and glibc"
)


def c_string(text: str) -> str:
    return '"' + "".join(f"\\{ord(c):03o}" if not c.isalnum() else c for c in text) + '"'


def c_rows(options: tuple[Option, ...], first_key: int) -> str:
    rows = []
    for number, row in enumerate(options):
        key = f"'{row.short}'" if row.short else "0"
        if not row.short and row.name and not row.alias:
            key = str(first_key + number)
        flags = " | ".join(
            [
                "0",
                *(["OPTION_ALIAS"] if row.alias else []),
                *(["OPTION_HIDDEN"] if row.hidden else []),
                *(["OPTION_ARG_OPTIONAL"] if row.optional else []),
            ]
        )
        name = c_string(row.name) if row.name else "0"
        arg = c_string(row.arg) if row.arg else "0"
        doc = c_string(row.doc) if row.doc else "0"
        rows.append(f"{{ {name}, {key}, {arg}, {flags}, {doc}, 0 }},")
    return "\n".join([*rows, "{ 0 }"])


def c_program(argp: Argp) -> str:
    """A program with the options of `argp` that prints each key and argument it is given."""
    doc = argp.before + ("\v" + argp.after if argp.after else "")
    child = (
        f"static struct argp_option inner[] = {{ {c_rows(tuple(argp.child), 500)} }};\n"
        "static struct argp inner_argp = { inner, parse };\n"
        "static struct argp_child children[] = "
        f"{{ {{ &inner_argp, 0, {c_string(argp.child_header)}, {argp.child_group} }}, {{ 0 }} }};\n"
        if argp.child
        else ""
    )
    return f"""
#include <argp.h>
#include <stdio.h>
const char *argp_program_version = {c_string(argp.version)};
static error_t parse (int key, char *arg, struct argp_state *state) {{
  if (key == ARGP_KEY_ARG) printf ("argument %s\\n", arg);
  else if ((key > 32 && key < 127) || (key >= 300 && key < 900))
    printf ("%d %s\\n", key, arg ? arg : "-");
  else return ARGP_ERR_UNKNOWN;
  return 0;
}}
static struct argp_option options[] = {{ {c_rows(tuple(argp.options), 300)} }};
{child}
static struct argp argp = {{ options, parse, {c_string(argp.arguments)}, {c_string(doc)}
  {", children" if argp.child else ""} }};
int main (int argc, char **argv) {{
  argp_parse (&argp, argc, argv, {"ARGP_IN_ORDER" if argp.in_order else "0"}, 0, 0);
  return 0;
}}
"""


@pytest.fixture(scope="module")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("argp")
    programs = {}
    for name, table in TABLES.items():
        source = folder / f"{name}.c"
        source.write_text(c_program(table()))
        programs[name] = folder / name
        subprocess.run(["gcc", "-w", "-o", programs[name], source], check=True, timeout=60)
    return programs


def native(program: Path, words: list[str]) -> tuple[int, str, str]:
    done = subprocess.run(
        [program.name, *words],
        executable=program,
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
        env={"LC_ALL": "C"},
    )
    return done.returncode, done.stdout, done.stderr


def keys(argp: Argp) -> dict[str, int]:
    """The number that the C program prints for each key of ours."""
    numbers: dict[str, int] = {}
    for rows, first in ((argp.options, 300), (argp.child, 500)):
        for number, row in enumerate(rows):
            if row.short:
                numbers[row.short] = ord(row.short)
            elif row.name and not row.alias:
                numbers[row.name] = first + number
    return numbers


def ours(argp: Argp, words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    numbers = keys(argp)

    def parser(key: str | None, argument: str | None, _state: State) -> None:
        if key is None:
            print(f"argument {argument}")
        else:
            print(numbers[key], "-" if argument is None else argument)

    capsys.readouterr()
    status = 0
    try:
        parse(argp, words, parser)
    except SystemExit as stop:
        status = int(stop.code or 0)
    captured = capsys.readouterr()
    return status, captured.out, captured.err


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("word", ["--help", "-?", "--usage", "--version", "-V", "--hel", "--vers"])
def test_help_is_laid_out_like_argp(
    name: str, word: str, oracle: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert ours(TABLES[name](), [word], capsys) == native(oracle[name], [word])


COMMAND_LINES = {
    "settrans": [
        [],
        ["-a", "node", "prog", "-x"],
        ["--act", "node"],
        ["--pa", "node"],
        ["--chroot-c=/x", "n"],
        ["--chroot", "n"],
        ["-t"],
        ["-t5", "-apcL", "n"],
        ["--timeout"],
        ["--timeout=3", "--create=yes"],
        ["--goaway=no"],
        ["-Z"],
        ["--zzz=4"],
        ["--", "-a", "b"],
        ["-", "-a"],
        ["--program-name=/a/b/other", "-a", "--help"],
        ["--program-name=other", "--nope"],
        ["--p"],
        ["--stack", "--pid-file", "x", "n"],
    ],
    "showtrans": [
        ["a", "-p", "b", "--", "-s"],
        ["--quiet", "--sil", "-qs"],
        ["-x"],
        ["--no-prefix=1"],
    ],
    "fsysopts": [["-LR", "/", "--readonly"], ["/", "-L"], ["--rec"], ["--", "-L"]],
    "mount": [
        ["-p", "-pfstab", "--format", "--format=mount", "--for"],
        ["--f"],
        ["--fst=ext2", "-aA"],
        ["--re"],
        ["--remount", "--firmlink", "-B", "-o"],
        ["x", "-t", "y", "z", "-v"],
        ["--exclude=a", "--exclude-root", "--excl=b"],
    ],
    "umount": [["-d", "--fake", "--fak", "--f"], ["--read", "-r", "x"], ["-S", "--search-fmts=x"]],
}


@pytest.mark.parametrize(
    ("name", "words"), [(name, words) for name, lines in COMMAND_LINES.items() for words in lines]
)
def test_words_are_read_like_argp(
    name: str, words: list[str], oracle: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert ours(TABLES[name](), words, capsys) == native(oracle[name], words)


@pytest.mark.parametrize("name", ["settrans", "mount"])
def test_arguments_end_the_options_when_posix_asks(
    name: str,
    oracle: dict[str, Path],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("POSIXLY_CORRECT", "1")
    words = ["a", "-f", "b"]
    done = subprocess.run(
        [oracle[name], *words], capture_output=True, text=True, check=False, timeout=20
    )
    assert ours(TABLES[name](), words, capsys)[1] == done.stdout


LETTERS = st.sampled_from("abcdefgRSTxyz")
WORDS = st.text("abcdefghi ", min_size=1, max_size=120)


@st.composite
def argps(draw: st.DrawFn) -> Argp:
    options: list[Option] = []
    used: set[str] = set()
    names: set[str] = {"help", "usage", "version", "program-name", "HANG"}
    for _ in range(draw(st.integers(1, 8))):
        short = draw(st.one_of(st.none(), LETTERS))
        name = draw(st.one_of(st.none(), st.text("abcde-", min_size=2, max_size=30)))
        short = None if short in used else short
        name = None if name in names or (name or "").startswith("-") else name
        if short is None and name is None:
            continue
        used.add(short or "")
        names.add(name or "")
        arg = draw(st.one_of(st.none(), st.sampled_from(["N", "FILE", "A|B|C"])))
        options.append(
            Option(name, short, arg, draw(WORDS), optional=arg is not None and draw(st.booleans()))
        )
    if not options:
        options.append(Option("only", None, None, "The only one"))
    return Argp("prog", "v", options, draw(st.sampled_from(["A", "A B\nC"])), draw(WORDS))


def test_any_table_is_laid_out_like_argp(tmp_path: Path) -> None:
    """Forty tables in one program: compiling is what takes time."""
    drawn: list[Argp] = []

    @settings(max_examples=40, database=None, derandomize=True)
    @given(argps())
    def collect(argp: Argp) -> None:
        drawn.append(argp)

    collect()
    parts = ["#include <argp.h>", "#include <stdio.h>", "#include <stdlib.h>"]
    for number, argp in enumerate(drawn):
        parts.append(
            f"static struct argp_option o{number}[] = {{ {c_rows(tuple(argp.options), 300)} }};\n"
            f"static struct argp a{number} = {{ o{number}, 0, {c_string(argp.arguments)},"
            f" {c_string(argp.before)} }};"
        )
    cases = "".join(f"case {n}: argp_parse (&a{n}, 2, v, 0, 0, 0);" for n in range(len(drawn)))
    parts.append(
        'const char *argp_program_version = "v";\n'
        "int main (int argc, char **argv) {"
        'char *v[] = { "prog", argv[2], 0 };'
        f"switch (atoi (argv[1])) {{ {cases} }} }}"
    )
    (tmp_path / "many.c").write_text("\n".join(parts))
    subprocess.run(["gcc", "-w", "-o", "many", "many.c"], cwd=tmp_path, check=True, timeout=60)
    for number, argp in enumerate(drawn):
        for word, text in (
            ("--help", argp_help.help_text(argp, "prog")),
            ("--usage", argp_help.usage_text(argp, "prog", full=True)),
        ):
            done = subprocess.run(
                ["./many", str(number), word],
                cwd=tmp_path,
                capture_output=True,
                text=True,
                check=True,
                timeout=20,
            )
            if word == "--help":
                assert text == done.stdout
            else:
                # Whether a usage line may fill column 79 depends on argp's buffer, which starts
                # afresh every 50 to 200 characters.
                assert text.split() == done.stdout.split()
