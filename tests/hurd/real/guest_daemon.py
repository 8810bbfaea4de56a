"""Runs in the guest, as root: `hurd.system` on the real Hurd, then the daemon as a normal process.

Writes /drover/result.json. Not a test by itself; `machine` starts it, the tests look at the result.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
import traceback

sys.path.insert(0, "/drover")

RESULT = "/drover/result.json"
PLACE = "/run/daemon"
SOCKET = f"{PLACE}/socket"
found: dict[str, object] = {}


def say(text: str) -> None:
    """Tell the console how far we are."""
    with open("/dev/console", "w") as console:  # noqa: PTH123
        console.write(f"drover: {text}\n")


def measured(name: str):
    """Run a function now; keep what it returns, or the error, and how long it took."""

    def decorate(function):
        say(name)
        begin = time.monotonic()
        try:
            found[name] = function()
        except BaseException:
            found[name] = {"error": traceback.format_exc()}
            say(traceback.format_exc())
        found[f"{name} seconds"] = round(time.monotonic() - begin, 2)
        return function

    return decorate


def in_child(function) -> object:
    """What a function returns in a process of its own, which leads no session yet."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            answer = function()
        except BaseException:
            answer = {"error": traceback.format_exc()}
        os.write(writer, json.dumps(answer).encode())
        os._exit(0)
    os.close(writer)
    said = b""
    while part := os.read(reader, 4096):
        said += part
    os.close(reader)
    os.waitpid(pid, 0)
    return json.loads(said)


from hurd.system import SpawnError, SpawnSpec, system  # noqa: E402

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


