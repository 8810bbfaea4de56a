"""Translators are set, shown, changed and removed with every option that settrans has."""

from __future__ import annotations

import pytest
from standin.control import Standin

from hurd import codes, constants, fs, io, lookup
from hurd.errors import HurdError
from hurd.translator import (
    NoRecordError,
    TranslatorError,
    active_of,
    control_of_mounted,
    get_options,
    open_node,
    record_of,
    remove,
    set_active,
    set_options,
    set_passive,
    show,
    show_descriptor,
    start_passive,
)
from hurd.translator.nodes import open_carefully
from hurd.translator.options import is_readonly, set_readonly
from tests.hurd.serving import is_active, text_of

NODE = "/etc/motd"
HELLO = ["/hurd/hello", "--contents=hi"]


def bits(name: str) -> tuple[bool, bool]:
    """Whether the node has a passive and an active translator, by its mode."""
    with open_node(name) as node:
        mode = io.io_stat(node).st_mode
        return bool(mode & constants.S_IPTRANS), bool(mode & constants.S_IATRANS)


def test_a_record_is_set_shown_and_removed(standin: Standin) -> None:
    assert show(NODE) is None
    set_passive(NODE, ["/hurd/hello", "two words", "ünï"])
    assert show(NODE) == ["/hurd/hello", "two words", "ünï"]
    assert bits(NODE) == (True, False)
    set_passive(NODE, [])
    assert show(NODE) is None
    set_passive(NODE, HELLO)
    remove(NODE)
    assert bits(NODE) == (False, False)


def test_a_record_is_refused_where_one_is_if_exclusive(standin: Standin) -> None:
    set_passive(NODE, HELLO)
    with pytest.raises(TranslatorError) as caught:
        set_passive(NODE, ["/hurd/null"], exclusive=True)
    assert (caught.value.errno, caught.value.subject) == (codes.EBUSY, NODE)
    assert show(NODE) == HELLO


def test_a_node_is_made_only_when_asked_for(standin: Standin) -> None:
    with pytest.raises(TranslatorError) as caught:
        set_passive("/tmp/new", HELLO)
    assert (caught.value.errno, str(caught.value)) == (
        codes.ENOENT,
        "/tmp/new: No such file or directory",
    )
    set_passive("/tmp/new", HELLO, create=True)
    assert show("/tmp/new") == HELLO
    set_active("/tmp/newer", HELLO, create=True).abandon()
    assert show("/tmp/newer") is None


@pytest.mark.parametrize(
    ("options", "active"),
    [({"keep_active": True}, True), ({"goaway": True}, False)],
)
def test_an_active_translator_stays_or_goes_when_a_record_is_set(
    options: dict[str, bool], active: bool, standin: Standin
) -> None:
    set_active(NODE, HELLO).close()
    with pytest.raises(TranslatorError) as caught:
        set_passive(NODE, ["/hurd/null"])
    assert caught.value.errno == codes.EBUSY
    assert show(NODE) is None
    set_passive(NODE, ["/hurd/null"], **options)
    assert show(NODE) == ["/hurd/null"]
    assert is_active(NODE) is active


def test_an_active_translator_serves_the_node_until_it_is_removed(standin: Standin) -> None:
    before = standin.references()
    with set_active(NODE, HELLO) as translator:
        assert bits(NODE) == (False, True)
        assert text_of(NODE) == b"hi"
        assert get_options(NODE) == HELLO
        remove(NODE)
        assert not translator.alive
    assert text_of(NODE) == b""
    assert standin.references() == before


def test_a_record_can_be_set_with_the_active_translator(standin: Standin) -> None:
    set_active(NODE, HELLO, passive=True).close()
    assert bits(NODE) == (True, True)
    assert show(NODE) == HELLO
    remove(NODE, active=False)
    assert bits(NODE) == (False, True)
    remove(NODE, passive=False)
    assert bits(NODE) == (False, False)


def test_a_second_translator_takes_the_place_of_the_first(standin: Standin) -> None:
    first = set_active(NODE, HELLO)
    second = set_active(NODE, ["/hurd/hello", "--contents=two"])
    assert text_of(NODE) == b"two"
    assert (first.alive, second.alive) == (False, True)


def test_an_orphan_runs_on(standin: Standin) -> None:
    first = set_active(NODE, HELLO)
    second = set_active(NODE, ["/hurd/hello", "--contents=two"], orphan=True)
    assert text_of(NODE) == b"two"
    assert (first.alive, second.alive) == (True, True)
    first.goaway()


