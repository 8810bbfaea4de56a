"""mount and umount as commands: tables, options, lists, messages and exit status of the Hurd's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from standin.control import Standin

from hurd import codes, lookup
from hurd.errors import HurdError
from hurd.ports import Port
from hurd.translator import control_of_mounted, get_options, mounting, set_active, set_passive

Tool = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def programs_of_the_stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """This system has no /hurd to look for programs in."""

    def program_for(kind: str, formats: object) -> str | None:
        return {"tmpfs": "/hurd/tmpfs", "tmp": "/hurd/tmpfs", "dead": "/hurd/exits"}.get(kind)

    monkeypatch.setattr("hurd.translator.mounting.program_for", program_for)


@pytest.fixture(autouse=True)
def names_of_the_stand_in(standin: Standin, monkeypatch: pytest.MonkeyPatch) -> None:
    """Directories of the stand-in are not looked for on this system."""
    monkeypatch.setattr("hurd.translator.fstab._resolve", lambda name: name)


@pytest.fixture
def table(tmp_path: Path) -> Callable[[str], str]:
    def write(text: str) -> str:
        path = tmp_path / "fstab"
        path.write_text(text)
        return str(path)

    return write


EMPTY = "# nothing\n"


def is_mounted(directory: str) -> bool:
    control = control_of_mounted(directory)
    if control is not None:
        control.close()
    return control is not None


def test_a_device_is_mounted_and_unmounted(table: Callable[[str], str], tool: Tool) -> None:
    fstab = table(EMPTY)
    assert tool("mount", "-F", fstab, "-t", "tmpfs", "2M", "/mnt") == (0, "", "")
    assert get_options("/mnt") == ["/hurd/tmpfs", "2M"]
    message = "mount: 2M already mounted\n"
    assert tool("mount", "-F", fstab, "-t", "tmpfs", "2M", "/mnt") == (1, "", message)
    assert tool("umount", "-F", fstab, "/mnt") == (0, "", "")
    assert not is_mounted("/mnt")
    assert tool("umount", "-F", fstab, "/mnt") == (0, "", "")


@pytest.mark.parametrize(
    ("words", "options"),
    [
        (["-r"], ["--ro"]),
        (["-w"], ["--rw"]),
        (["-o", "a,b=1", "-o", "-x,defaults,,"], ["--a", "--b=1", "-x"]),
        (["--readonly", "--no-mtab"], ["--ro"]),
    ],
)
def test_options_are_words_of_the_translator(
    words: list[str], options: list[str], table: Callable[[str], str], tool: Tool
) -> None:
    fstab = table(EMPTY)
    status, out, _ = tool("mount", "-F", fstab, "-v", *words, "-t", "tmpfs", "2M", "/mnt")
    assert (status, out) == (0, f"settrans -a /mnt /hurd/tmpfs {' '.join(options)} 2M\n")
    assert get_options("/mnt") == ["/hurd/tmpfs", *options, "2M"]


def test_all_of_the_table_is_mounted_once(table: Callable[[str], str], tool: Tool) -> None:
    fstab = table(
        "none none swap sw 0 0\n"
        "2M /mnt tmpfs ro 0 0\n"
        "3M /tmp tmpfs noauto 0 0\n"
        "4M /root tmpfs rw 0 0\n"
        "/dev/x /etc ext2 ro 0 0\n"
    )
    words = ["-F", fstab, "-a", "-t", "tmpfs", "-v"]
    expected = "settrans -a /mnt /hurd/tmpfs --ro 2M\nsettrans -a /root /hurd/tmpfs --rw 4M\n"
    assert tool("mount", *words) == (0, expected, "")
    assert not is_mounted("/tmp")
    assert tool("mount", *words) == (0, "", "")
    status, _, message = tool("mount", "-F", fstab, "-A")
    assert (status, message) == (1, "mount: /dev/x: filesystem type `ext2' unknown\n")


@pytest.mark.parametrize(
    ("words", "mounted"),
    [
        (["-O", "ro"], ["/mnt"]),
        (["-O", "noro"], ["/root"]),
        (["-X", "/m*"], ["/root"]),
        (["-t", "notmpfs"], []),
        (["--test-opts=ro,noquota"], ["/mnt"]),
    ],
)
def test_entries_are_chosen(
    words: list[str], mounted: list[str], table: Callable[[str], str], tool: Tool
) -> None:
    fstab = table("2M /mnt tmpfs ro 0 0\n4M /root tmpfs rw 0 0\n")
    assert tool("mount", "-F", fstab, "-a", *words) == (0, "", "")
    assert [name for name in ("/mnt", "/root") if is_mounted(name)] == mounted


def test_one_entry_is_mounted_by_device_or_directory(
    table: Callable[[str], str], tool: Tool
) -> None:
    fstab = table("/dev/two /mnt tmpfs noauto,mode=700 0 0\n")
    assert tool("mount", "-F", fstab, "-o", "x", "/mnt") == (0, "", "")
    assert get_options("/mnt") == ["/hurd/tmpfs", "--mode=700", "--x", "/dev/two"]
    assert tool("umount", "-F", fstab, "/dev/two") == (0, "", "")
    assert not is_mounted("/mnt")
    assert tool("mount", "-F", fstab, "/dev/two") == (0, "", "")
    message = "mount: /nowhere: Unknown device or filesystem\n"
    assert tool("mount", "-F", fstab, "/nowhere") == (2, "", message)


@pytest.mark.parametrize("how", [["-o", "remount"], ["--remount"], ["-u"], ["--update"]])
def test_remounting_changes_options(
    how: list[str], table: Callable[[str], str], tool: Tool
) -> None:
    fstab = table(EMPTY)
    message = "mount: /mnt not already mounted\n"
    assert tool("mount", "-F", fstab, *how, "/mnt") == (1, "", message)
    tool("mount", "-F", fstab, "-t", "tmpfs", "2M", "/mnt")
    words = ["-F", fstab, "-v", "-o", "readonly", *how, "/mnt"]
    assert tool("mount", *words) == (0, "fsysopts /mnt --readonly --update\n", "")
    assert get_options("/mnt") == ["/hurd/tmpfs", "--readonly", "2M"]
    message = "mount: cannot remount /mnt: Invalid argument\n"
    assert tool("mount", "-F", fstab, "-o", "nonsense", *how, "/mnt") == (1, "", message)


def test_what_is_mounted_is_listed(table: Callable[[str], str], tool: Tool) -> None:
    fstab = table("/dev/hd0s1 / ext2 ro 1 1\n2M /mnt tmpfs ro 0 2\n3M /tmp tmpfs rw 0 0\n")
    tool("mount", "-F", fstab, "-t", "tmpfs", "2M", "/mnt")
    root = "device:hd0s1 on / type ext2 (rw)\n"
    assert tool("mount", "-F", fstab) == (0, root + "2M on /mnt type tmp (defaults)\n", "")
    lines = "device:hd0s1\t/\text2\trw\t1 1\n2M\t/mnt\ttmp\tdefaults\t0 2\n"
    for words in (["-p"], ["--format"], ["-pFSTAB"]):
        assert tool("mount", "-F", fstab, *words) == (0, lines, "")
    lines = "/: /hurd/ext2fs --writable device:hd0s1\n/mnt: /hurd/tmpfs 2M\n"
    for words in (["-ptranslator"], ["--format=showtrans"]):
        assert tool("mount", "-F", fstab, *words) == (0, lines, "")
    assert tool("mount", "-F", fstab, "-pmount", "-t", "tmpfs", "-X", "/tmp") == (
        0,
        "2M on /mnt type tmp (defaults)\n",
        "",
    )


def test_a_file_system_that_does_not_tell_is_named(
    standin: Standin, table: Callable[[str], str], tool: Tool
) -> None:
    set_active("/mnt", ["/hurd/null"]).close()
    fstab = table("/dev/x /mnt null ro 0 0\n")
    message = "mount: /dev/x: cannot get filesystem options: Operation not supported\n"
    assert tool("mount", "-F", fstab) == (1, "", message)


def test_pretending_looks_but_does_nothing(
    standin: Standin, table: Callable[[str], str], tool: Tool, monkeypatch: pytest.MonkeyPatch
) -> None:
    fstab = table(EMPTY)
    monkeypatch.setattr("os.access", lambda *_: True)
    assert tool("mount", "-F", fstab, "-f", "-t", "tmpfs", "2M", "/mnt") == (0, "", "")
    assert not is_mounted("/mnt")
    message = "mount: cannot mount on /nowhere: No such file or directory\n"
    assert tool("mount", "-F", fstab, "-f", "-t", "tmpfs", "2M", "/nowhere") == (1, "", message)
    monkeypatch.setattr("os.access", lambda *_: False)
    message = "mount: can not execute /hurd/tmpfs\n"
    assert tool("mount", "-F", fstab, "-f", "-t", "tmpfs", "2M", "/mnt") == (1, "", message)
    tool("mount", "-F", fstab, "-t", "tmpfs", "2M", "/mnt")
    expected = "settrans -ag /mnt\n"
    assert tool("umount", "-F", fstab, "--fake", "-v", "/mnt") == (0, expected, "")
    assert is_mounted("/mnt")


def test_what_goes_wrong_is_said(standin: Standin, table: Callable[[str], str], tool: Tool) -> None:
    fstab = table(EMPTY)
    for words, message in (
        (["-t", "none", "x", "/mnt"], "x: filesystem type `none' unknown"),
        (["-t", "tmpfs", "x", "/no"], "cannot mount on /no: No such file or directory"),
        (["/nowhere/device", "/mnt"],
         "/nowhere/device: cannot determine filesystem type: No such file or directory"),
    ):  # fmt: skip
        assert tool("mount", "-F", fstab, *words) == (1, "", f"mount: {message}\n")
    status, _, message = tool("mount", "-F", fstab, "-t", "dead", "x", "/mnt")
    assert (status, message[:44]) == (1, "mount: cannot start translator /hurd/exits: ")
    standin.fail("file_set_translator", codes.EBUSY)
    message = "mount: /mnt already mounted on\n"
    assert tool("mount", "-F", fstab, "-t", "tmpfs", "x", "/mnt") == (1, "", message)
    standin.fail("file_set_translator", codes.EIO)
    message = "mount: cannot set translator on /mnt: Input/output error\n"
    assert tool("mount", "-F", fstab, "-t", "tmpfs", "x", "/mnt") == (1, "", message)
    standin.fail("file_get_translator_cntl", codes.EPERM)
    message = "mount: cannot determine if x is already mounted: Operation not permitted\n"
    assert tool("mount", "-F", fstab, "-t", "tmpfs", "x", "/mnt") == (1, "", message)
    assert not is_mounted("/mnt")


def test_an_undetected_type_is_said(
    table: Callable[[str], str], tool: Tool, tmp_path: Path
) -> None:
    device = tmp_path / "device"
    device.write_bytes(bytes(4096))
    message = "mount: failed to detect file system type\n"
    assert tool("mount", "-F", table(EMPTY), str(device), "/mnt") == (1, "", message)


@pytest.mark.parametrize("name", ["mount", "umount"])
def test_a_table_that_cannot_be_read_is_status_103(name: str, tool: Tool) -> None:
    message = f"{name}: /nowhere/table: No such file or directory\n"
    assert tool(name, "-F", "/nowhere/table", "-a") == (103, "", message)


@pytest.mark.parametrize(
    ("name", "words", "message"),
    [
        ("mount", ["a", "b", "c"], "too many arguments"),
        ("mount", ["-a", "b"], "filesystem argument not allowed with --all"),
        ("mount", ["-o", "ro"], "mount options not allowed without filesystem argument"),
        ("mount", ["-t", "a,b", "c"], "multiple types not allowed with filesystem argument"),
        ("mount", ["-T", "soon"], "--timeout needs a numeric argument (milliseconds)"),
        ("mount", ["-pwrong"], "invalid argument to --format"),
        ("umount", [], "filesystem argument required if --all is not given"),
        ("umount", ["-a", "b"], "filesystem argument not allowed with --all"),
    ],
)
def test_wrong_uses_are_said(name: str, words: list[str], message: str, tool: Tool) -> None:
    status, out, said = tool(name, *words)
    assert (status, out) == (64, "")
    assert said.startswith(f"{name}: {message}\nTry `{name} --help' or ")


def test_the_timeout_is_in_milliseconds(table: Callable[[str], str], tool: Tool) -> None:
    fstab = table(EMPTY)
    words = ["-F", fstab, "-T", "100", "-t", "slow", "x", "/mnt"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hurd.translator.mounting.program_for", lambda *_: "/hurd/silent")
        status, _, message = tool("mount", *words)
    assert (status, message[:45]) == (1, "mount: cannot start translator /hurd/silent: ")


def test_all_are_unmounted_the_deepest_first(
    standin: Standin, table: Callable[[str], str], tool: Tool
) -> None:
    mtab = table(
        "/dev/hd0s1 / ext2 rw 0 0\nnone /mnt tmpfs rw 0 0\nnone /tmp tmpfs ro 0 0\n"
        "none /mnt/sub tmpfs rw 0 0\n"
    )
    set_active("/mnt", ["/hurd/tmpfs", "1M"]).close()
    set_active("/tmp", ["/hurd/tmpfs", "1M"]).close()
    status, out, message = tool("umount", "-F", mtab, "-aRv", "-t", "tmpfs")
    assert out == "settrans -ag /tmp\nsettrans -ag /mnt/sub\nsettrans -ag /mnt\n".replace(
        "settrans -ag /mnt/sub\n", ""
    )
    # Nothing was there to unmount.
    assert (status, message) == (1, "umount: /mnt/sub: No such file or directory\n")
    assert not is_mounted("/mnt")
    assert not is_mounted("/tmp")
    words = ["-F", mtab, "-a", "-t", "tmpfs", "-X", "/mnt*", "-O", "ro"]
    assert tool("umount", *words, "-v") == (0, "settrans -ag /tmp\n", "")


def test_what_is_busy_is_made_readonly_if_asked(
    standin: Standin, table: Callable[[str], str], tool: Tool
) -> None:
    mtab = table(EMPTY)
    set_active("/mnt", ["/hurd/tmpfs", "--writable", "1M"]).close()
    with lookup.file_name_lookup("/mnt"):
        busy = "umount: /mnt: Device or resource busy\n"
        assert tool("umount", "-F", mtab, "/mnt") == (1, "", busy)
        words = ["-F", mtab, "-rv", "/mnt"]
        expected = "settrans -ag /mnt\nfsysopts /mnt --readonly\n"
        assert tool("umount", *words) == (1, expected, busy)
        assert get_options("/mnt")[1] == "--readonly"
        assert tool("umount", "-F", mtab, "-fSv", "/mnt") == (0, "settrans -agSf /mnt\n", "")
    assert not is_mounted("/mnt")


def test_the_translator_on_the_source_goes_too(
    standin: Standin, table: Callable[[str], str], tool: Tool
) -> None:
    mtab = table("/dev/hd0s1 /mnt tmpfs rw 0 0\nnowhere /tmp tmpfs rw 0 0\n")
    set_active("/mnt", ["/hurd/tmpfs", "1M"]).close()
    set_active("/dev/hd0s1", ["/hurd/null"]).close()
    expected = "settrans -ag /mnt\nsettrans -ag /dev/hd0s1\n"
    assert tool("umount", "-F", mtab, "-v", "/mnt") == (0, expected, "")
    assert not is_mounted("/dev/hd0s1")
    assert tool("umount", "-F", mtab, "/tmp") == (0, "", "")
    message = "umount: nowhere: No such file or directory\n"
    assert tool("umount", "-F", mtab, "-d", "/tmp") == (1, "", message)


def test_a_source_that_stays_is_an_error_only_by_force(
    standin: Standin, table: Callable[[str], str], tool: Tool, monkeypatch: pytest.MonkeyPatch
) -> None:
    mtab = table("/dev/hd0s1 /mnt tmpfs rw 0 0\n")
    detach = mounting.detach

    def stay(node: Port, **options: bool) -> None:
        stay.calls += 1  # type: ignore[attr-defined]
        if stay.calls % 2 == 0:  # type: ignore[attr-defined]
            raise HurdError(codes.EBUSY, "file_set_translator")
        detach(node, **options)

    stay.calls = 0  # type: ignore[attr-defined]
    monkeypatch.setattr(mounting, "detach", stay)
    assert tool("umount", "-F", mtab, "/mnt") == (0, "", "")
    busy = "umount: /dev/hd0s1: Device or resource busy\n"
    assert tool("umount", "-F", mtab, "-f", "/mnt") == (1, "", busy)


def test_a_file_system_that_cannot_be_made_readonly_is_named(
    standin: Standin, table: Callable[[str], str], tool: Tool
) -> None:
    mtab = table(EMPTY)
    busy = "umount: /mnt: Device or resource busy\n"
    standin.fail("file_set_translator", codes.EBUSY)
    # Nothing is mounted there that could be made read-only.
    assert tool("umount", "-F", mtab, "-r", "/mnt") == (1, "", busy)
    set_active("/mnt", ["/hurd/tmpfs", "--writable", "1M"]).close()
    with lookup.file_name_lookup("/mnt"):
        standin.fail("fsys_set_options", codes.EPERM)
        refused = "umount: /mnt: Operation not permitted\n"
        assert tool("umount", "-F", mtab, "-r", "/mnt") == (1, "", busy + refused)
        tool("umount", "-F", mtab, "-f", "/mnt")


def test_no_passive_translator_is_started_to_look(
    standin: Standin, table: Callable[[str], str], tool: Tool
) -> None:
    set_passive("/mnt", ["/hurd/tmpfs", "1M"])
    fstab = table("x /mnt/sub tmpfs rw 0 0\ny /mnt tmpfs rw 0 0\n")
    assert tool("mount", "-F", fstab) == (0, "", "")
    assert not is_mounted("/mnt")


def test_no_right_is_left(standin: Standin, table: Callable[[str], str], tool: Tool) -> None:
    fstab = table("2M /mnt tmpfs rw 0 0\n")
    before = standin.references()
    for _ in range(3):
        tool("mount", "-F", fstab, "-a")
        tool("mount", "-F", fstab)
        tool("mount", "-F", fstab, "/mnt")
        tool("mount", "-F", fstab, "-o", "remount,ro", "/mnt")
        tool("umount", "-F", fstab, "-a")
    assert standin.references() == before
