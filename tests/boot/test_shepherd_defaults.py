"""Where the daemon finds its files when no option names them, and what it says of wrong options."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from boot import shepherd
from boot.shepherd import Settings, read_options
from pid1.control import SocketError
from pid1.log import the_log


@pytest.fixture
def user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Be an ordinary user with a home directory, which is returned."""
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    for name in ("XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "SHEPHERD_SOCKET"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 0)
    monkeypatch.delenv("SHEPHERD_SOCKET", raising=False)


def test_the_files_of_root_are_those_of_the_system(root: None) -> None:
    assert shepherd.default_socket() == "/run/shepherd/socket"
    assert shepherd.default_configuration() == "/etc/shepherd.scm"


def test_the_files_of_a_user_are_in_the_places_of_the_desktop_specification(
    user: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert shepherd.default_socket() == "/run/user/1000/shepherd/socket"
    assert shepherd.default_log_file() == f"{user}/.local/state/shepherd/shepherd.log"
    for name in ("XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(user / name))
    assert shepherd.default_socket() == f"{user}/XDG_RUNTIME_DIR/shepherd/socket"
    assert shepherd.default_log_file() == f"{user}/XDG_STATE_HOME/shepherd/shepherd.log"
    assert shepherd.default_configuration() == f"{user}/XDG_CONFIG_HOME/shepherd/init.scm"


def test_the_environment_names_a_socket(user: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHEPHERD_SOCKET", "/elsewhere")
    assert shepherd.default_socket() == "/elsewhere"


def test_a_configuration_is_made_for_a_user_who_has_none(user: Path) -> None:
    path = Path(shepherd.default_configuration())
    assert "(register-services" in path.read_text()
    path.write_text("mine")
    assert Path(shepherd.default_configuration()).read_text() == "mine"


def test_a_configuration_that_cannot_be_made_is_named_all_the_same(user: Path) -> None:
    (user / ".config").write_text("a file")
    assert shepherd.default_configuration() == f"{user}/.config/shepherd/init.scm"


def test_what_is_disabled_is_kept_for_the_daemon_of_the_system_only(root: None) -> None:
    settings = Settings()
    assert shepherd.state_directory(settings, "/run/shepherd/socket") == "/var/lib/shepherd"
    assert shepherd.state_directory(settings, "/tmp/socket") is None


def test_what_is_disabled_is_kept_for_the_daemon_of_a_user_only(user: Path) -> None:
    settings = Settings()
    own = shepherd.default_socket()
    assert shepherd.state_directory(settings, own) == f"{user}/.local/state/shepherd"
    assert shepherd.state_directory(settings, "/tmp/socket") is None


def test_an_option_says_where_it_is_kept_what_is_disabled(
    root: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = read_options(["--state-directory=kept"])
    assert shepherd.state_directory(settings, "/tmp/socket") == f"{tmp_path}/kept"
    settings = read_options(["--state-directory=none"])
    assert shepherd.state_directory(settings, "/run/shepherd/socket") is None


def test_options_become_settings() -> None:
    settings = read_options(
        ["--silent", "--insecure", "--shutdown-deadline=2.5", "--syslog", "--pid=file", "-c", "x"]
    )
    assert (settings.silent, settings.insecure) == (True, True)
    assert (settings.shutdown_deadline, settings.syslog) == (2.5, "/dev/log")
    assert (settings.pid, settings.config) == ("file", "x")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--shutdown-deadline=soon"], "'soon' is not a number of seconds"),
        (["--shutdown-deadline=-1"], "'-1' is not a number of seconds"),
        (["--shutdown-deadline=inf"], "'inf' is not a number of seconds"),
        (["--nonsense"], "nonsense"),
        (["operand"], "unexpected argument 'operand'"),
    ],
)
def test_wrong_options_are_named(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        read_options(words)
    assert ended.value.code == 1
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--config", "-c"])
def test_an_option_without_its_argument_is_named(
    option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        read_options([option])
    assert ended.value.code == 1
    printed = capsys.readouterr()
    assert option.lstrip("-") in printed.out + printed.err


@pytest.mark.parametrize("option", ["--version", "--usage", "--help"])
def test_what_only_informs_succeeds(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        read_options([option])
    assert ended.value.code == 0
    assert "shepherd" in capsys.readouterr().out


def test_a_socket_in_a_directory_that_is_missing_is_refused(tmp_path: Path) -> None:
    settings = read_options(["--socket", str(tmp_path / "missing/socket")])
    with pytest.raises(SocketError, match="cannot access directory of socket"):
        shepherd.open_control_socket(settings, str(tmp_path / "missing/socket"))


def test_the_directory_of_the_usual_socket_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(tmp_path / "run/socket")
    monkeypatch.setenv("SHEPHERD_SOCKET", path)
    with shepherd.open_control_socket(Settings(), path):
        assert (tmp_path / "run").stat().st_mode & 0o777 == 0o700
        with pytest.raises(SocketError, match="already listening"):
            shepherd.open_control_socket(Settings(), path)


def test_a_directory_that_others_may_enter_is_refused_unless_that_is_wanted(
    tmp_path: Path,
) -> None:
    tmp_path.chmod(0o755)
    path = str(tmp_path / "socket")
    with pytest.raises(SocketError):
        shepherd.open_control_socket(read_options(["--socket", path]), path)
    shepherd.open_control_socket(read_options(["--insecure", "--socket", path]), path).close()


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr("pid1.log.log", lines.append)
    monkeypatch.setattr("pid1.log.write_output", lines.append)
    return lines


def test_a_pid_file_is_written_when_the_daemon_is_ready(tmp_path: Path, logged: list[str]) -> None:
    path = tmp_path / "pid"
    assert shepherd.write_pid(read_options([f"--pid={path}"])) == str(path)
    assert path.read_text() == str(os.getpid())
    assert os.listdir(tmp_path) == ["pid"]


def test_without_a_file_the_number_is_printed(logged: list[str]) -> None:
    assert shepherd.write_pid(read_options(["--pid"])) is None
    assert logged == [str(os.getpid())]
    assert shepherd.write_pid(Settings()) is None


def test_a_pid_file_that_cannot_be_written_is_named(tmp_path: Path, logged: list[str]) -> None:
    (tmp_path / "pid").mkdir()
    assert shepherd.write_pid(read_options([f"--pid={tmp_path}/pid"])) is None
    assert logged[0].startswith(f"Cannot write PID file '{tmp_path}/pid': ")
    assert os.listdir(tmp_path) == ["pid"]


@pytest.fixture
def destinations(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    monkeypatch.setattr(the_log, "stdout", None)
    made: list[object] = []
    monkeypatch.setattr(the_log, "destinations", made)
    return made


def test_a_log_file_that_cannot_be_opened_ends_a_daemon_that_starts(
    destinations: list[object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = read_options([f"--logfile={tmp_path}/file/log", "--silent"])
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit) as ended:
        shepherd.open_log(settings)
    assert ended.value.code == 1
    assert f"cannot open log file '{tmp_path}/file/log'" in capsys.readouterr().err
    # One that has started already goes on.
    shepherd.open_log(settings, again=True)
    assert destinations == []


@pytest.mark.parametrize("options", [["--silent"], []])
def test_the_log_goes_where_it_is_wanted(
    options: list[str], destinations: list[object], tmp_path: Path
) -> None:
    shepherd.open_log(read_options([f"--logfile={tmp_path}/log", *options]))
    shepherd.open_log(read_options([f"--syslog={tmp_path}/socket", *options]))
    names = [type(one).__name__ for one in destinations]
    assert names == ["FileDestination", "SyslogDestination"]
    assert (the_log.stdout is None) == bool(options)


def test_pid_1_logs_to_the_system_log(
    destinations: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getpid", lambda: 1)
    for _ in range(2):
        shepherd.open_log(Settings())
    assert [type(one).__name__ for one in destinations] == ["SyslogDestination"]
