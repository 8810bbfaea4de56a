"""herd, halt and reboot as real programs: launchers, exit statuses, bad replies and the like."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from herd_recordings import ScriptedDaemon

from pid1 import launchers

SERVICE = (
    '(service (version 0) (provides (foo)) (requires ()) (respawn? #f) (docstring "") '
    "(enabled? #t) (running %s) (status running) (status-changes ((running . 1)))%s)"
)
OK = b"(reply (version 0) (result (#t)) (error #f) (messages ()))"


def reply(result: str, messages: str = "") -> bytes:
    return f"(reply (version 0) (result {result}) (error #f) (messages ({messages})))".encode()


class Client:
    """Runs a client program against scripted replies."""

    def __init__(self, programs: Path, directory: Path) -> None:
        self.programs = programs
        self.directory = directory
        self.socket = directory / "socket"

    def run(
        self, *arguments: str, program: str = "herd", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.programs / program, *arguments],
            capture_output=True,
            text=True,
            timeout=30,
            cwd=self.directory,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TZ": "UTC", **environment},
        )

    def answer(self, data: bytes, *arguments: str, program: str = "herd") -> tuple[int, str, str]:
        with ScriptedDaemon(self.socket, data):
            done = self.run("-s", str(self.socket), *arguments, program=program)
        self.socket.unlink()
        return done.returncode, done.stdout, done.stderr


@pytest.fixture
def client(programs: Path, tmp_path: Path) -> Client:
    return Client(programs, tmp_path)


@pytest.mark.parametrize(
    ("arguments", "status", "out", "err"),
    [
        (["--s", "x"], 1, "", "option '--s' is ambiguous|Try '--help'."),
        (["--us"], 1, "", "option '--us' is ambiguous|Try '--help'."),
        (["--bogus=1"], 1, "", "unknown option '--bogus'|Try '--help'."),
        (["--user"], 1, "", "option '--user' requires an argument|Try '--help'."),
        (["-q"], 1, "", "unknown option '-q'"),
        (["-nE"], 1, "", "E: expected a positive integer"),
        (["-n", "1.0", "status"], 1, "", "1.0: expected a positive integer"),
        (["-n-1", "status"], 1, "", "-1: expected a positive integer"),
        (["-n"], 1, "Argument required by `-n'.\n", ""),
        (["-n", "-1", "status"], 1, "Argument required by `-n'.\n", ""),
        (["-s", "-", "status"], 1, "", "-: No such file or directory"),
        (["status", "-s", "/etc/passwd"], 1, "", "/etc/passwd: Connection refused"),
        (["-s", "/" + "x" * 200, "status"], 1, "", "/" + "x" * 200 + ": AF_UNIX path too long"),
        (["-n", "5/1", "-s", "/nope", "status"], 1, "", "/nope: No such file or directory"),
    ],
)
def test_mistakes_are_reported(
    client: Client, arguments: list[str], status: int, out: str, err: str
) -> None:
    done = client.run(*arguments)
    lines = [
        f"herd: {'hint' if index else 'error'}: {line}\n"
        for index, line in enumerate(err.split("|"))
        if line
    ]
    assert (done.returncode, done.stdout, done.stderr) == (status, out, "".join(lines))


def test_too_few_operands_get_the_usage(client: Client) -> None:
    for arguments in ([], ["start"], ["-n", "3"]):
        done = client.run(*arguments)
        assert done.returncode == 1
        assert done.stderr == "Usage: herd ACTION [SERVICE [OPTIONS...]]\n"


def test_help_usage_and_version(client: Client) -> None:
    text = client.run("--help").stdout
    assert text.startswith("herd [OPTIONS...] ACTION SERVICE [ARG...]\n")
    for option in (
        "-s, --socket=FILE", "-n, --log-history=NUMBER", "-N, --service-name=NAME",
        "-d, --working-directory=DIRECTORY", "-E, --environment-variable=ENVIRONMENT",
        "--log-file=FILE", "--user=USER", "--group=GROUP", "--help", "--usage", "--version",
    ):  # fmt: skip
        assert option in text
    assert client.run("--vers", "--bogus").stdout.startswith("herd (drover) ")
    assert client.run("--usage").stdout.endswith(" [--] ACTION SERVICE [ARG...]\n")


def test_socket_comes_from_the_environment(client: Client) -> None:
    uid = os.getuid()
    default = "/run/shepherd/socket" if uid == 0 else f"/run/user/{uid}/shepherd/socket"
    missing = "herd: error: {}: No such file or directory\n"
    assert client.run("status").stderr == missing.format(default)
    assert client.run("status", SHEPHERD_SOCKET="/x/y").stderr == missing.format("/x/y")
    if uid != 0:
        done = client.run("status", XDG_RUNTIME_DIR="/x")
        assert done.stderr == missing.format("/x/shepherd/socket")


def test_short_options_combine_and_operands_may_come_first(client: Client) -> None:
    with ScriptedDaemon(client.socket, OK, OK) as daemon:
        client.run("do", "-EA=1", "x", f"-s{client.socket}", "-E", "B=2", "--", "-n", "--", "q")
        client.run("stop", "root", "-s", str(client.socket), program="reboot")
        client.run("-ks", str(client.socket), program="reboot")
    ours, kexec = (request.decode() for request in daemon.requests)
    assert "(action do) (service x)" in ours
    assert '("-n" "--" "q" #:extra-environment-variables ("B=2" "A=1"))' in ours
    assert "(action kexec) (service root)" in kexec


@pytest.mark.parametrize(
    "data",
    [
        b"hello",
        b"()",
        b")",
        b"(reply)",
        b"(reply (version 1) (result ()) (error #f) (messages ()))",
        b"(reply (version 0) (result ()) (error #f) (messages (1 2)))",
        b"(reply (version 0) (result (",
        b'(reply (version 0) (result ("unterminated',
        b"(reply (version 0) (result (#<procedure>)) (error #f) (messages ()))",
        b"(reply . (version",
        b"(" * 200_000,
        b"(" * 200_000 + b")" * 200_000,
        b"\xff\xfe\x00\x01" * 100,
        b'"\\q"',
        reply("()"),
        reply("5"),
        reply("#f"),
        reply("(5)"),
        reply("((service))"),
        reply("((service (version 0) (provides ())))"),
        reply("((service (version 0) (provides 5)))"),
        reply(f"({SERVICE % ('(process)', '')})"),
        reply(f"({SERVICE % ('(inetd-service (endpoints 5))', '')})"),
        reply(f"({SERVICE % ('(timer (version 0) (processes 5))', '')})"),
        reply(f"({SERVICE % ('#t', ' (recent-messages (5))')})"),
        reply(f"({SERVICE % ('#t', ' (exit-statuses 5) (last-respawns (1))')})"),
        reply(f"({SERVICE % ('#t', ' (log-files (1 2))')})"),
        reply(f"({(SERVICE % ('#t', '')).replace('. 1)', '. 99999999999999999999)')})"),
    ],
    ids=range(28),
)
def test_a_bad_reply_is_one_line_and_status_1(client: Client, data: bytes) -> None:
    status, _, err = client.answer(data, "status", "foo")
    assert status == 1
    assert err.startswith("herd: error: ")
    assert err.count("\n") == 1
    assert "Traceback" not in err


def test_an_endless_reply_ends(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pid1.herd.talk._LARGEST_REPLY", 1 << 20)
    from pid1.herd import main

    with ScriptedDaemon(client.socket, b"(a " * (1 << 20)):
        assert main(["-s", str(client.socket), "status"]) == 1


def test_a_complete_reply_is_enough(client: Client) -> None:
    """A daemon that keeps the connection open does not keep herd waiting."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(client.socket))
        listener.listen()
        herd = subprocess.Popen([client.programs / "herd", "-s", client.socket, "hi", "foo"])
        connection, _ = listener.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(OK)
            assert herd.wait(10) == 0


