"""Identity, power, files and sockets; power never for the machine the tests run on."""

from __future__ import annotations

import errno
import inspect
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from spawning import in_child, needs_root

import hurd.system
import hurd.system.linux as linux_system
from hurd.system import RebootError, base, libc_build, system
from hurd.system.fake import FakeSystem
from hurd.system.hurd import HurdSystem
from hurd.system.linux import LinuxSystem
from hurd.system.nodes import Nodes
from hurd.system.posix import PosixSystem

TOP = Path(__file__).parents[3]
linux = pytest.mark.skipif(system.name != "linux", reason="Linux only")


@linux
@needs_root
@pytest.mark.parametrize(
    ("action", "constant"),
    [
        ("halt", "RB_HALT_SYSTEM"),
        ("power-off", "RB_POWER_OFF"),
        ("reboot", "RB_AUTOBOOT"),
        ("kexec", "RB_KEXEC"),
    ],
)
def test_refused_reboot_names_the_kernels_constant(action, constant):
    def body() -> None:
        os.setgroups([])
        os.setuid(54321)
        try:
            system.reboot(action)
        except RebootError as e:
            assert (e.errno, e.strerror) == (errno.EPERM, "Operation not permitted")
            assert e.operation == constant
        else:
            raise AssertionError("no error")
        system.disable_ctrl_alt_del()  # EPERM is no error here

    in_child(body)


@linux
@needs_root
@pytest.mark.parametrize(
    ("action", "death"), [("reboot", signal.SIGHUP), ("power-off", signal.SIGINT)]
)
def test_reboot_of_a_pid_namespace_ends_it(action, death):
    """The child of unshare dies of the signal that tells its parent what was asked for."""
    unshare = shutil.which("unshare")
    works = unshare and subprocess.run([unshare, "--pid", "--fork", "true"], check=False)
    if not works or works.returncode != 0:
        pytest.skip("no PID namespace to be had")
    script = (
        "import os, sys\n"
        "assert os.getpid() == 1 and os.readlink('/proc/thread-self/ns/pid') != sys.argv[2]\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "from hurd.system import system\n"
        "system.disable_ctrl_alt_del()\n"
        "print('ready', flush=True)\n"
        "system.reboot(sys.argv[3])\n"
    )
    ours = os.readlink("/proc/self/ns/pid")
    command = ["--pid", "--fork", "--mount-proc", sys.executable, "-I", "-c", script]
    done = subprocess.run(
        [unshare, *command, TOP, ours, action], stdout=subprocess.PIPE, check=False
    )
    assert done.stdout == b"ready\n"
    assert done.returncode in (-death, 128 + death)


def test_unknown_reboot_is_refused():
    for each in (LinuxSystem(), HurdSystem()):
        with pytest.raises(NotImplementedError, match="hibernate"):
            each.reboot("hibernate")
    with pytest.raises(NotImplementedError, match="kexec"):
        HurdSystem().reboot("kexec")


def test_what_a_system_lacks_is_named():
    with pytest.raises(NotImplementedError, match=r"^unmount$"):
        PosixSystem().unmount("/")
    with pytest.raises(NotImplementedError, match=r"^reboot$"):
        PosixSystem().reboot("halt")


def declared(*parts: type) -> set[str]:
    return {name for part in parts for name, value in vars(part).items() if callable(value)}


def test_every_system_fills_the_interface_with_its_signatures():
    for kind in (PosixSystem, LinuxSystem, HurdSystem, FakeSystem):
        for name in declared(base.System, base.Machine, Nodes):
            ours, theirs = getattr(kind, name), getattr(base.System, name)
            assert inspect.signature(ours) == inspect.signature(theirs), (kind, name)


@pytest.mark.parametrize(
    ("kind", "parts"),
    [
        (LinuxSystem, [base.System, base.Machine]),
        (HurdSystem, [base.System, base.Machine, Nodes]),
        (FakeSystem, [base.System, base.Machine, Nodes]),
    ],
)
def test_nothing_of_the_interface_is_missing(kind, parts):
    missing = {
        name
        for name in declared(*parts)
        if "NotImplementedError" in getattr(kind, name).__code__.co_names
        and getattr(kind, name) is getattr(base.System, name)
    }
    assert missing == set()


