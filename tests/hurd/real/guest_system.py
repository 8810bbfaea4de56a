"""Runs in the guest, as root: `hurd.system` on the real Hurd."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time

from guest_measuring import in_child, measured

from hurd.system import SpawnError, SpawnSpec, system

PATH = "PATH=/bin:/sbin:/usr/bin"


@measured("first steps")
def _() -> object:
    system.adapt_process()
    info = time.get_clock_info("monotonic")
    return [
        system.name, info.resolution, system.is_init(), signal.getsignal(32) == signal.SIG_IGN,
        system.boot_arguments(),
    ]  # fmt: skip


@measured("processes")
def _() -> object:
    table = system.process_table()
    ours = table[os.getpid()]
    child = subprocess.Popen(["/bin/sleep", "100"])
    time.sleep(0.3)
    grown = system.process_table()
    command = system.process_command(child.pid)
    ending = system.processes_to_end()
    started = [grown[child.pid].started, system.process_table()[child.pid].started]
    child.kill()
    time.sleep(0.1)
    dead = system.process_table().get(child.pid)
    child.wait()
    return {
        "known": sorted(table)[:4],
        "parent": ours.parent == os.getppid(),
        "session": ours.session == os.getsid(0),
        "group": ours.group == os.getpgrp(),
        "child": [grown[child.pid].parent == os.getpid(), grown[child.pid].state, command],
        "started": started[0] == started[1] and bool(started[0]),
        "distinct": len({p.started for p in grown.values()}) > 1,
        "dead": dead and dead.state,
        "gone": system.process_command(99999),
        "essential": [system.is_essential(pid) for pid in (1, 2, 3, 4, os.getpid())],
        "ended": child.pid in ending and os.getpid() not in ending and 1 not in ending,
        "kernel": system.process_command(3),
    }


@measured("mounts")
def _() -> object:
    system.mount("tmpfs", "/run", "tmpfs", ["size=16M", "mode=755", "nofail"])
    listed = [[m.source, m.target, m.type, list(m.options)] for m in system.mounts()]
    with open("/run/file", "w") as file:  # noqa: PTH123
        file.write("x")
    errors = []
    for call in (
        lambda: system.mount("1M", "/run", "tmpfs"),
        lambda: system.mount("/dev/absent", "/mnt", "ext2"),
        lambda: system.mount("x", "/mnt", "nonsense"),
        lambda: system.unmount("/mnt"),
        lambda: system.remount("/mnt", ["ro"]),
        lambda: system.mount("1M", "/absent", "tmpfs"),
    ):
        try:
            call()
            errors.append("no error")
        except OSError as error:
            errors.append(f"{type(error).__name__} {error.errno and os.strerror(error.errno)}")
    system.mount("/etc", "/mnt", "none", ["bind"])
    bound = os.path.exists("/mnt/passwd")
    system.unmount("/mnt")
    held = os.open("/run/file", os.O_RDONLY)
    try:
        system.unmount("/run")
        busy = "no error"
    except OSError as error:
        busy = os.strerror(error.errno or 0)
    os.close(held)
    return {"listed": listed, "errors": errors, "bound": bound, "busy": busy,
            "unbound": os.path.exists("/mnt/passwd")}  # fmt: skip


@measured("nodes")
def _() -> object:
    before = len(system.process_table())
    modes = [oct(system.lstat(path).st_mode) for path in ("/dev/mem", "/run", "/dev/urandom", "/")]
    return [modes, len(system.process_table()) - before]


@measured("memory")
def _() -> object:
    sizes = system.memory()
    return [sizes.total, sizes.available, sizes.swap_total, system.swap_devices(),
            system.physical_memory()]  # fmt: skip


@measured("swap")
def _() -> object:
    errors = []

    def refused(call, device):
        try:
            call(device)
            errors.append("no error")
        except OSError as error:
            errors.append(f"{error.strerror} {error.filename}")

    refused(system.swap_on, "/dev/absent")
    refused(system.swap_on, "/dev/hd0s1")
    refused(system.swap_off, "/dev/hd1")
    system.swap_on("/dev/hd1")
    refused(system.swap_on, "/dev/hd1")
    sizes = system.memory()
    devices = system.swap_devices()
    system.swap_off("/dev/hd1")
    return [errors, devices, sizes.swap_total, sizes.swap_free, system.swap_devices()]


@measured("host name")
def _() -> object:
    system.set_hostname("drover-test")
    with open("/etc/hostname") as file:  # noqa: PTH123
        return [system.hostname(), file.read().strip(), os.uname().nodename]


@measured("clock")
def _() -> object:
    now = time.time()
    system.set_clock(now + 5000)
    later = time.time()
    system.set_clock(later - 5000)
    return later - now


@measured("entropy")
def _() -> object:
    system.add_entropy(b"seed" * 64)
    return len(os.urandom(8))


@measured("records of logins")
def _() -> object:
    for name in ("/var/run/utmp", "/var/log/wtmp"):
        os.makedirs(os.path.dirname(name), exist_ok=True)
        with open(name, "a"):  # noqa: PTH123
            pass
    system.record_boot()
    system.record_shutdown()
    return [os.path.getsize("/var/run/utmp"), os.path.getsize("/var/log/wtmp")]


@measured("terminal")
def _() -> object:
    def child() -> object:
        system.become_session_leader()
        system.become_session_leader()
        try:
            before = os.close(os.open("/dev/tty", os.O_RDWR))
        except OSError as error:
            before = error.strerror
        console = system.open_console()
        system.reset_terminal(console)
        system.take_terminal(console)
        os.close(os.open("/dev/tty", os.O_RDWR))
        return [before, os.tcgetpgrp(console) == os.getpid(), os.isatty(console)]

    return in_child(child)


@measured("descriptors")
def _() -> object:
    system.adopt_descriptors()
    before = system.open_descriptors()
    reader, writer = os.pipe()
    after = system.open_descriptors()
    os.close(reader)
    os.close(writer)
    limit = system.raise_descriptor_limit()
    return [sorted(set(after) - set(before)) == [reader, writer], before, limit]


@measured("programs")
def _() -> object:
    def run(command, **more):
        reader, writer = os.pipe()
        pid = system.spawn(SpawnSpec(command, [PATH], stdout=writer, stderr=writer, **more))
        os.close(writer)
        said = b""
        while part := os.read(reader, 4096):
            said += part
        os.close(reader)
        while (ended := system.reap()) is None or ended[0] != pid:
            time.sleep(0.01)
        return [said.decode().split(), ended[1]]

    answers = {
        "plain": run(["sh", "-c", "pwd; umask; exit 3"], directory="/tmp", umask=0o27),
        "user": run(["id"], user=1000, group=1000, supplementary_groups=[5, 6]),
        "ignored": run(["sh", "-c", "kill -TSTP $$; exit 5"]),
    }
    begin = time.monotonic()
    for _ in range(20):
        run(["true"])
    answers["milliseconds"] = (time.monotonic() - begin) * 50
    for name, spec in (
        ("absent", SpawnSpec(["/absent"], [])),
        ("directory", SpawnSpec(["true"], [PATH], directory="/absent")),
        ("nobody", SpawnSpec(["true"], [PATH], user="nobody-such")),
    ):
        try:
            system.spawn(spec)
        except SpawnError as error:
            answers[name] = str(error)
    early = []
    for pause in (0, 0.01, 0.03, 0.3):
        pid = system.spawn(SpawnSpec(["sleep", "100"], [PATH]))
        time.sleep(pause)
        system.kill(-pid, signal.SIGTERM)
        while (ended := system.reap()) is None or ended[0] != pid:
            time.sleep(0.01)
        early.append(os.WTERMSIG(ended[1]))
    answers["early"] = early
    return answers


@measured("credentials")
def _() -> object:
    """A sender that names itself, as BSD's and the Hurd's programs may."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    passed = system.pass_credentials(ours)
    theirs.sendmsg([b"x"], [(socket.SOL_SOCKET, 3, bytes(84))])
    data, ancillary, _, _ = ours.recvmsg(16, 1024)
    return [passed, data.decode(), system.sender_credentials(ancillary), os.getpid(),
            system.peer_credentials(ours)]  # fmt: skip