def test_end_of_file_is_success_only_for_stop_root(client: Client) -> None:
    eof = "premature end-of-file while talking to shepherd\n"
    assert client.answer(b"", "stop", "root") == (0, "", "")
    assert client.answer(b"", "stop", "shepherd") == (0, "", "")
    assert client.answer(b"", "power-off", "root") == (1, "", "herd: error: " + eof)
    assert client.answer(b"", "stop", "foo") == (1, "", "herd: error: " + eof)
    assert client.answer(b"", program="halt") == (0, "", "")
    assert client.answer(b"", program="shutdown") == (0, "", "")


def test_halt_reports_errors_and_refuses_operands(client: Client) -> None:
    error = (
        b"(reply (version 0) (result #f) (error (error (version 0) action-exception power-off root "
        b'system-error ("reboot" "~A: ~A" ("Operation not permitted" "x") (1)))) (messages ("m")))'
    )
    status, out, err = client.answer(error, program="halt")
    assert (status, out) == (1, "m\n")
    assert err == (
        "halt: error: exception caught while executing 'power-off' on service 'root':\n"
        "In procedure reboot: Operation not permitted: x\n"
    )
    done = client.run("now", program="shutdown")
    assert done.returncode == 1
    assert done.stdout.startswith("halt [OPTIONS...]")