def test_exclusive_refuses_and_the_new_one_is_ended(standin: Standin) -> None:
    first = set_active(NODE, HELLO)
    before, tasks = standin.references(), standin.tasks()
    with pytest.raises(TranslatorError) as caught:
        set_active(NODE, ["/hurd/null"], exclusive=True)
    assert (caught.value.errno, caught.value.subject) == (codes.EBUSY, NODE)
    assert first.alive
    assert (standin.references(), standin.tasks()) == (before, tasks)


def test_a_stacked_one_stands_on_the_other(standin: Standin) -> None:
    first = set_active(NODE, HELLO)
    opened: list[tuple[str, int]] = []
    plain = lookup.file_name_lookup

    def watched(name: str, flags: int = 0, mode: int = 0) -> object:
        opened.append((name, flags))
        return plain(name, flags, mode)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lookup, "file_name_lookup", watched)
        second = set_active(NODE, ["/hurd/null"], stack=True)
    assert first.alive
    assert second.alive
    # Its own node first, then the root of the translator on it.
    assert opened[-2:] == [(NODE, constants.O_NOTRANS), (NODE, constants.O_READ)]


def test_another_underlying_node_is_opened_and_its_error_is_its_own(standin: Standin) -> None:
    set_active(NODE, HELLO, underlying="/dev/null").abandon()
    with pytest.raises(TranslatorError) as caught:
        set_active(NODE, HELLO, underlying="/nowhere")
    assert (caught.value.errno, caught.value.subject) == (codes.ENOENT, "/nowhere")


def test_dereference_puts_it_on_the_translated_node(standin: Standin) -> None:
    set_active("/mnt", ["/hurd/tmpfs", "1M"]).close()
    with set_active("/mnt", ["/hurd/tmpfs", "2M"], dereference=True) as upper:
        with open_node("/mnt", dereference=True) as root:
            control = active_of(root)
            assert control is not None
            with control:
                assert control.name == upper.control.name
        remove("/mnt", dereference=True)
        assert not upper.alive
    assert get_options("/mnt") == ["/hurd/tmpfs", "1M"]


def test_the_caller_is_told_the_process_before_the_answer(standin: Standin) -> None:
    pids: list[int] = []
    with set_active(NODE, HELLO, before_reply=pids.append) as translator:
        assert pids == [translator.pid]


def test_a_record_is_started(standin: Standin) -> None:
    with pytest.raises(NoRecordError) as caught:
        start_passive(NODE)
    assert str(caught.value) == f"{NODE}: no passive translator record found"
    set_passive(NODE, HELLO)
    with start_passive(NODE) as translator:
        assert translator.argv == tuple(HELLO)
    assert text_of(NODE) == b"hi"
    with pytest.raises(TranslatorError) as missing:
        start_passive("/nowhere")
    assert missing.value.errno == codes.ENOENT


def test_removing_one_in_use_is_refused_unless_forced(standin: Standin) -> None:
    set_active("/mnt", ["/hurd/tmpfs", "1M"]).close()
    with lookup.file_name_lookup("/mnt"):
        with pytest.raises(TranslatorError) as caught:
            remove("/mnt")
        assert (caught.value.errno, caught.value.subject) == (codes.EBUSY, "/mnt")
        assert is_active("/mnt")
        remove("/mnt", force=True, recursive=True, nosync=True)
    assert not is_active("/mnt")


def test_removing_nothing_is_fine(standin: Standin) -> None:
    remove(NODE)
    remove(NODE, orphan=True)


def test_others_than_the_owner_are_refused(standin: Standin) -> None:
    standin.become(1000)
    before, tasks = standin.references(), standin.tasks()
    for attempt in (
        lambda: set_passive(NODE, HELLO),
        # Standard error is root's console here.
        lambda: set_active(NODE, HELLO, descriptors=()),
        lambda: remove(NODE),
    ):
        with pytest.raises(TranslatorError) as caught:
            attempt()
        assert (caught.value.errno, caught.value.subject) == (codes.EPERM, NODE)
    with pytest.raises(HurdError) as denied:
        set_options("/", ["--readonly"])
    assert denied.value.errno == codes.EPERM
    assert (standin.references(), standin.tasks()) == (before, tasks)


@pytest.mark.parametrize("effective", [True, False])
def test_a_signal_in_the_middle_does_not_set_twice(effective: bool, standin: Standin) -> None:
    """The call is repeated unless it has had its effect: a repetition would find it in the way."""
    plain = fs.file_set_translator
    interrupted = 0

    def interrupting(*arguments: object) -> None:
        nonlocal interrupted
        interrupted += 1
        if interrupted > 1:
            plain(*arguments)  # type: ignore[arg-type]
            return
        if effective:
            plain(*arguments)  # type: ignore[arg-type]
        raise HurdError(codes.EINTR, "file_set_translator")

    before = standin.references()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fs, "file_set_translator", interrupting)
        translator = set_active(NODE, HELLO, passive=True, exclusive=True)
    assert interrupted == (1 if effective else 2)
    assert show(NODE) == HELLO
    assert is_active(NODE)
    with translator:
        remove(NODE)
    assert standin.references() == before


