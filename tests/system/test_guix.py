"""The sources of a configuration that Guix generates load, and their services run."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.system.live import ROOT, LiveDaemon, eventually, live_daemon, namespace_refusal

_SOURCES = ROOT / "tests" / "data" / "guix"


def _configuration(store: Path, name: str, namespaces: str = "'mnt 'pid 'ipc 'uts") -> str:
    """Put everything where Guix would; return the text of the configuration."""
    shutil.copytree(_SOURCES, store, dirs_exist_ok=True)
    (store / "shepherd-no-source.go").write_bytes(b"\x7fELF")
    for file in store.rglob("*.scm"):
        text = file.read_text().replace("@STORE@", str(store)).replace("@NAMESPACES@", namespaces)
        file.write_text(text)
    return (store / name).read_text().replace("@STORE@", str(store))


def _running(daemon: LiveDaemon, *names: str) -> None:
    for name in names:
        daemon.wait_status(name, "running")


def test_generated_configuration_loads_and_its_services_run(tmp_path: Path) -> None:
    with live_daemon(_configuration(tmp_path, "shepherd.conf")) as daemon:
        _running(daemon, "user-processes", "urandom-seed", "mcron", "timer")
        eventually(lambda: (tmp_path / "mounted" / "b").exists(), what="the one-shot has run")
        assert (tmp_path / "random-seed").stat().st_size == 16
        assert (tmp_path / "random-seed").stat().st_mode & 0o777 == 0o600
        eventually(lambda: (tmp_path / "mcron.log").read_text().endswith("started\n"))
        assert [one.name for one in daemon.status("mcron")["requires"]] == ["user-processes"]
        reply = daemon.request("schedule", "mcron", "7")
        assert (reply.result, reply.messages) == ([False], ["7 jobs"])
        assert daemon.request("start", "ssh-daemon").result
        environment = Path(f"/proc/{daemon.main_pid('mcron')}/environ").read_bytes()
        assert b"PATH=/usr/bin:/bin\0" in environment
        log = daemon.log()
        assert "starting services..." in log
        # One that cannot be loaded does not keep the others from being started.
        (told,) = [line for line in log.splitlines() if "shepherd-broken.go" in line]
        assert "procedure-that-nobody-defined" in told
        (told,) = [line for line in log.splitlines() if "caught" in line and "no-source" in line]
        assert "source is not beside it" in told
        assert set(daemon.all_services()) == {
            "root", "user-processes", "file-system-tmp", "urandom-seed", "ntpd", "mcron",
            "ssh-daemon", "timer",
        }  # fmt: skip


def test_configuration_of_the_older_form_loads(tmp_path: Path) -> None:
    with live_daemon(_configuration(tmp_path, "shepherd-old.conf"), ready=False) as daemon:
        daemon.wait_log("Daemonizing...")
        eventually(daemon.log_file.exists)
        daemon.wait_log("onfiguration successfully loaded")
        _running(daemon, "user-processes", "urandom-seed", "mcron")
        assert (tmp_path / "random-seed").stat().st_size == 16
        daemon.request("stop", "root")


def test_service_in_a_container(tmp_path: Path) -> None:
    if namespace_refusal() or os.geteuid() != 0:
        pytest.skip("containers need root and namespaces")
    with live_daemon(_configuration(tmp_path, "shepherd.conf")) as daemon:
        _running(daemon, "ntpd")
        # Process 1 is what runs in the new process namespace.
        eventually(lambda: "inside: 1 0" in (tmp_path / "ntpd.log").read_text())
        (inner,) = (
            Path(f"/proc/{daemon.main_pid('ntpd')}/task/{daemon.main_pid('ntpd')}/children")
            .read_text()
            .split()
        )
        root = Path(f"/proc/{inner}/root")
        assert (root / "var/state").is_dir()
        assert not (root / "root").exists()
        assert daemon.request("stop", "ntpd").result
        eventually(lambda: not Path(f"/proc/{inner}/root").exists(), what="all of it is gone")
