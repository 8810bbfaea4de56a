"""`herd disable` outlives the daemon: where it is kept, and where it is not."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pid1.actions import KEPT
from tests.system.live import live_daemon

_SERVICES = """
(register-services (list (service '(a)) (service '(b))))
"""


@pytest.fixture
def state() -> Iterator[Path]:
    """A directory that every user can reach, unlike pytest's."""
    directory = Path(tempfile.mkdtemp(prefix="drover-state-"))
    yield directory
    shutil.rmtree(directory)


def test_it_outlives_the_daemon(state: Path) -> None:
    options = ["--state-directory", str(state / "new")]
    with live_daemon(_SERVICES, options=options) as daemon:
        assert daemon.request("disable", "a").messages == ["Disabled service a.", KEPT]
        daemon.request("disable", "b")
        assert daemon.request("enable", "b").messages == ["Enabled service b.", KEPT]
    # The first daemon was killed.
    with live_daemon(_SERVICES, options=options) as daemon:
        assert daemon.status("a")["enabled?"] is False
        assert daemon.status("b")["enabled?"] is True
        assert daemon.request("start", "a").messages == ["Service a is currently disabled."]
        daemon.request("enable", "a")
    with live_daemon(_SERVICES, options=options) as daemon:
        assert daemon.request("start", "a").result


def test_re_execution_keeps_the_place(state: Path) -> None:
    """Also when the directory was named relative to another one."""
    configuration = _SERVICES + '(chdir "/")'
    with live_daemon(configuration, options=["--state-directory=here"]) as daemon:
        daemon.reexecute()
        assert daemon.request("disable", "a").messages == ["Disabled service a.", KEPT]
        assert (daemon.directory / "here/disabled").read_text() == "a\n"


def test_by_default_it_is_kept_with_the_state_of_the_user(state: Path) -> None:
    user = 12345 if os.geteuid() == 0 else None
    if user is not None:
        os.chown(state, user, user)
    environment = {"XDG_STATE_HOME": str(state), "XDG_RUNTIME_DIR": str(state)}
    options = ["--logfile=log", "--config=config.scm"]
    for number in range(2):
        with live_daemon(
            _SERVICES,
            options=options,
            environment=environment,
            user=user,
            standard=False,
            ready=False,
        ) as daemon:
            daemon.socket = state / "shepherd/socket"
            daemon.wait_ready()
            assert daemon.status("a")["enabled?"] is (number == 0)
            assert daemon.request("disable", "a").messages == ["Disabled service a.", KEPT]
    assert (state / "shepherd/disabled").read_text() == "a\n"


@pytest.mark.parametrize("options", [[], ["--state-directory=none"]])
def test_other_daemons_keep_nothing(options: list[str]) -> None:
    """One that has a socket of its own has services of its own."""
    with live_daemon(_SERVICES, options=options) as daemon:
        before = {path.name for path in daemon.directory.rglob("*")}
        assert daemon.request("disable", "a").messages == ["Disabled service a."]
        assert {path.name for path in daemon.directory.rglob("*")} == before
        if os.geteuid() == 0:
            assert not Path("/var/lib/shepherd/disabled").exists()