@measured("credentials")
def _() -> object:
    """A sender that names itself, as BSD's and the Hurd's programs may."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    passed = system.pass_credentials(ours)
    theirs.sendmsg([b"x"], [(socket.SOL_SOCKET, 3, bytes(84))])
    data, ancillary, _, _ = ours.recvmsg(16, 1024)
    return [passed, data.decode(), system.sender_credentials(ancillary), os.getpid(),
            system.peer_credentials(ours)]  # fmt: skip


@measured("sockets that serve again")
def _() -> object:
    """Files that a former socket has left; those of "/tmp" others could replace."""
    said = {}
    os.mkdir("/drover/sockets", 0o700)
    for name in ("/drover/sockets/stream", "/drover/sockets/used", "/drover/sockets/bent",
                 "/drover/sockets/theirs", "/tmp/replaceable"):  # fmt: skip
        first, second = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
        first.bind(name)
        if name.endswith("theirs"):
            os.chown(name, 1000, 1000)
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


# The daemon


@measured("names")
def _() -> object:
    """What modules of Python have here."""
    from importlib import import_module

    modules = [
        "errno", "fcntl", "os", "resource", "select", "signal", "socket", "termios", "time",
    ]  # fmt: skip
    return {name: sorted(n for n in dir(import_module(name)) if n[0] != "_") for name in modules}


CONFIGURATION = f"""
(register-services
 (list (service '(sleeper)
         #:start (make-forkexec-constructor '("sleep" "1000"))
         #:stop (make-kill-destructor))
       (service '(printer)
         #:start (make-forkexec-constructor '("sh" "-c" "echo printed; exec sleep 1000")
                  #:log-file "{PLACE}/printer.log")
         #:stop (make-kill-destructor))
       (service '(crasher)
         #:respawn? #t #:respawn-limit '(2 . 100)
         #:start (make-forkexec-constructor '("sh" "-c" "exit 3"))
         #:stop (make-kill-destructor))
       (service '(user)
         #:start (make-forkexec-constructor '("sleep" "1000") #:user "nobody"
                  #:group "nogroup" #:resource-limits '((nofile 64 64)))
         #:stop (make-kill-destructor))
       (service '(reporter)
         #:start (make-forkexec-constructor '("/usr/bin/python3" "-I" "-S" "{PLACE}/reporter")
                  #:notify 'sd)
         #:stop (make-kill-destructor))
       (service '(local)
         #:start (make-inetd-constructor
                  '("cat") (list (endpoint (make-socket-address AF_UNIX "{PLACE}/local"))))
         #:stop (make-inetd-destructor))
       (service '(forked)
         #:start (make-forkexec-constructor
                  '("sh" "-c" "sleep 1000 & echo $! > {PLACE}/pid") #:pid-file "{PLACE}/pid")
         #:stop (make-kill-destructor))))
(start-in-the-background '(sleeper printer))
"""

REPORTER = """
import os, socket, time
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
    for text in ("STATUS=here", "ERRNO=1073741826", "READY=1"):
        sock.sendto(text.encode(), os.environ["NOTIFY_SOCKET"])
time.sleep(1000)
"""

MAIN = """
import sys
sys.path[:0] = ["/drover", "/usr/lib/python3/dist-packages"]
from {module} import main
sys.exit(main())
"""


def herd(*words: str, timeout: float = 60) -> list[object]:
    """The exit status and what `herd` printed."""
    command = ["/usr/bin/python3", "-I", "-S", f"{PLACE}/herd", "-s", SOCKET, *words]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout,
        check=False,
    )  # fmt: skip
    return [done.returncode, done.stdout]


def until(condition, seconds: float = 60) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def log() -> str:
    with open(f"{PLACE}/log", errors="replace") as file:  # noqa: PTH123
        return file.read()


daemon: subprocess.Popen | None = None


@measured("daemon starts")
def _() -> object:
    global daemon
    os.makedirs(PLACE, 0o700)
    for name, text in (
        ("config.scm", CONFIGURATION), ("reporter", REPORTER),
        ("herd", MAIN.format(module="pid1.herd")),
        ("shepherd", MAIN.format(module="boot.shepherd")),
    ):  # fmt: skip
        with open(f"{PLACE}/{name}", "w") as file:  # noqa: PTH123
            file.write(text)
    errors = open(f"{PLACE}/errors", "w")  # noqa: PTH123, SIM115
    daemon = subprocess.Popen(
        ["/usr/bin/python3", "-I", "-S", f"{PLACE}/shepherd", "-s", SOCKET, "-l", f"{PLACE}/log",
         "-c", f"{PLACE}/config.scm"],
        stdin=subprocess.DEVNULL, stdout=errors, stderr=errors,
        env={"PATH": "/bin:/sbin:/usr/bin"},
    )  # fmt: skip
    listening = until(lambda: os.path.exists(SOCKET) or daemon.poll() is not None)
    ready = until(
        lambda: (
            (os.path.exists(f"{PLACE}/log") and "onfiguration" in log())
            or daemon.poll() is not None
        )
    )
    return [listening, ready, daemon.poll()]


def commands() -> None:
    for words in (
        ("status",), ("start", "printer"), ("status", "printer"), ("start", "crasher"),
        ("start", "user"), ("status", "user"), ("stop", "user"), ("start", "reporter"),
        ("status", "reporter"), ("stop", "reporter"), ("start", "forked"), ("status", "forked"),
        ("stop", "forked"), ("start", "local"), ("stop", "absent"),
    ):  # fmt: skip
        measured(f"herd {' '.join(words)}")(lambda words=words: herd(*words))


commands()


@measured("connection")
def _() -> object:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(f"{PLACE}/local")
        client.sendall(b"hello\n")
        readable = select.select([client], [], [], 20)[0]
        return [client.recv(100).decode() if readable else None]


for words in (("stop", "local"), ("stop", "printer"), ("stop", "sleeper"), ("start", "sleeper"),
              ("status", "crasher"), ("doc", "root")):  # fmt: skip
    measured(f"herd again {' '.join(words)}")(lambda words=words: herd(*words))


@measured("re-execution")
def _() -> object:
    before = herd("status", "sleeper")[1]
    answer = herd("reexec", "root")
    took = until(lambda: "Took over" in log())
    return [answer, took, before, herd("status", "sleeper")[1]]


@measured("end")
def _() -> object:
    assert daemon is not None
    answer = herd("stop", "root")
    try:
        return [answer, daemon.wait(60), os.path.exists(SOCKET)]
    finally:
        if daemon.poll() is None:
            daemon.kill()


for name in ("log", "errors"):
    try:
        with open(f"{PLACE}/{name}", errors="replace") as file:  # noqa: PTH123
            found[name] = file.read()
    except OSError as error:
        found[name] = str(error)

with open(RESULT, "w") as file:  # noqa: PTH123
    json.dump(found, file, default=str)
os.sync()

# Unlike the script that runs this, which would ask for it with reboot(8).
say("system.reboot")
system.reboot("reboot")
