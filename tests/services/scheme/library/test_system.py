"""The system interface on real files, and what it refuses."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from services.scheme.errors import SchemeError
from services.scheme.library import lookup
from services.scheme.types import Symbol, Values
from tests.services.scheme.library.driver import apply, outcome


def test_files_are_made_moved_and_removed(tmp_path: Path) -> None:
    assert outcome(f'(begin (mkdir "{tmp_path}/d" #o700) (stat:type (stat "{tmp_path}/d")))') == (
        "directory"
    )
    assert stat.S_IMODE((tmp_path / "d").stat().st_mode) == 0o700
    (tmp_path / "a").write_text("text")
    outcome(f'(begin (copy-file "{tmp_path}/a" "{tmp_path}/b") (chmod "{tmp_path}/b" #o640))')
    assert (tmp_path / "b").read_text() == "text"
    assert outcome(f'(stat:perms (stat "{tmp_path}/b"))') == str(0o640)
    outcome(f'(begin (rename-file "{tmp_path}/b" "{tmp_path}/c") (symlink "c" "{tmp_path}/l"))')
    assert outcome(f'(list (readlink "{tmp_path}/l") (stat:type (lstat "{tmp_path}/l")))') == (
        '("c" symlink)'
    )
    assert outcome(f'(scandir "{tmp_path}")') == '("." ".." "a" "c" "d" "l")'
    assert outcome(f"""(scandir "{tmp_path}" (lambda (f) (string-prefix? "a" f)))""") == '("a")'
    outcome(f'(begin (delete-file "{tmp_path}/c") (rmdir "{tmp_path}/d"))')
    assert sorted(os.listdir(tmp_path)) == ["a", "l"]


@pytest.mark.parametrize(
    ("text", "reason", "number"),
    [
        ("(flock -1 LOCK_SH)", "Bad file descriptor", 9),
        ("(flock -1 0)", "Invalid argument", 22),
        ("(fcntl -1 F_GETFD)", "Bad file descriptor", 9),
        ("(fsync -1)", "Bad file descriptor", 9),
        ("(truncate-file -1 0)", "Bad file descriptor", 9),
        ("(chmod -1 0)", "Bad file descriptor", 9),
        ("(chown -1 0 0)", "Bad file descriptor", 9),
    ],
)
def test_a_descriptor_that_cannot_be_is_refused_by_the_kernel(
    text: str, reason: str, number: int
) -> None:
    who = text[1:].split()[0]
    assert outcome(text) == f'ERR (system-error "{who}" "~A" ("{reason}") ({number}))'


def test_no_file_has_a_descriptor_that_is_not_open() -> None:
    assert outcome("(map file-exists? (list 0 -1 (- (expt 2 31) 1)))") == "(#t #f #f)"
    assert outcome("(stat -1)") == (
        'ERR (system-error "stat" "~A: ~S" ("Bad file descriptor" -1) (9))'
    )


def test_tree_walk(tmp_path: Path) -> None:
    (tmp_path / "d" / "e").mkdir(parents=True)
    (tmp_path / "d" / "f").write_text("")
    count = (
        f"(file-system-fold (lambda (p s r) #t) (lambda (p s r) (cons (basename p) r))"
        f" (lambda (p s r) r) (lambda (p s r) (cons (basename p) r)) (lambda (p s r) r)"
        f' (lambda (p s e r) r) (quote ()) "{tmp_path}/d")'
    )
    assert outcome(count) == '("d" "f" "e")'


def test_temporary_directory(tmp_path: Path) -> None:
    name = apply(lookup("mkdtemp"), (f"{tmp_path}/x-XXXXXX",))
    assert Path(name).is_dir() and len(name) == len(f"{tmp_path}/x-XXXXXX")


def test_user_database() -> None:
    assert outcome('(list (passwd:name (getpwuid 0)) (group:gid (getgrnam "root")))') == (
        '("root" 0)'
    )
    assert outcome('(getpwnam "no-such-user")') == (
        'ERR (misc-error "getpw" "entry not found" () #f)'
    )


def test_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DROVER_TEST", "1")
    assert outcome('(begin (setenv "DROVER_TEST" "2") (getenv "DROVER_TEST"))') == '"2"'
    assert outcome('(begin (unsetenv "DROVER_TEST") (getenv "DROVER_TEST"))') == "#f"


def test_limits_by_symbol() -> None:
    limits = apply(lookup("getrlimit"), (Symbol("nofile"),))
    assert isinstance(limits, Values) and len(limits.items) == 2
    apply(lookup("setrlimit"), (Symbol("core"), 0, False if limits is None else 0))
    assert apply(lookup("getrlimit"), (Symbol("core"),)).items == (0, 0)


def test_wait_status() -> None:
    assert outcome("(list (status:exit-val 256) (status:term-sig 9) (status:exit-val 9))") == (
        "(1 9 #f)"
    )


@pytest.mark.parametrize(
    "expression",
    ["(expt 2 100000000000)", "(ash 1 100000000000)", "(make-vector 1000000000000)",
     "(make-string 1000000000000)", "(make-list 1000000000000)", "(iota 1000000000000)",
     "(expt 1/3 100000000000)", "(make-bytevector 1000000000000)", "(string-pad \"a\" 1000000000)",
     "(let* ((a (expt 2 300000000)) (b (* a a))) b)"],
)  # fmt: skip
def test_absurd_sizes_are_refused(expression: str) -> None:
    assert outcome(expression).startswith("ERR (out-of-range")


def test_circular_lists_are_refused() -> None:
    for form in ("(length l)", "(reverse l)", "(map identity l)", "(memq 'x l)", "(last-pair l)"):
        text = f"(let ((l (circular-list 1 2))) {form})"
        assert outcome(text).startswith("ERR (wrong-type-arg")


def test_deep_lists_compare_without_recursion() -> None:
    deep = (
        "(let ((a (fold (lambda (i l) (list l)) '() (iota 50000)))"
        " (b (fold (lambda (i l) (list l)) '() (iota 50000)))) (equal? a b))"
    )
    assert outcome(deep) == "#t"


def test_nested_repetition_on_long_text_is_refused() -> None:
    with pytest.raises(SchemeError) as raised:
        apply(lookup("string-match"), ("^(a+)+$", "a" * 1000 + "b"))
    assert raised.value.key == "regular-expression-syntax"