def test_root_is_the_first_that_is_mounted():
    for each in (system, FakeSystem()):
        root, first = each.root_mount(), each.mounts()[0]
        assert (root.source, root.target, root.type) == (first.source, "/", first.type)


def test_this_kernel_was_chosen():
    assert isinstance(system, LinuxSystem if sys.platform == "linux" else PosixSystem)


def test_peer_of_a_socket_is_known():
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    with ours, theirs:
        expected = (os.getpid(), os.getuid(), os.getgid()) if system.name == "linux" else None
        assert system.peer_credentials(ours) == expected
    with socket.socket(socket.AF_INET) as stranger:
        assert system.peer_credentials(stranger) is None


def test_sender_of_a_message_is_known(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        told = system.pass_credentials(receiver)
        assert told == (system.name == "linux")
        receiver.bind(str(tmp_path / "socket"))

        def send() -> None:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.sendto(str(os.getpid()).encode(), str(tmp_path / "socket"))

        in_child(send)
        data, ancillary, _, _ = receiver.recvmsg(64, 64)
        expected = (int(data), os.getuid(), os.getgid()) if told else None
        assert system.sender_credentials(ancillary) == expected
    assert system.sender_credentials([]) is None


def test_home_comes_from_the_user_database(monkeypatch):
    monkeypatch.setenv("HOME", "/nowhere")
    lines = Path("/etc/passwd").read_text().splitlines()
    homes = {int(line.split(":")[2]): line.split(":")[5] for line in reversed(lines) if line}
    assert system.user_home() == homes[os.getuid()]
    assert system.user_home("root") == system.user_home(0) == homes[0]
    assert system.user_home("no such user") is None
    assert system.user_home(54321) is None


@linux
def test_physical_memory_is_that_of_the_kernel():
    total = Path("/proc/meminfo").read_text().split()[1]
    assert system.physical_memory() == int(total) * 1024


@linux
def test_words_of_the_kernel_are_split_as_it_does():
    words = linux_system._words('root=/dev/sda1 quiet "dyndbg=file a.c +p" x="a b"c  \n')
    assert words == ["root=/dev/sda1", "quiet", "dyndbg=file a.c +p", "x=a bc"]
    assert linux_system._words("") == []
    assert linux_system._words('ends "in the middle') == ["ends", "in the middle"]


@linux
def test_boot_arguments_are_the_kernels_or_those_of_pid_1():
    """In a container the kernel's words are meant for somebody else."""
    initial = os.readlink("/proc/self/ns/pid") == "pid:[4026531836]"
    if initial:
        expected = linux_system._words(Path("/proc/cmdline").read_text())
    else:
        expected = Path("/proc/1/cmdline").read_text().removesuffix("\0").split("\0")[1:]
    assert system.boot_arguments() == expected
    unshare = shutil.which("unshare")
    script = (
        "import os, sys; sys.path.insert(0, sys.argv[1])\n"
        "from hurd.system import system\n"
        "assert system.is_init() and os.getpid() == 1\n"
        "print(system.boot_arguments()[-2:])\n"
    )
    command = ["--pid", "--fork", "--mount-proc", sys.executable, "-I", "-c", script, str(TOP)]
    done = unshare and subprocess.run(
        [unshare, *command, "single", "a b"], capture_output=True, text=True, check=False
    )
    if done and done.returncode == 0:
        assert done.stdout == "['single', 'a b']\n"
    assert not system.is_init()


@linux
@needs_root
def test_host_name_is_set_in_a_namespace_of_its_own():
    unshare = shutil.which("unshare")
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from hurd.system import system\n"
        "system.set_hostname('drover-test')\n"
        "print(system.hostname())\n"
    )
    done = subprocess.run(
        [unshare or "unshare", "--uts", sys.executable, "-I", "-c", script, str(TOP)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "unshare" in done.stderr:
        pytest.skip("no UTS namespace to be had")
    assert done.stdout == "drover-test\n"
    assert system.hostname() == os.uname().nodename != "drover-test"


@linux
def test_looking_at_a_link_shows_the_link(tmp_path):
    (tmp_path / "link").symlink_to("nowhere")
    assert stat.S_ISLNK(system.lstat(str(tmp_path / "link")).st_mode)
    with pytest.raises(FileNotFoundError):
        system.lstat(str(tmp_path / "none"))


def test_nobody_essential_is_ended_at_shutdown():
    mine = subprocess.Popen(["sleep", "60"])
    try:
        ended = system.processes_to_end()
        assert mine.pid in ended
        assert 1 not in ended and os.getpid() not in ended
        assert not any(system.is_kernel_thread(pid) for pid in ended)
    finally:
        mine.kill()
        mine.wait()


@linux
@needs_root
def test_seed_is_taken():
    system.add_entropy(b"x" * 512)


@linux
def test_child_ends_with_its_parent():
    reader, writer = os.pipe()

    def body() -> None:
        pid = os.fork()
        if pid == 0:
            assert system.end_with_parent()
            os.write(writer, b"x")
            signal.pause()
        assert os.read(reader, 1) == b"x"

    in_child(body)
    os.close(writer)
    assert os.read(reader, 1) == b""  # nobody has the other end any more
    os.close(reader)


@linux
def test_clock_that_may_not_be_set_is_an_error():
    def body() -> None:
        if os.geteuid() == 0:
            os.setgroups([])
            os.setuid(54321)
        with pytest.raises(PermissionError):
            system.set_clock(1e9)

    in_child(body)


@linux
def test_first_steps_change_nothing_where_nothing_is_amiss():
    import time

    before = time.get_clock_info
    system.adapt_process()
    assert time.get_clock_info is before
    assert system.register_essential("init") is False


@linux
@pytest.mark.parametrize("change", ["unlink", "replace", "rename", "directory"])
def test_deleted_socket_is_noticed(change, tmp_path):
    directory = tmp_path / "run"
    directory.mkdir()
    path = directory / "socket"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        watch = system.watch_file(str(path))
        assert watch is not None
        assert not readable(watch)
        (directory / "other").touch()
        assert readable(watch)
        assert not watch.changed()
        assert not readable(watch)
        if change == "unlink":
            path.unlink()
        elif change == "replace":
            (directory / "other").replace(path)
        elif change == "rename":
            path.rename(tmp_path / "elsewhere")
        else:
            directory.rename(tmp_path / "gone")
        assert readable(watch)
        assert watch.changed()
        fd = watch.fileno()
        assert not os.get_inheritable(fd)
        watch.close()
        watch.close()
        with pytest.raises(OSError):
            os.fstat(fd)


def readable(watch) -> bool:
    import select

    return bool(select.select([watch], [], [], 0)[0])


@linux
def test_missing_file_cannot_be_watched(tmp_path):
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(FileNotFoundError):
        system.watch_file(str(tmp_path / "none"))
    assert len(os.listdir("/proc/self/fd")) == before


def test_declarations_of_c_are_up_to_date(tmp_path):
    libc_build.write(tmp_path / "fresh.py")
    assert (tmp_path / "fresh.py").read_text() == libc_build.TARGET.read_text()


def test_running_needs_no_more_of_cffi_than_its_backend():
    script = (
        "import sys; sys.path[:0] = sys.argv[1:]\n"
        "import hurd.system.libc\n"
        "print(sorted({'cffi', 'pycparser', 'ctypes', 'subprocess', 're', 'typing'}"
        " & set(sys.modules)))\n"
    )
    import _cffi_backend

    folders = [str(TOP), str(Path(_cffi_backend.__file__).parent)]
    command = [sys.executable, "-I", "-S", "-c", script, *folders]
    assert subprocess.check_output(command, text=True) == "[]\n"


def test_package_exports_what_it_says():
    for name in hurd.system.__all__:
        assert hasattr(hurd.system, name)
