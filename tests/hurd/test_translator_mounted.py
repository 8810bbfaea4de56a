"""File systems are mounted, asked, changed and unmounted."""

from __future__ import annotations

import pytest
from standin.control import Standin

from hurd import codes, lookup
from hurd.errors import HurdError
from hurd.translator import (
    TranslatorError,
    control_of_mounted,
    mount,
    query,
    remount,
    set_active,
    unmount,
)


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """This system has no /hurd to look for programs in."""
    monkeypatch.setattr(
        "hurd.translator.mounting.program_for", lambda kind, _formats: f"/hurd/{kind}fs"
    )


def test_a_file_system_is_mounted_queried_remounted_and_unmounted(
    standin: Standin, programs: None
) -> None:
    before = standin.references()
    assert query("/mnt") is None
    with mount("2M", "/mnt", "tmp", ["noauto", "mode=755"]) as translator:
        assert translator.argv == ("/hurd/tmpfs", "--mode=755", "2M")
        with pytest.raises(TranslatorError) as caught:
            mount("2M", "/mnt", "tmp")
        assert (caught.value.errno, caught.value.subject) == (codes.EBUSY, "/mnt")
        remount("/mnt", ["readonly"])
        mounted = query("/mnt")
        assert mounted is not None
        assert (mounted.device, mounted.type) == ("2M", "tmp")
        assert mounted.options == ["ro", "mode=755"]
        unmount("/mnt")
        assert not translator.alive
    assert query("/mnt") is None
    unmount("/mnt")
    with pytest.raises(TranslatorError, match="/mnt: not mounted"):
        remount("/mnt")
    assert standin.references() == before


def test_what_is_in_use_is_not_unmounted_unless_forced(standin: Standin, programs: None) -> None:
    mount("2M", "/mnt", "tmp").close()
    with lookup.file_name_lookup("/mnt"):
        with pytest.raises(TranslatorError) as caught:
            unmount("/mnt")
        assert (caught.value.errno, caught.value.subject) == (codes.EBUSY, "/mnt")
        unmount("/mnt", force=True, nosync=True)
    assert control_of_mounted("/mnt") is None


def test_a_file_system_that_says_nothing_is_an_error(standin: Standin) -> None:
    set_active("/mnt", ["/hurd/null"]).close()
    with pytest.raises(HurdError) as caught:
        query("/mnt")
    assert caught.value.errno == codes.EOPNOTSUPP