def test_detailed_status_of_root_is_shown(client: Client) -> None:
    root = (SERVICE % ("#t", "")).replace("(foo)", "(root shepherd)")
    services = reply(f"(({SERVICE % ('1', '')} {root}))")
    status, out, _ = client.answer(services, "detailed-status", "root")
    assert status == 0
    assert "Status of root:" in out
    assert "Status of foo:" not in out


def test_nobody_reading_the_output_is_no_error(client: Client) -> None:
    with ScriptedDaemon(client.socket, reply("(#t)", '"x"')):
        reader, writer = os.pipe()
        os.close(reader)
        herd = subprocess.run(
            [client.programs / "herd", "-s", client.socket, "hi", "foo"],
            stdout=writer,
            stderr=subprocess.PIPE,
        )
        os.close(writer)
    assert (herd.returncode, herd.stderr) == (141, b"")


def test_a_full_disk_is_an_error(client: Client) -> None:
    with ScriptedDaemon(client.socket, reply("(#t)", '"x"')), Path("/dev/full").open("w") as full:
        herd = subprocess.run(
            [client.programs / "herd", "-s", client.socket, "hi", "foo"],
            stdout=full,
            stderr=subprocess.PIPE,
        )
    assert herd.returncode == 1
    assert herd.stderr == b"herd: error: standard output: No space left on device\n"


def test_an_interrupt_is_quiet(client: Client) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(client.socket))
        listener.listen()
        herd = subprocess.Popen(
            [client.programs / "herd", "-s", client.socket, "status"], stderr=subprocess.PIPE
        )
        connection, _ = listener.accept()
        with connection:
            connection.recv(4096)
            herd.send_signal(signal.SIGINT)
            assert herd.communicate(timeout=10)[1] == b""
    assert herd.returncode == 130


def test_the_c_locale_gets_ascii(client: Client) -> None:
    with ScriptedDaemon(client.socket, reply(f"({SERVICE % ('#t', '')})", '"wörld"')):
        done = client.run("-s", str(client.socket), "status", "foo", LC_ALL="C")
    assert done.stdout.startswith("w?rld\nStatus of foo:\n")


def test_a_service_stuck_for_a_minute_is_red(
    client: Client, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from pid1.herd import main

    monkeypatch.setattr("pid1.herd.terminal._wants_colour", lambda descriptor: True)
    text = SERVICE % ("#f", "")
    for seconds, colour in ((29, ""), (30, "\033[1;35m"), (60, "\033[1;31m")):
        since = int(time.time()) - seconds
        stuck = text.replace("status running", "status starting")
        stuck = stuck.replace("(running . 1)", f"(starting . {since})")
        with ScriptedDaemon(client.socket, reply(f"(({stuck}))")):
            assert main(["-s", str(client.socket), "status"]) == 0
        client.socket.unlink()
        end = "\033[0m" if colour else ""
        assert f" ^ {colour}foo{end}\n" in capfd.readouterr().out


def test_start_up_imports_stay_few(programs: Path) -> None:
    """What herd loads beyond a bare interpreter: its own modules and the socket module's core."""
    code = (
        "import sys; bare = set(sys.modules); sys.path.insert(0, sys.argv[1])\n"
        "from pid1.herd import main; main(['-s', '/nope', 'status', 'foo'])\n"
        "import pid1.herd.status\n"
        "print(*sorted(set(sys.modules) - bare))"
    )
    root = str(Path(launchers.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-IS", "-c", code, root], capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert {name for name in loaded if not name.startswith("pid1")} <= {
        "__future__", "_locale", "_socket",
    }  # fmt: skip
    assert len(loaded) <= 14


@pytest.fixture
def odd_python(tmp_path: Path) -> Iterator[Path]:
    directory = tmp_path / ("long and 'quoted' " + "x" * 150)
    directory.mkdir()
    link = directory / "python3"
    link.symlink_to(sys.executable)
    yield link


def test_launchers_work_with_an_odd_interpreter_name(odd_python: Path, tmp_path: Path) -> None:
    assert launchers.main(["--python", str(odd_python), str(tmp_path / "bin")]) == 0
    for name in ("herd", "halt", "reboot", "shutdown"):
        done = subprocess.run(
            [tmp_path / "bin" / name, "--version"], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert "(drover)" in done.stdout
    daemon = (tmp_path / "bin" / "shepherd").read_text()
    assert all(directory in daemon for directory in launchers.site_directories())
