"""Runs in the guest, as root: calls the bindings for real and writes down what they returned.

Writes /drover/result.json: for each check ["value", …] or ["error", symbol, text]. Not a test by
itself; test_real_bindings.py starts it and says what the values must be.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable

sys.path.insert(0, "/drover")

from hurd import argz, auth, device, fs, fsys, io, lookup, mach, memory, msg, process, term
from hurd import constants as c
from hurd.errors import HurdError
from hurd.message import Body, call, send
from hurd.notification import PortWatcher
from hurd.ports import Port, PortSet, ReceiveRight
from hurd.rpc.notation import routines
from hurd.structures import Timespec

RESULT = "/drover/result.json"
results: dict[str, object] = {}


def plain(value: object) -> object:
    """A value as JSON has it; ports become True or False, and are closed."""
    if isinstance(value, Port):
        known = bool(value)
        value.close()
        return known
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return {name: plain(item) for name, item in zip(value._fields, value, strict=True)}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def check(name: str, action: Callable[[], object]) -> None:
    with open("/dev/console", "w") as console:  # noqa: PTH123
        console.write(f"check {name}\n")
    try:
        results[name] = ["value", plain(action())]
    except HurdError as error:
        results[name] = ["error", error.symbol or hex(error.errno), str(error)]
    except Exception:
        results[name] = ["broken", traceback.format_exc()]


def node(path: str, flags: int = 0) -> Port:
    return lookup.file_name_lookup(path, flags)


def with_node(path: str, flags: int, action: Callable[[Port], object]) -> Callable[[], object]:
    def run() -> object:
        with node(path, flags) as port:
            return plain(action(port))

    return run


def symbols() -> list[str]:
    """Routines that the libraries of this system lack."""
    from hurd.rpc import library

    missing = []
    for routine in routines():
        if routine.library:
            try:
                library.function(routine.name, routine.library)
            except HurdError as error:
                missing.append(str(error))
    return missing


def stat_like_os(path: str) -> object:
    with node(path) as port:
        ours = io.io_stat(port)
    theirs = os.stat(path)
    pairs = {
        "ino": (ours.st_ino, theirs.st_ino),
        "mode": (ours.st_mode & 0o177777, theirs.st_mode & 0o177777),
        "nlink": (ours.st_nlink, theirs.st_nlink),
        "uid": (ours.st_uid, theirs.st_uid),
        "gid": (ours.st_gid, theirs.st_gid),
        "size": (ours.st_size, theirs.st_size),
        "atime": (ours.st_atim.tv_sec * 10**9 + ours.st_atim.tv_nsec, theirs.st_atime_ns),
        "mtime": (ours.st_mtim.tv_sec * 10**9 + ours.st_mtim.tv_nsec, theirs.st_mtime_ns),
        "ctime": (ours.st_ctim.tv_sec * 10**9 + ours.st_ctim.tv_nsec, theirs.st_ctime_ns),
        "blksize": (ours.st_blksize, theirs.st_blksize),
        "blocks": (ours.st_blocks, theirs.st_blocks),
        "rdev": (ours.st_rdev, theirs.st_rdev),
        "dev": (ours.st_fsid, theirs.st_dev),
    }
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def statfs_like_os() -> object:
    with node("/") as port:
        ours = fs.file_statfs(port)
    theirs = os.statvfs("/")
    return {
        name: [getattr(ours, name), getattr(theirs, name)]
        for name in ("f_bsize", "f_blocks", "f_frsize", "f_files")
        if getattr(ours, name) != getattr(theirs, name)
    }


def names() -> dict[int, int]:
    """Every right of this task, with how many references it has."""
    this = mach.mach_task_self()
    found = {}
    for name, kinds in zip(*mach.mach_port_names(this), strict=True):
        found[name] = sum(
            mach.mach_port_get_refs(this, name, right)
            for right in range(5)
            if kinds & 1 << right + 16
        )
    return found


def leaks(action: Callable[[], object], times: int = 1000) -> Callable[[], object]:
    def run() -> object:
        plain(action())
        before = names()
        for _ in range(times):
            plain(action())
        after = names()
        return sum(after.values()) - sum(before.values())

    return run


# What is looked at.


def tree() -> None:
    check("missing symbols", symbols)
    for path in ("/", "/bin/bash", "/dev/null", "/tmp", "/servers/startup"):
        check(f"stat {path}", lambda path=path: stat_like_os(path))
    check("statfs", statfs_like_os)
    entries = with_node(
        "/", c.O_READ, lambda port: sorted(
            entry.name for entry in fs.parse_entries(fs.dir_readdir(port, 0, -1, 0).data)
        )
    )  # fmt: skip
    check("readdir", lambda: [entries(), sorted([".", "..", *os.listdir("/")])])
    check("numbers", lambda: [[e.number for e in fs.parse_entries(with_data())], numbers_by_os()])
    check("lookup", with_node("/", 0, lambda port: fs.dir_lookup(port, "bin/bash", c.O_READ, 0)))
    check("lookup missing", with_node("/", 0, lambda port: fs.dir_lookup(port, "nowhere", 0, 0)))
    check("name missing", lambda: node("/nowhere/at/all"))
    check("name no directory", lambda: node("/bin/bash/x"))
    check("name long", with_node("/", 0, lambda port: fs.dir_lookup(port, "x" * 1024, 0, 0)))
    check("split", lambda: lookup.file_name_split("/bin/bash"))
    check("split slash", lambda: lookup.directory_name_split("/bin/"))
    check("path", lambda: lookup.file_name_path_lookup("bash", "/nowhere:/bin", c.O_EXEC))
    check("path missing", lambda: lookup.file_name_path_lookup("nothing", "/bin", c.O_EXEC))
    check("under", with_node("/bin", 0, lambda port: lookup.file_name_lookup_under(port, "bash")))
    check("access", with_node("/bin/bash", 0, fs.file_check_access))
    check("fs options", with_node("/", 0, fs.file_get_fs_options))
    check("storage", with_node("/bin/bash", c.O_READ, fs.file_get_storage_info))
    check("handle", with_node("/bin/bash", 0, lambda port: len(fs.file_getfh(port))))
    check("translator of null", with_node("/dev/null", c.O_NOTRANS, fs.file_get_translator))
    check("translator of none", with_node("/bin", c.O_NOTRANS, fs.file_get_translator))
    check("active of none", with_node("/bin", c.O_NOTRANS, fs.file_get_translator_cntl))
    check("mode of null", with_node("/dev/null", c.O_NOTRANS, lambda p: oct(io.io_stat(p).st_mode)))
    check("link node", with_node("/bin/bash", 0, fs.file_getlinknode))
    check("lock stat", with_node("/bin/bash", c.O_READ, fs.file_lock_stat))
    check("sync", with_node("/bin/bash", 0, lambda port: fs.file_sync(port, True, False)))
    check("syncfs", with_node("/", 0, lambda port: fs.file_syncfs(port, True, False)))


def with_data() -> bytes:
    with node("/", c.O_READ) as port:
        return fs.dir_readdir(port, 0, -1, 0).data


def numbers_by_os() -> list[int]:
    found = {entry.name: entry.inode() for entry in os.scandir("/")}
    names = [entry.name for entry in fs.parse_entries(with_data())]
    return [found.get(name, os.stat("/").st_ino) for name in names]


def objects() -> None:
    check("read", with_node("/bin/bash", c.O_READ, lambda port: io.io_read(port, 0, 4)))
    large = with_node("/bin/bash", c.O_READ, lambda port: len(io.io_read(port, 0, 300000)))
    check("read much", large)
    check("read the same", lambda: with_node("/bin/bash", c.O_READ, whole)() == os_read())
    check("seek", with_node("/bin/bash", c.O_READ, lambda port: io.io_seek(port, 7, 0)))
    check("readable", with_node("/bin/bash", c.O_READ, lambda p: io.io_readable(p) > 1000))
    check("openmodes", with_node("/bin/bash", c.O_READ, io.io_get_openmodes))
    check("version", with_node("/", 0, io.io_server_version))
    check("identity", with_node("/", 0, lambda port: io.io_identity(port).fileno))
    check("same node", same_node)
    check("duplicate", with_node("/", 0, io.io_duplicate))
    check("restrict", with_node("/", 0, lambda port: io.io_restrict_auth(port, [0], [0])))
    check("pathconf", with_node("/", 0, lambda port: io.io_pathconf(port, 0)))
    select = c.SELECT_READ | c.SELECT_WRITE
    check("select", with_node("/bin/bash", c.O_READ, lambda port: select_now(port, select)))
    check(
        "select timeout", with_node("/bin/bash", c.O_READ, lambda port: select_wait(port, select))
    )
    check("map", with_node("/bin/bash", c.O_READ, io.io_map))
    check("write only", with_node("/bin/bash", 0, lambda port: io.io_write(port, b"x", 0)))
    check("owner", with_node("/bin/bash", c.O_READ, io.io_get_owner))
    check("of a terminal", with_node("/dev/console", c.O_READ, term.term_get_bottom_type))
    check("terminal name", with_node("/dev/console", c.O_READ, term.term_get_nodename))
    check("no terminal", with_node("/bin/bash", 0, term.term_get_nodename))


def whole(port: Port) -> bytes:
    return io.io_read(port, 100, 5000)


def os_read() -> str:
    with open("/bin/bash", "rb") as file:  # noqa: PTH123
        file.seek(100)
        return str(plain(file.read(5000)))


def same_node() -> object:
    with node("/") as one, node("/bin/..") as two, node("/bin") as other:
        ids = [io.io_identity(port) for port in (one, two, other)]
        same = [ids[0].idport.name == found.idport.name for found in ids]
        systems = [ids[0].fsidport.name == found.fsidport.name for found in ids]
        for found in ids:
            plain(found)
        return [same, systems]


def select_now(port: Port, kinds: int) -> int:
    with mach.mach_reply_port() as reply:
        return io.io_select(port, reply, 100, kinds)


def select_wait(port: Port, kinds: int) -> int:
    with mach.mach_reply_port() as reply:
        return io.io_select_timeout(port, reply, Timespec(2000000000, 0), kinds)


def systems() -> None:
    def control(action: Callable[[Port], object]) -> Callable[[], object]:
        def run() -> object:
            with node("/") as root, fs.file_getcontrol(root) as port:
                return plain(action(port))

        return run

    check("control options", control(lambda port: argz.unpack(fsys.fsys_get_options(port))))
    check("control children", control(fsys.fsys_get_children))
    check("control source", control(fsys.fsys_get_source))
    check("control sync", control(lambda port: fsys.fsys_syncfs(port, True, False)))
    check("control privileges", control(fsys.fsys_getpriv))
    check("control root", control(
        lambda port: fsys.fsys_getroot(port, None, [0], [0], c.O_READ)
    ))  # fmt: skip
    check("control wrong option", control(
        lambda port: fsys.fsys_set_options(port, b"--no-such-option\0", False)
    ))  # fmt: skip
    check("control file", control(file_of_handle))


def file_of_handle(port: Port) -> object:
    with node("/bin/bash") as bash:
        handle = fs.file_getfh(bash)
        number = io.io_stat(bash).st_ino
    with fsys.fsys_getfile(port, [0], [0], handle) as found:
        return io.io_stat(found).st_ino == number


def processes() -> None:
    def proc(action: Callable[[Port], object]) -> Callable[[], object]:
        def run() -> object:
            with lookup.getproc() as port:
                return plain(action(port))

        return run

    me = os.getpid()
    check("pids", proc(lambda port: [process.proc_getpids(port), me, os.getppid()]))
    check("all pids", proc(lambda port: sorted(process.proc_getallpids(port))[:5]))
    check("self in pids", proc(lambda port: me in process.proc_getallpids(port)))
    check("uname", proc(lambda port: [process.proc_uname(port), list(os.uname())]))
    check("args", proc(lambda port: argz.unpack(process.proc_getprocargs(port, me))))
    check("environment", proc(lambda port: sorted(argz.unpack(process.proc_getprocenv(port, me)))))
    check("environment by os", lambda: sorted(f"{k}={v}" for k, v in os.environ.items()))
    everything = (
        c.PI_FETCH_TASKINFO | c.PI_FETCH_THREADS | c.PI_FETCH_THREAD_BASIC
        | c.PI_FETCH_THREAD_SCHED | c.PI_FETCH_TASKEVENTS
    )  # fmt: skip
    check("info", proc(lambda port: process.process_info(port, me, everything)))
    waits = everything | c.PI_FETCH_THREAD_WAITS
    check("info with waits", proc(lambda port: process.process_info(port, 4, waits)))
    check("info missing", proc(lambda port: process.process_info(port, 99999)))
    check("important", proc(lambda port: important(port, 1)))
    check("not important", proc(process.proc_is_important))
    check("task", proc(lambda port: lookup_task(port, me)))
    check("proc of pid", proc(lambda port: process.proc_getpids(process.proc_pid2proc(port, 1))))
    check("missing pid", proc(lambda port: process.proc_pid2task(port, 99999)))
    check("message port", proc(lambda port: process.proc_getmsgport(port, me)))
    check("login ids", proc(lambda port: process.proc_getloginid(port, me)))
    check("login pids", proc(lambda port: me in process.proc_getloginpids(
        port, process.proc_getloginid(port, me)
    )))  # fmt: skip
    check("login", proc(process.proc_getlogin))
    check("session", proc(lambda port: [process.proc_getsid(port, me), os.getsid(0)]))
    check("session pids", proc(lambda port: me in process.proc_getsessionpids(port, os.getsid(0))))
    check("session groups", proc(
        lambda port: os.getpgrp() in process.proc_getsessionpgids(port, os.getsid(0))
    ))  # fmt: skip
    check("group", proc(lambda port: [process.proc_getpgrp(port, me), os.getpgrp()]))
    check("group pids", proc(lambda port: me in process.proc_getpgrppids(port, os.getpgrp())))
    check("ports of process", proc(lambda port: process.proc_getnports(port, me) > 5))
    check("exe", proc(lambda port: process.proc_get_exe(port, me)))
    check("code", proc(process.proc_get_code))
    check("entry", proc(lambda port: process.proc_get_entry(port) > 0))
    check("arg locations", proc(lambda port: all(process.proc_get_arg_locations(port))))
    check("privileged", proc(process.proc_getprivports))
    check("privileged by libc", lookup.get_privileged_ports)
    check("exec data", proc(process.proc_getexecdata))
    check("children usage", proc(process.proc_getchildren_rusage))
    check("wait none", proc(lambda port: process.proc_wait(port, -1, c.WNOHANG)))
    check("wait child", wait_child)
    check("tty", proc(lambda port: process.proc_get_tty(port, me)))
    check("version", proc(lambda port: io.io_server_version(port)))


def important(port: Port, pid: int) -> bool:
    with process.proc_pid2proc(port, pid) as other:
        return process.proc_is_important(other)


def lookup_task(port: Port, pid: int) -> object:
    with process.proc_pid2task(port, pid) as task, process.proc_task2proc(port, task) as again:
        with process.proc_proc2task(again) as same, lookup.pid2task(pid) as libc:
            return [
                process.proc_task2pid(port, task) == pid,
                same.name == task.name == libc.name == mach.mach_task_self().name,
                lookup.task2pid(task) == pid,
            ]


def wait_child() -> object:
    child = os.posix_spawn("/bin/true", ["true"], {})
    with lookup.getproc() as port:
        found = process.proc_waitid(port, child, c.WEXITED)
        return [found.pid_status == child, found.status]


def identities() -> None:
    with lookup.getauth() as handle:
        check("ids", lambda: [auth.auth_getids(handle), os.geteuid(), os.getegid()])
        check("make auth", lambda: made_auth(handle))
        check("authenticate", lambda: authenticated(handle))
    check("password", with_node("/servers/password", 0, wrong_password))


def made_auth(handle: Port) -> object:
    with auth.auth_makeauth(handle, [], [1000], [1000, 0], [5], []) as made:
        return auth.auth_getids(made)


def wrong_password(port: Port) -> object:
    from hurd.password import password_check_user

    return password_check_user(port, 0, "not the password")


def authenticated(handle: Port) -> object:
    """Both halves of the handshake, played by two threads."""
    found: list[object] = []
    with ReceiveRight.allocate() as rendezvous, ReceiveRight.allocate() as given:

        def serve() -> None:
            with lookup.getauth() as own:
                ids = auth.auth_server_authenticate(
                    own,
                    rendezvous,
                    given,
                    rendezvous_disposition=c.MACH_MSG_TYPE_MAKE_SEND,
                )
                found.append(plain(ids))

        thread = threading.Thread(target=serve)
        thread.start()
        with auth.auth_user_authenticate(handle, rendezvous) as port:
            found.append(port.name == given.name)
        thread.join()
    return found


def messages_to_self() -> None:
    this = mach.mach_task_self()

    def own(action: Callable[[Port], object]) -> Callable[[], object]:
        def run() -> object:
            with lookup.getproc() as proc, process.proc_getmsgport(proc, os.getpid()) as port:
                return plain(action(port))

        return run

    check("init port", own(lambda p: msg.msg_get_init_port(p, this, c.INIT_PORT_PROC)))
    check("init ports", own(lambda p: msg.msg_get_init_ports(p, this)))
    check("init int", own(lambda p: oct(msg.msg_get_init_int(p, this, c.INIT_UMASK))))
    check("init ints", own(lambda p: len(msg.msg_get_init_ints(p, this))))
    check("descriptors", own(lambda p: msg.msg_get_dtable(p, this)[:3]))
    check("descriptor", own(lambda p: msg.msg_get_fd(p, this, 1)))
    check("no descriptor", own(lambda p: msg.msg_get_fd(p, this, 99)))
    check("its environment", own(lambda p: sorted(argz.unpack(msg.msg_get_environment(p)))))
    check("variable", own(lambda p: msg.msg_get_env_variable(p, "PATH")))
    check("no variable", own(lambda p: msg.msg_get_env_variable(p, "NOT_SET")))
    check("set variable", own(lambda p: msg.msg_set_env_variable(p, this, "DROVER", "1", True)))
    check("variable set", own(lambda p: msg.msg_get_env_variable(p, "DROVER")))
    check("signal", own(lambda p: msg.msg_sig_post(p, 0, 0, this)))
    check("signal refused", own(lambda p: msg.msg_sig_post(p, 15, 0, p)))
    check("kill", killed)


def killed() -> object:
    child = os.posix_spawn("/bin/sleep", ["sleep", "30"], {})
    time.sleep(0.5)
    with lookup.getproc() as proc, process.proc_pid2task(proc, child) as task:
        with process.proc_getmsgport(proc, child) as port:
            msg.msg_sig_post(port, 15, 0, task)
        again = os.posix_spawn("/bin/sleep", ["sleep", "30"], {})
        time.sleep(0.5)
        with process.proc_pid2task(proc, again) as other:
            lookup.hurd_sig_post(again, 10, other)
    return [os.waitpid(child, 0)[1], os.waitpid(again, 0)[1]]


def kernel() -> None:
    this = mach.mach_task_self()
    check("task info", lambda: mach.task_basic_info(this))
    check("task events", lambda: mach.task_events_info(this))
    check("bad flavor", lambda: mach.task_info(this, 77))
    check("threads", lambda: len([t.close() for t in mach.task_threads(this)]) >= 2)
    check("thread info", with_thread(mach.thread_basic_info))
    check("thread name", with_thread(named_thread))
    check("special port", lambda: mach.task_get_special_port(this, c.TASK_KERNEL_PORT))
    check("registered", lambda: mach.mach_ports_lookup(this))
    check("port names", lambda: len(mach.mach_port_names(this).names) > 5)
    check("set name", lambda: mach.task_set_name(this, "bindings"))

    def host(action: Callable[[Port], object]) -> Callable[[], object]:
        def run() -> object:
            with mach.mach_host_self() as port:
                return plain(action(port))

        return run

    def privileged(action: Callable[[Port], object]) -> Callable[[], object]:
        def run() -> object:
            host_priv, master = lookup.get_privileged_ports()
            with host_priv, master:
                return plain(action(host_priv))

        return run

    check("host info", host(mach.host_basic_info))
    check("host load", host(mach.host_load_info))
    check("kernel version", host(mach.host_get_kernel_version))
    check("time", host(lambda port: abs(mach.host_get_time64(port).seconds - time.time()) < 3))
    check("uptime", host(lambda port: 0 < mach.host_get_uptime64(port).seconds < 10000))
    check("adjust time", privileged(lambda port: mach.host_adjust_time64(
        port, type(mach.host_get_uptime64(port))(0, 0)
    )))  # fmt: skip
    check("processor set", host(mach.processor_set_default))
    check("processor sets", privileged(mach.host_processor_sets))
    check("tasks of the machine", privileged(all_tasks))
    check("virtual memory", lambda: memory.vm_statistics(this))
    check("cache", lambda: memory.vm_cache_statistics(this))
    check("allocate", allocated)
    check("region", lambda: memory.vm_region(this, 0))
    check("size limit", lambda: memory.vm_get_size_limit(this))
    check("default pager", privileged(lambda p: memory.vm_set_default_memory_manager(p, None)))
    check("task", made_task)
    check("device", with_device(lambda port: device.device_get_status(port, 0)))
    check("device missing", lambda: opened_device("nothing"))
    check(
        "device read", with_device(lambda port: device.device_read(port, 0, 0, 512)[510:512].hex())
    )
    check("device inband", with_device(
        lambda port: len(device.device_read_inband(port, 0, 0, 128))
    ))  # fmt: skip
    check("null destination", lambda: fs.file_getcontrol(Port(0)))
    check("wrong server", with_node("/", 0, lambda port: process.proc_getpids(port)))
    check("bad name", lambda: mach.mach_port_type(this, 0x7FFFFFF3))


def with_thread(action: Callable[[Port], object]) -> Callable[[], object]:
    def run() -> object:
        with mach.mach_thread_self() as thread:
            return plain(action(thread))

    return run


def named_thread(thread: Port) -> str:
    mach.thread_set_name(thread, "bindings")
    return mach.thread_get_name(thread)


def all_tasks(host: Port) -> object:
    with mach.processor_set_default(host) as name, mach.host_processor_set_priv(host, name) as pset:
        tasks = mach.processor_set_tasks(pset)
        for task in tasks:
            task.close()
        return len(tasks) > 5


def allocated() -> object:
    this = mach.mach_task_self()
    address = memory.vm_allocate(this, 0, 8192, True)
    memory.vm_write(this, address, b"drover".ljust(4096, b"\0"))
    read = memory.vm_read(this, address, 4096)
    memory.vm_deallocate(this, address, 8192)
    return [read[:6].decode(), len(read)]


def made_task() -> object:
    with mach.task_create(mach.mach_task_self(), False) as task:
        mach.task_suspend(task)
        count = mach.task_basic_info(task).suspend_count
        mach.task_resume(task)
        mach.task_priority(task, 25, False)
        mach.task_terminate(task)
        kinds = mach.mach_port_type(mach.mach_task_self(), task.name)
        return [count, bool(kinds & c.MACH_PORT_TYPE_DEAD_NAME)]


def opened_device(name: str) -> Port:
    host, master = lookup.get_privileged_ports()
    with host, master:
        return device.device_open(master, c.D_READ, name)


def with_device(action: Callable[[Port], object]) -> Callable[[], object]:
    def run() -> object:
        with opened_device("hd0") as port:
            return plain(action(port))

    return run


# What is changed.


def changes() -> None:
    os.mkdir("/tmp/b")

    def inside(action: Callable[[Port], object]) -> Callable[[], object]:
        return with_node("/tmp/b", 0, action)

    check("mkdir", inside(lambda port: fs.dir_mkdir(port, "sub", 0o755)))
    check("mkdir again", inside(lambda port: fs.dir_mkdir(port, "sub", 0o755)))
    check("rmdir", inside(lambda port: fs.dir_rmdir(port, "sub")))
    check("mkfile", inside(made_file))
    check("written", lambda: open("/tmp/b/file").read())  # noqa: PTH123, SIM115
    check("rename", inside(lambda port: fs.dir_rename(port, "file", port, "other", True)))
    check("unlink missing", inside(lambda port: fs.dir_unlink(port, "file")))
    check("attributes", attributes)
    check("lock", with_node("/tmp/b/other", c.O_READ | c.O_WRITE, locked))
    check("truncate", with_node("/tmp/b/other", c.O_WRITE, truncated))
    check("modes", with_node("/tmp/b/other", c.O_WRITE, changed_modes))
    check("passive", with_node("/tmp/b/other", c.O_NOTRANS, passive))
    check("passive without NUL", with_node("/tmp/b/other", c.O_NOTRANS, lambda port:
        fs.file_set_translator(port, c.FS_TRANS_SET, 0, 0, b"/hurd/hello", None)
    ))  # fmt: skip
    check("control of own port", with_node("/tmp/b/other", c.O_NOTRANS, active))
    check("notice", noticed)
    check("openport", opened)
    check("unlink", inside(lambda port: fs.dir_unlink(port, "other")))


def made_file(directory: Port) -> object:
    with fs.dir_mkfile(directory, c.O_WRITE, 0o640) as made:
        count = io.io_write(made, b"by hand\n" * 1000, -1)
        fs.dir_link(directory, made, "file", True)
        return count


def attributes() -> object:
    with node("/tmp/b/other", c.O_NOTRANS) as port:
        fs.file_chmod(port, 0o604)
        fs.file_chown(port, 12, -1)
        fs.file_chauthor(port, 13)
        fs.file_utimens(port, Timespec(1000, 0), Timespec(2000, 0))
    found = os.stat("/tmp/b/other")
    with node("/tmp/b/other") as port:
        author = io.io_stat(port).st_author
    return [oct(found.st_mode), found.st_uid, author, found.st_atime, found.st_mtime]


def locked(port: Port) -> object:
    fs.file_lock(port, c.LOCK_EX | c.LOCK_NB)
    mine = fs.file_lock_stat(port)
    with node("/tmp/b/other", c.O_READ) as other:
        try:
            fs.file_lock(other, c.LOCK_SH | c.LOCK_NB)
            refused = ""
        except HurdError as error:
            refused = error.symbol
    fs.file_lock(port, c.LOCK_UN)
    return [plain(mine), refused]


def truncated(port: Port) -> object:
    fs.file_set_size(port, 5)
    return os.stat("/tmp/b/other").st_size


def changed_modes(port: Port) -> object:
    io.io_set_some_openmodes(port, c.O_APPEND)
    with_append = io.io_get_openmodes(port)
    io.io_clear_some_openmodes(port, c.O_APPEND)
    return [bool(with_append & c.O_APPEND), bool(io.io_get_openmodes(port) & c.O_APPEND)]


def passive(port: Port) -> object:
    record = argz.pack(["/hurd/hello", "--contents=" + "long " * 600])
    fs.file_set_translator(port, c.FS_TRANS_SET, 0, 0, record, None)
    read = fs.file_get_translator(port) == record
    try:
        fs.file_set_translator(port, c.FS_TRANS_SET | c.FS_TRANS_EXCL, 0, 0, record, None)
        second = ""
    except HurdError as error:
        second = error.symbol
    has = bool(io.io_stat(port).st_mode & c.S_IPTRANS)
    fs.file_set_translator(port, c.FS_TRANS_SET, 0, 0, b"", None)
    return [read, second, has, bool(io.io_stat(port).st_mode & c.S_IPTRANS)]


def active(port: Port) -> object:
    """A port of ours as the control port of a translator; it dies, and the node is bare again."""
    right = ReceiveRight.allocate()
    control = right.make_send()
    name = control.name
    fs.file_set_translator(
        port, 0, c.FS_TRANS_SET, 0, b"", control, disposition=c.MACH_MSG_TYPE_MOVE_SEND
    )
    gone = not control
    with fs.file_get_translator_cntl(port) as found:
        same = found.name == name == right.name
    right.close()
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            fs.file_get_translator_cntl(port).close()
        except HurdError as error:
            return [gone, same, error.symbol]
        time.sleep(0.05)
    return [gone, same, "still there"]


def noticed() -> object:
    """The directory tells of a new file by a message (dir_changed, 20500 and up)."""
    with ReceiveRight.allocate() as right, node("/tmp/b") as directory:
        fs.dir_notice_changes(directory, right)
        found = []
        with right.receive(5000) as message:
            found.append([message.id, plain(message.items)])
            message.reply(0)
        with open("/tmp/b/new", "w"):  # noqa: PTH123
            pass
        with right.receive(5000) as message:
            found.append([message.id, plain(message.items)])
            message.reply(0)
    os.unlink("/tmp/b/new")
    return found


def opened() -> object:
    port = node("/tmp/b/other", c.O_READ)
    fd = lookup.openport(port, c.O_READ)
    try:
        with lookup.getdport(fd) as again:
            return [not port, os.fstat(fd).st_size, bool(again)]
    finally:
        os.close(fd)


# Messages and notifications.


def ports() -> None:
    check("receive nothing", lambda: time_of(lambda: receive_nothing()))
    check("message", sent)
    check("large message", sent_large)
    check("call", called)
    check("call dropped", lambda: called_badly(None))
    check("set", from_set)
    check("no senders", no_senders)
    check("dead name", died)
    check("watcher", watched)
    check("watcher of a process", watched_process)
    check("rename", renamed)
    check("extract", extracted)


def time_of(action: Callable[[], object]) -> object:
    begin = time.monotonic()
    result = action()
    return [result, 0.05 < time.monotonic() - begin < 2]


def receive_nothing() -> str:
    with ReceiveRight.allocate() as right:
        try:
            right.receive(100)
        except HurdError as error:
            return error.symbol
    return ""


def sent() -> object:
    with ReceiveRight.allocate() as right, right.make_send() as to, lookup.getproc() as proc:
        send(to, 99, Body().integer(-5).data(b"bytes").integers([1, 2, 3]).port(proc).port(None))
        with right.receive(1000) as message:
            port = message.items[3]
            assert isinstance(port, Port)
            same = port.name == proc.name
            return [message.id, message.port == right.name, plain(message.items), same]


def sent_large() -> object:
    big = bytes(range(256)) * 1000
    with ReceiveRight.allocate() as right, right.make_send() as to:
        send(to, 99, Body().data(big).data(b"y" * 1500).data(b"z" * 1500).data(b"x" * 1500))
        with right.receive(1000) as message:
            return [message.items[0] == big, [len(item) for item in message.items]]  # type: ignore[arg-type]


def called() -> object:
    with ReceiveRight.allocate() as right, right.make_send() as to:

        def serve() -> None:
            with right.receive(5000) as request:
                request.reply(0, Body().integer(request.integer(0) * 2).data(b"ok"))

        thread = threading.Thread(target=serve)
        thread.start()
        answer = call(to, 4321, Body().integer(21), "test")
        thread.join()
        return plain(answer.items)


def called_badly(_: object) -> object:
    with ReceiveRight.allocate() as right, right.make_send() as to:
        thread = threading.Thread(target=lambda: right.receive(5000).close())
        thread.start()
        try:
            return plain(call(to, 4321, Body(), "test").items)
        finally:
            thread.join()


def from_set() -> object:
    with (
        PortSet.allocate() as group,
        ReceiveRight.allocate() as one,
        ReceiveRight.allocate() as two,
    ):
        group.add(one)
        group.add(two)
        with two.make_send() as to:
            send(to, 5)
        return group.receive(1000).port == two.name


def no_senders() -> object:
    with ReceiveRight.allocate() as right:
        port = right.make_send()
        right.request_no_senders()
        port.close()
        with right.receive(1000) as message:
            return [message.id, plain(message.items)]


def died() -> object:
    this = mach.mach_task_self()
    with ReceiveRight.allocate() as notices:
        right = ReceiveRight.allocate()
        port = right.make_send()
        mach.mach_port_request_notification(
            this, port.name, c.MACH_NOTIFY_DEAD_NAME, 1, notices
        ).close()
        right.close()
        with notices.receive(1000) as message:
            found = [message.id, message.items == [port.name]]
        refs = mach.mach_port_get_refs(this, port.name, c.MACH_PORT_RIGHT_DEAD_NAME)
        mach.mach_port_deallocate(this, port.name)
        port.close()
        return [*found, refs]


def watched() -> object:
    """Deaths and messages, through a watcher; one watch withdrawn."""
    events: list[str] = []
    done = threading.Event()

    def deliver(action: Callable[[], None]) -> None:
        action()
        if len(events) == 2:
            done.set()

    before = names()
    with PortWatcher(deliver) as watcher:
        one, two = ReceiveRight.allocate(), ReceiveRight.allocate()
        with one.make_send() as send_one, two.make_send() as send_two:
            watcher.on_death(send_one, lambda: events.append("one"))
            watcher.on_death(send_two, lambda: events.append("two")).cancel()
        inbox = ReceiveRight.allocate()

        def handle(message) -> None:  # type: ignore[no-untyped-def]
            events.append(f"message {message.id}")
            message.close()

        watcher.on_message(inbox, handle)
        two.close()
        one.close()
        with inbox.make_send() as to:
            send(to, 77)
        done.wait(5)
        inbox.close()
    after = names()
    return [sorted(events), sum(after.values()) - sum(before.values())]


def watched_process() -> object:
    done = threading.Event()
    child = os.posix_spawn("/bin/sleep", ["sleep", "30"], {})
    with PortWatcher(lambda action: action()) as watcher:
        with lookup.pid2task(child) as task:
            watcher.on_death(task, done.set)
        alive = not done.wait(0.3)
        os.kill(child, 9)
        begin = time.monotonic()
        died = done.wait(5)
        quick = time.monotonic() - begin < 1
    os.waitpid(child, 0)
    return [alive, died, quick]


def renamed() -> object:
    this = mach.mach_task_self()
    name = mach.mach_port_allocate(this, c.MACH_PORT_RIGHT_RECEIVE)
    mach.mach_port_rename(this, name, 0x12345)
    kinds = mach.mach_port_type(this, 0x12345)
    mach.mach_port_set_qlimit(this, 0x12345, 3)
    status = mach.mach_port_get_receive_status(this, 0x12345)
    mach.mach_port_destroy(this, 0x12345)
    return [kinds, status.mps_qlimit]


def extracted() -> object:
    this = mach.mach_task_self()
    with ReceiveRight.allocate() as right:
        found = mach.mach_port_extract_right(this, right.name, c.MACH_MSG_TYPE_MAKE_SEND)
        with found.right:
            return [found.right.name == right.name, found.right_disposition]


# A thousand of each.


def count() -> None:
    check("leak lookup", leaks(lambda: node("/bin/bash")))
    check("leak stat", leaks(with_node("/bin/bash", 0, io.io_stat)))
    check("leak readdir", leaks(lambda: len(with_data())))
    check(
        "leak read", leaks(with_node("/bin/bash", c.O_READ, lambda p: len(io.io_read(p, 0, 9000))))
    )
    check("leak proc", leaks(lambda: [lookup_task(lookup.getproc(), os.getpid())], 1))
    check("leak failure", leaks(failing))
    check("leak ids", leaks(lambda: with_auth()))
    check("leak message", leaks(sent))
    check("leak task", leaks(made_task, 200))
    check("leak control", leaks(control_options))
    check("leak death", leaks(died, 200))


def failing() -> None:
    for action in (lambda: node("/nowhere"), lambda: fs.file_get_translator(Port(0))):
        try:
            action()
        except HurdError:
            pass


def with_auth() -> object:
    with lookup.getauth() as handle:
        return made_auth(handle)


def control_options() -> object:
    with node("/") as root, fs.file_getcontrol(root) as port:
        return fsys.fsys_get_options(port)


def cost() -> None:
    with node("/") as root, lookup.getproc() as proc:
        for name, action in {
            "io_stat": lambda: io.io_stat(root),
            "proc_getpids": lambda: process.proc_getpids(proc),
            "mach_port_type": lambda: mach.mach_port_type(mach.mach_task_self(), root.name),
            "os.stat": lambda: os.stat("/"),
        }.items():
            begin = time.monotonic()
            for _ in range(500):
                action()
            results[f"cost {name}"] = ["value", round((time.monotonic() - begin) * 2, 3)]


def main() -> None:
    groups = (
        tree, objects, systems, processes, identities, messages_to_self, kernel, changes, ports,
        count, cost,
    )  # fmt: skip
    for group in groups:
        check(f"group {group.__name__}", group)
        with open(RESULT, "w") as file:  # noqa: PTH123
            json.dump(results, file)
            file.flush()
            os.fsync(file.fileno())


if __name__ == "__main__":
    main()
