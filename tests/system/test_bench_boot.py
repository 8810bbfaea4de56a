"""The boots of a Hurd that the benchmark compares: which, in turns, and what is shown of them."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from bench import hurd_boot, images, metrics, report
from bench.results import Results

ROOT = Path(__file__).resolve().parents[2]
# A machine's console. QEMU with a real Hurd takes a minute for each boot; here it is about who is
# started, when the clock is read, and which lines are waited for.
_QEMU = """\
#!/bin/bash
echo "$*" >> {log}
echo 'start ext2fs: Hurd server bootstrap: ext2fs exec startup proc auth.'
case "$*" in *{says}.img*) echo 'INIT: version 3.18 booting' ;; esac
echo -n 'login> '
exec sleep {stays}
"""


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Put a machine on PATH whose disk ``says`` has a sysvinit that reports; returns its log."""

    def install(says: str = "sysvinit", stays: int = 60) -> Path:
        log = tmp_path / "log"
        program = tmp_path / "bin/qemu-system-i386"
        program.parent.mkdir()
        program.write_text(_QEMU.format(log=log, says=says, stays=stays))
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
        return log

    return install


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """The root of which each disk was built; the builder itself needs a whole Hurd."""
    found: dict[str, Path] = {}

    def build(directory: Path, init: str, root: Path) -> Path:
        found[init] = root
        return directory / f"{init}.img"

    monkeypatch.setattr(hurd_boot, "build", build)
    return found


def order(log: Path) -> list[str]:
    """The disks that were booted, one after the other."""
    return re.findall(r"/(\w+)\.img", log.read_text())


def test_sysvinit_boots_in_turn_with_the_others(
    machine: Callable[..., Path], built: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DROVER_HURD_ROOT", "/a/root")
    monkeypatch.setenv("DROVER_HURD_SYSV_ROOT", "/another/root")
    log = machine()
    found = hurd_boot.measure(2)
    assert built["sysvinit"] == Path("/another/root")
    assert {built[init] for init in ("native", "drover", "floor")} == {Path("/a/root")}
    first = ["drover", "floor", "native", "sysvinit"]
    assert order(log) == first + first[::-1]
    for boots in found.values():
        assert len(boots) == 2
        assert all(0 < boot.init <= boot.login for boot in boots)


@pytest.mark.parametrize("value", [None, ""])
def test_without_its_root_sysvinit_is_left_out(
    value: str | None,
    machine: Callable[..., Path],
    built: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DROVER_HURD_ROOT", "/a/root")
    if value is None:
        monkeypatch.delenv("DROVER_HURD_SYSV_ROOT", raising=False)
    else:
        monkeypatch.setenv("DROVER_HURD_SYSV_ROOT", value)
    log = machine()
    section = images.measure_boot(quick=True)
    assert order(log) == ["drover", "floor", "native"]
    assert set(built) == {"drover", "floor", "native"}
    assert set(section.results.candidates()) == set(built)


def test_another_init_is_not_measured_as_sysvinit(machine: Callable[..., Path]) -> None:
    machine(says="nothing", stays=0)
    with pytest.raises(EOFError, match=r"the machine ended:(?s:.*)login> "):
        hurd_boot.boot(Path("/sysvinit.img"), metrics.SYSVINIT)


def rows(*inits: str) -> list[list[str]]:
    """The table of a boot of two seconds, beside others of four."""
    results = Results()
    for metric in ("boot", "boot-slowest", "boot-whole"):
        results.add(metric, 0, metrics.DROVER, 2.0)
        for init in inits:
            results.add(metric, 0, init, 4.0)
    (table,) = report.others(metrics.BOOT, results)
    return [list(row) for row in table.rows]


def test_the_table_compares_with_each_init_that_was_measured() -> None:
    assert [row[1] for row in rows("native")] == ["native"] * 3
    both = rows("native", "sysvinit")
    assert [row[1] for row in both] == ["native"] * 3 + ["sysvinit"] * 3
    assert all(row[2:5] == ["2.00", "4.00", "0.5"] for row in both)


def test_a_root_without_sysvinit_is_refused(tmp_path: Path) -> None:
    done = subprocess.run(
        [ROOT / "bench/run", "--only", "boot"],
        env={**os.environ, "DROVER_HURD_ROOT": "/", "DROVER_HURD_SYSV_ROOT": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert f"DROVER_HURD_SYSV_ROOT: there is no {tmp_path}/sbin/init" in done.stderr