@pytest.mark.parametrize("effective", [True, False])
@pytest.mark.parametrize("active", [True, False])
def test_removing_is_repeated_after_a_signal(
    effective: bool, active: bool, standin: Standin, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_active(NODE, HELLO, passive=True).close()
    plain, calls = fs.file_set_translator, 0

    def interrupting(*arguments: object) -> None:
        nonlocal calls
        calls += 1
        if calls > 1 or effective:
            plain(*arguments)  # type: ignore[arg-type]
        if calls == 1:
            raise HurdError(codes.EINTR, "file_set_translator")

    monkeypatch.setattr(fs, "file_set_translator", interrupting)
    remove(NODE, active=active)
    assert calls == (1 if effective else 2)
    assert bits(NODE) == (False, not active)


def test_options_are_changed_on_the_file_system_that_serves_a_file(standin: Standin) -> None:
    assert get_options("/") == ["/hurd/ext2fs", "--writable", "device:hd0s1"]
    set_options("/etc/motd", ["--readonly"], recursive=True)
    assert "--readonly" in get_options("/")
    set_options("/", ["--writable"])
    assert "--writable" in get_options("/")
    with pytest.raises(HurdError) as caught:
        set_options("/", ["--nonsense"])
    assert caught.value.errno == codes.EINVAL


def test_readonly_is_read_from_the_options(standin: Standin) -> None:
    with lookup.getcrdir() as root, fs.file_getcontrol(root) as control:
        assert not is_readonly(control)
        set_readonly(control, True)
        assert is_readonly(control)
        calls = standin.calls("fsys_set_options")
        set_readonly(control, True)
        assert standin.calls("fsys_set_options") == calls
        set_readonly(control, False)
        assert not is_readonly(control)
        standin.fail("fsys_set_options", codes.EINVAL)
        with pytest.raises(HurdError) as caught:
            set_readonly(control, True)
        assert caught.value.errno == codes.EOPNOTSUPP
    set_active(NODE, ["/hurd/hello"]).close()
    with open_node(NODE) as node:
        hello = active_of(node)
        assert hello is not None
    with hello, pytest.raises(HurdError) as silent:
        is_readonly(hello)
    assert silent.value.errno == codes.EOPNOTSUPP


def test_a_descriptor_stands_for_its_node(standin: Standin) -> None:
    assert show_descriptor(0) is None
    set_passive("/dev/console", HELLO)
    with open_node("/dev/console") as node:
        assert record_of(node) == HELLO


def test_nodes_are_found_without_starting_what_is_in_the_way(standin: Standin) -> None:
    set_passive("/mnt", ["/hurd/tmpfs", "1M"])
    before = standin.references()
    assert open_carefully("/mnt/sub/node") is None
    assert bits("/mnt") == (True, False)
    node = open_carefully("/mnt")
    assert node is not None
    node.close()
    with pytest.raises(HurdError) as caught:
        open_carefully("/tmp/none/node")
    assert caught.value.errno == codes.ENOENT
    for name in ("/", "/etc/motd", "etc/motd", "//etc//motd/"):
        found = open_carefully(name)
        assert found is not None
        found.close()
    assert standin.references() == before


def test_an_active_translator_on_the_way_is_gone_through(standin: Standin) -> None:
    set_active("/mnt", ["/hurd/tmpfs", "1M"]).close()
    with lookup.file_name_lookup("/mnt") as mounted:
        fs.dir_mkdir(mounted, "sub", 0o755)
    assert control_of_mounted("/mnt/sub") is None
    set_active("/mnt/sub", ["/hurd/tmpfs", "2M"]).close()
    control = control_of_mounted("/mnt/sub")
    assert control is not None
    control.close()


def test_a_record_that_is_too_short_for_its_place_is_removed_first(standin: Standin) -> None:
    """ext2fs refuses to put a shorter record over a longer one."""
    set_passive(NODE, ["/hurd/hello", "a longer one"])
    before = standin.calls("file_set_translator")
    standin.fail("file_set_translator", codes.ERANGE)
    set_passive(NODE, ["/hurd/null"])
    assert show(NODE) == ["/hurd/null"]
    assert standin.calls("file_set_translator") - before == 3
    standin.fail("file_set_translator", codes.ERANGE, 2)
    with pytest.raises(TranslatorError) as caught:
        set_passive(NODE, ["/hurd/hello"])
    assert caught.value.errno == codes.ERANGE
