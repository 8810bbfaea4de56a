"""The root of a translator for settrans --chroot: what its server may answer, and what fails."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from standin.control import Standin

from hurd import auth, codes, constants, fsys, io, lookup
from hurd.errors import HurdError
from hurd.fsys import Root
from hurd.ports import Port
from hurd.translator import Translator, set_active
from hurd.translator.chroot import root_of, run_chrooted

NODE = "/etc/motd"


@pytest.fixture
def translator(standin: Standin) -> Iterator[Translator]:
    """Every test leaves as many rights as it found."""
    with set_active(NODE, ["/hurd/hello"]) as made:
        before = standin.references()
        yield made
        assert standin.references() == before


# The stand-in's servers answer with the node itself; others send their clients on.
@pytest.mark.parametrize(
    ("retry", "name", "leads_to"),
    [
        (constants.FS_RETRY_NORMAL, "", "/"),
        (constants.FS_RETRY_NORMAL, "etc", "/etc"),
        (constants.FS_RETRY_MAGICAL, "/", "/"),
        (constants.FS_RETRY_MAGICAL, "/etc", "/etc"),
        (constants.FS_RETRY_MAGICAL, "tmp", "/tmp"),
    ],
)
def test_the_way_to_the_root_is_followed(
    retry: int, name: str, leads_to: str, translator: Translator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def getroot(*_: object) -> Root:
        return Root(retry, name, lookup.file_name_lookup("/"))

    monkeypatch.setattr(fsys, "fsys_getroot", getroot)
    with root_of(translator.control) as root:
        assert number_of(root) == number_of(leads_to)


def number_of(place: str | Port) -> int:
    """The number of a node's file."""
    if isinstance(place, str):
        with lookup.file_name_lookup(place) as port:
            return number_of(port)
    identity = io.io_identity(place)
    identity.idport.close()
    identity.fsidport.close()
    return identity.fileno


def test_a_server_that_asks_who_one_is_gets_an_answer(
    translator: Translator, standin: Standin, monkeypatch: pytest.MonkeyPatch
) -> None:
    def getroot(*_: object) -> Root:
        return Root(constants.FS_RETRY_REAUTH, "", lookup.file_name_lookup("/"))

    def authenticate(_identity: Port, rendezvous: Port, *, disposition: int) -> Port:
        """The other half: the stand-in's nodes know no users that could be told apart."""
        assert rendezvous
        assert disposition == constants.MACH_MSG_TYPE_MAKE_SEND
        return lookup.file_name_lookup("/etc")

    monkeypatch.setattr(fsys, "fsys_getroot", getroot)
    monkeypatch.setattr(auth, "auth_user_authenticate", authenticate)
    calls = standin.calls("io_reauthenticate")
    with root_of(translator.control) as root:
        assert number_of(root) == number_of("/etc")
    assert standin.calls("io_reauthenticate") == calls + 1


@pytest.mark.parametrize("routine", ["getauth", "fsys_getroot"])
def test_without_a_root_nothing_is_run(
    routine: str, translator: Translator, standin: Standin, capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def refuse(*_: object) -> None:
        raise HurdError(codes.EPERM, routine)

    monkeypatch.setattr(lookup if routine == "getauth" else fsys, routine, refuse)
    _, status = run_chrooted(translator.control, ["true"], tool="test")
    assert status >> 8 == 6
    assert capfd.readouterr().err == f"test: {routine}: Operation not permitted\n"


def test_what_nobody_expects_is_said_and_not_run(
    translator: Translator, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("out of order")

    monkeypatch.setattr(lookup, "setcrdir", fail)
    _, status = run_chrooted(translator.control, ["true"])
    assert status >> 8 == 8
    assert capfd.readouterr().err == "settrans: out of order\n"
