"""The table of a Hurd system's nodes keeps the rules that a boot depends on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from boot import nodes
from boot.nodes import SystemNode, essential_nodes, system_nodes

ROOT = Path(__file__).resolve().parents[2]
DRIVERS: list[nodes.Driver] = ["kernel", "rumpdisk"]


def table(driver: nodes.Driver) -> dict[str, SystemNode]:
    return {node.path: node for node in system_nodes(driver)}


@pytest.mark.parametrize("driver", DRIVERS)
def test_each_path_is_there_once_and_after_its_directory(driver: nodes.Driver) -> None:
    seen = {"/"}
    for node in system_nodes(driver):
        assert node.path not in seen
        assert node.path.rpartition("/")[0] in ("", *seen), node.path
        seen.add(node.path)


@pytest.mark.parametrize("driver", DRIVERS)
def test_random_is_a_record_and_proc_is_not(driver: nodes.Driver) -> None:
    found = table(driver)
    assert found["/dev/random"].record[0] == "/hurd/random"
    assert found["/proc"].record == ()
    assert found["/proc"].start == nodes.ACTIVE


@pytest.mark.parametrize("driver", DRIVERS)
def test_what_must_exist_before_pid_1_is_essential(driver: nodes.Driver) -> None:
    essential = {node.path for node in essential_nodes(driver)}
    assert essential >= {
        "/servers/exec", "/servers/startup", "/dev/console", "/servers/socket/1", "/dev/null",
        "/dev/zero", "/dev/fd", "/dev/random", "/dev/urandom", "/tmp", "/run", "/proc",
        "/servers/bus", "/servers/socket",
    }  # fmt: skip
    assert ("/dev/rumpdisk" in essential) == (driver == "rumpdisk")


def test_no_node_of_a_system_starts_a_second_driver_for_its_disks() -> None:
    kernel = table("kernel")
    assert "/dev/rumpdisk" not in kernel and "/dev/wd0" not in kernel
    assert kernel["/dev/hd0s1"].record == ("/hurd/storeio", "hd0s1")
    rump = table("rumpdisk")
    assert "/dev/hd0" not in rump
    assert rump["/dev/wd0s2"].record == (
        "/hurd/storeio", "-T", "typed", "part:2:device:@/dev/disk:wd0",
    )  # fmt: skip


def test_pseudo_terminals_have_no_gap_where_the_library_stops_looking() -> None:
    found = table("kernel")
    order = [f"{a}{b}" for a in "pqrs" for b in "0123456789abcdefghijklmnopqrstuv"]
    made = [name for name in order if f"/dev/pty{name}" in found]
    assert made == order[: nodes.PTY_PAIRS]
    for name in made:
        assert found[f"/dev/tty{name}"].record == (
            "/hurd/term", f"/dev/tty{name}", "pty-slave", f"/dev/pty{name}",
        )  # fmt: skip


def test_the_table_is_imported_without_anything_else() -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); before = set(sys.modules);"
        "import boot.nodes; print(*sorted(set(sys.modules) - before))"
    )
    words = [sys.executable, "-I", "-S", "-c", code, str(ROOT)]
    loaded = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()
    assert loaded == ["__future__", "boot", "boot.nodes"]