@measured("records")
def _() -> object:
    """Passive translators: those that were written off line, and some to be read off line."""
    from hurd.translator.setting import remove, set_passive, show

    said = {}
    for name in ("old", "new"):
        words = show(f"/drover/{name}")
        with open(f"/drover/{name}") as file:  # noqa: PTH123
            said[name] = [words, file.read()]
    hello = ["/hurd/hello", "--contents"]
    set_passive("/drover/made", ["/hurd/hello", "", "--contents=grüß dich"], create=True)
    for name in ("changed", "removed"):
        set_passive(f"/drover/{name}", [*hello, "first"], create=True)
    set_passive("/drover/changed", [*hello, "changed"])
    remove("/drover/removed")
    return said


@measured("dead server")
def _() -> object:
    """A file whose server is gone; by default SIGLOST ends whoever touches it."""
    statuses = []
    for handler in (signal.SIG_DFL, signal.SIG_IGN):
        system.mount("1M", "/mnt", "tmpfs")
        with open("/mnt/file", "w") as file:  # noqa: PTH123
            file.write("x" * 100)
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                signal.signal(32, handler)
                held = os.open("/mnt/file", os.O_RDONLY)
                os.write(writer, b"x")
                time.sleep(1)
                for _ in range(3):
                    try:
                        os.read(held, 10)
                    except OSError:
                        time.sleep(0.1)
            finally:
                os._exit(7)
        os.read(reader, 1)
        system.unmount("/mnt", force=True)
        statuses.append(os.waitpid(pid, 0)[1])
        os.close(reader)
        os.close(writer)
    return statuses


@measured("names")
def _() -> object:
    """What modules of Python have here."""
    from importlib import import_module

    modules = [
        "errno", "fcntl", "os", "resource", "select", "signal", "socket", "termios", "time",
    ]  # fmt: skip
    return {name: sorted(n for n in dir(import_module(name)) if n[0] != "_") for name in modules}
