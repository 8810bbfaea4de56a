"""docs/hurd-boot.md says what is so: its services exist, and its examples run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from boot.arguments import read_arguments
from hurd.system.fake import FakeSystem
from tests.boot.fakeboot import INIT, fake_boot

_PAGE = (Path(__file__).parents[2] / "docs" / "hurd-boot.md").read_text()
_EXAMPLES = re.findall(r"^```scheme\n(.*?)^```$", _PAGE, re.MULTILINE | re.DOTALL)
# Only with programs that this machine has not.
_OPTIONAL = {"ssh-daemon", "console"}


def _table(title: str) -> list[list[str]]:
    section = _PAGE.split(f"## {title}\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\|(.*)\|$", section, re.MULTILINE)
    return [[cell.strip() for cell in row.split("|")] for row in rows[2:]]


async def test_all_services_are_described_with_what_they_need(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, system: FakeSystem
) -> None:
    rows = [(re.findall(r"`([^`]+)`", names), needs) for names, needs, _ in _table("The services")]
    described = {name: needs for names, needs in rows for name in names} | {"root": ""}
    async with fake_boot(monkeypatch, tmp_path, system) as boot:
        await boot.until("multi-user", "running")
        services = {one.name: one for one in boot.daemon.supervisor.registry}
        assert set(services) == set(described) - _OPTIONAL
        for name, needs in described.items():
            named = re.findall(r"`([^`]+)`", needs)
            if name in services and named and "…" not in needs:
                assert set(services[name].requirement) == set(named), name


@pytest.mark.parametrize(("number", "name"), [(0, "web"), (1, "hello")])
async def test_the_examples_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, system: FakeSystem, number: int, name: str
) -> None:
    init = INIT + _EXAMPLES[number]
    async with fake_boot(monkeypatch, tmp_path, system, init=init) as boot:
        await boot.until(name, "running")
        assert len(_EXAMPLES) == 2


def test_all_words_are_known() -> None:
    for row in _table("Words for the kernel's command line"):
        for word in re.findall(r"`([^`]+)`", row[0]):
            given = word.replace("PROGRAM", "/bin/sh").replace("FILE", "/etc/other.scm")
            assert read_arguments([given]).problems == [], word
            if given.startswith("drover.") or given in ("single", "-s", "emergency", "fastboot"):
                plain, changed = read_arguments([]), read_arguments([given])
                names = ("mode", "check", "configuration", "essential", "repair", "verbose")
                same = all(getattr(plain, one) == getattr(changed, one) for one in names)
                assert same == (given == "drover.fsck=auto"), word
