"""Runs in the guest, as root: what others put in the way of the daemon's files and sockets."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time

from guest_measuring import in_child, measured
from guest_system import PATH

from hurd.system import SpawnSpec, system


def _refusal(function, *arguments) -> str:
    """What is said when that is refused; empty if it is not."""
    try:
        result = function(*arguments)
    except OSError as error:
        return error.strerror or str(error)
    if isinstance(result, int):
        os.close(result)
    return ""


@measured("files of others")
def _() -> object:
    """What a user puts in the way of a daemon of root's."""
    from pid1.files import open_carefully, read_small_file

    place = "/tmp/theirs"
    os.mkdir(place)
    os.chown(place, 1000, 1000)

    def as_user(function, *arguments) -> object:
        def child() -> object:
            os.setgid(1000)
            os.setuid(1000)
            return _refusal(function, *arguments)

        return in_child(child)

    def translator(node: str) -> None:
        subprocess.run(
            ["settrans", "-cap", node, "/hurd/hello"], check=True, stdin=subprocess.DEVNULL
        )

    def connect(name: str) -> None:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(name)

    def listening(name: str, mask: int) -> socket.socket:
        sock = socket.socket(socket.AF_UNIX)
        before = os.umask(mask)
        sock.bind(name)
        os.umask(before)
        sock.listen()
        return sock

    writing = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    with open("/tmp/secret", "w") as file:  # noqa: PTH123
        file.write("root only")
    answers = {"made": as_user(os.symlink, "/tmp/secret", f"{place}/symbolic")}
    os.link("/tmp/secret", f"{place}/hard")
    answers["translator made"] = as_user(translator, f"{place}/translator")
    as_user(os.mkfifo, f"{place}/fifo")
    for name in ("symbolic", "hard", "translator", "own", "sub/own"):
        answers[name] = _refusal(open_carefully, f"{place}/{name}", writing, 0o640, 0o700)
    answers["fifo"] = _refusal(read_small_file, f"{place}/fifo", 10)
    answers["secret"] = open("/tmp/secret").read()  # noqa: PTH123, SIM115
    from pid1.pid_file import may_name, number_in

    def write(name: str, text: str) -> None:
        with open(name, "w") as file:  # noqa: PTH123
            file.write(text)

    # A file of root's that its group's user changes all the same.
    write(f"{place}/pid", "1")
    answers["changed"] = as_user(write, f"{place}/pid", str(os.getppid()))
    pid, owners = number_in(f"{place}/pid")
    answers["pid file"] = [pid == os.getppid(), owners, may_name(owners, pid)]
    write("/tmp/pid", "1")
    answers["pid file of root"] = [list(number_in("/tmp/pid")), may_name([], 1)]
    answers["root's own link"] = _refusal(open_carefully, "/var/run/drover.log", writing, 0o640)

    os.mkdir("/tmp/private", 0o700)
    with listening("/tmp/private/socket", 0):
        answers["0666 in a private directory"] = as_user(connect, "/tmp/private/socket")
    for mask in (0o177, 0o133, 0o155, 0o111):
        name = f"{0o666 & ~mask:04o}"
        with listening(f"/tmp/{name}", mask):
            answers[name] = as_user(connect, f"/tmp/{name}")
    status = os.stat(f"{place}/own")
    answers["own is"] = [status.st_uid, status.st_gid, status.st_mode & 0o7777]
    with listening(f"{place}/socket", 0o177):
        status = os.stat(f"{place}/socket")
        answers["born"] = [status.st_uid, status.st_gid, status.st_mode & 0o7777]
        answers["born for"] = as_user(connect, f"{place}/socket")
        system.set_socket_access(f"{place}/socket", 1000, 1000, 0o666)
        status = os.stat(f"{place}/socket")
        answers["given"] = [status.st_uid, status.st_gid, status.st_mode & 0o7777]
        answers["given to"] = as_user(connect, f"{place}/socket")
    for name in ("hard", "symbolic", "translator"):
        answers[f"socket {name}"] = _refusal(
            system.set_socket_access, f"{place}/{name}", 1000, 1000, 0o666
        )
    answers["owner"] = os.stat("/tmp/secret").st_uid
    pid = system.spawn(SpawnSpec(["sleep", "100"], [PATH], user=1000, group=1000))
    time.sleep(0.3)
    answers["owners"] = [system.process_owner(one) for one in (os.getpid(), pid, 99999)]
    answers["parent"] = system.process(pid).parent == os.getpid()
    system.kill(pid, signal.SIGKILL)
    while (ended := system.reap()) is None or ended[0] != pid:
        time.sleep(0.01)
    return answers


@measured("sockets that serve again")
def _() -> object:
    """Files that a former socket has left; those of "/tmp" others could replace."""
    said = {}
    os.mkdir("/drover/sockets", 0o700)
    kinds = ("stream", "used", "bent", "theirs", "linked")
    for name in (*(f"/drover/sockets/{kind}" for kind in kinds), "/tmp/replaceable"):
        first, second = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
        first.bind(name)
        if name.endswith("theirs"):
            os.chown(name, 1000, 1000)
        if name.endswith("linked"):
            os.link(name, f"{name}.too")
        if name.endswith("bent"):
            os.rename(name, f"{name}.socket")
            os.symlink("bent.socket", name)
        if not name.endswith("used"):
            first.close()
        number = os.lstat(name).st_ino
        with second:
            adopted = system.adopt_socket_file(second, name)
            answer = None
            if adopted:
                second.listen()
                with socket.socket(socket.AF_UNIX) as client:
                    client.connect(name)
                    with second.accept()[0] as server:
                        server.send(b"hello")
                        answer = client.recv(10).decode()
            said[os.path.basename(name)] = [adopted, answer, os.lstat(name).st_ino == number]
        first.close()
    with socket.socket(socket.AF_UNIX) as sock:
        said["missing"] = system.adopt_socket_file(sock, "/drover/sockets/missing")
    system.sync()
    return said
