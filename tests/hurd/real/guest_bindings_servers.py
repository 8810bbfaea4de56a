"""Runs in the guest: processes, identities, and this process's own message port."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

from guest_checks import check, plain, with_node

from hurd import argz, auth, io, lookup, mach, msg, password, process, process_groups
from hurd import constants as c
from hurd.ports import Port, ReceiveRight
from hurd.process_info import process_info


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
    check("info", proc(lambda port: process_info(port, me, everything)))
    waits = everything | c.PI_FETCH_THREAD_WAITS
    check("info with waits", proc(lambda port: process_info(port, 1, waits)))
    check("info missing", proc(lambda port: process_info(port, 99999)))
    check("important", proc(lambda port: important(port, 1)))
    check("not important", proc(process.proc_is_important))
    check("task of process", proc(lambda port: lookup_task(port, me)))
    check("proc of pid", proc(lambda port: process.proc_getpids(process.proc_pid2proc(port, 1))))
    check("missing pid", proc(lambda port: process.proc_pid2task(port, 99999)))
    check("message port", proc(lambda port: process.proc_getmsgport(port, me)))
    check("login ids", proc(lambda port: process_groups.proc_getloginid(port, me)))
    check("login pids", proc(lambda port: me in process_groups.proc_getloginpids(
        port, process_groups.proc_getloginid(port, me)
    )))  # fmt: skip
    check("login", proc(process_groups.proc_getlogin))
    check("session", proc(lambda port: [process_groups.proc_getsid(port, me), os.getsid(0)]))
    check(
        "session pids",
        proc(lambda port: me in process_groups.proc_getsessionpids(port, os.getsid(0))),
    )
    check("session groups", proc(
        lambda port: os.getpgrp() in process_groups.proc_getsessionpgids(port, os.getsid(0))
    ))  # fmt: skip
    check("group", proc(lambda port: [process_groups.proc_getpgrp(port, me), os.getpgrp()]))
    check(
        "group pids", proc(lambda port: me in process_groups.proc_getpgrppids(port, os.getpgrp()))
    )
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
    check("tty", proc(lambda port: process_groups.proc_get_tty(port, me)))
    check("version", proc(lambda port: io.io_server_version(port)))


def important(port: Port, pid: int) -> bool:
    with process.proc_pid2proc(port, pid) as other:
        return process.proc_is_important(other)


def own_task() -> object:
    with lookup.getproc() as port:
        return lookup_task(port, os.getpid())


def lookup_task(port: Port, pid: int) -> object:
    with (
        process.proc_pid2task(port, pid) as task,
        process.proc_task2proc(port, task) as again,
        process.proc_proc2task(again) as same,
        lookup.pid2task(pid) as libc,
    ):
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
    passwords()


def made_auth(handle: Port) -> object:
    with auth.auth_makeauth(handle, [], [1000], [1000, 0], [5], []) as made:
        return auth.auth_getids(made)


# Of "sesame", as crypt(3) makes it.
SESAME = (
    "$6$drover$THtft4L1.dPGbU.MmLzvD23o5RCq94"
    "Ina1KlwMx1FECsyWj.QiTY5yQmfiEkurzddV2DheW/S0Y0l5NZuvq.u."
)
ACCOUNTS = f"""root:{{root}}:0:0:root:/root:/bin/sh
somebody:{SESAME}:4242:4242::/:/bin/sh
locked:*:4243:4243::/:/bin/sh
"""


def passwords() -> None:
    for root in ("", SESAME):
        with open("/etc/passwd", "w") as accounts:  # noqa: PTH123
            accounts.write(ACCOUNTS.format(root=root))
        for user in ("4242", "4243", "99999"):
            for word in ("sesame", "wrong"):
                name = f"{user} by {word}{', root by one' if root else ''}"
                check(name, with_node("/servers/password", 0, identity(user, word)))


def identity(user: str, word: str) -> Callable[[Port], object]:
    def run(server: Port) -> object:
        with password.password_check_user(server, int(user), word) as made:
            return auth.auth_getids(made)

    return run


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
