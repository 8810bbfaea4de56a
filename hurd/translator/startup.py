"""Starting a program as a translator: a task of its own, and the fsys_startup exchange with it.

The program finds a bootstrap port among its initial ports, sends its control port there and gets
the node that it is to sit on. Everything is done by RPC as in the Hurd's libfshelp
(start-translator-long.c); nothing is left behind if it fails.
"""

from __future__ import annotations

import os
import time

from hurd import argz, codes, constants, fs, lookup, mach, process
from hurd.auth import auth_user_authenticate
from hurd.errors import HurdError
from hurd.ports import Port, ReceiveRight
from hurd.translator.control import Translator, end_task
from hurd.translator.errors import Naming
from hurd.translator.handshake import exchange

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypedDict

    class Program(TypedDict, total=False):
        """How a translator's program is started: see `start_translator`."""

        timeout: float | None
        environment: Sequence[str]
        descriptors: Sequence[int | None]
        auth: Port | None
        owner: int | None

    # Gives the node below the translator, opened with the flags that it asks for. Called with
    # these flags and the process id while the translator waits.
    OpenUnderlying = Callable[[int, int], Port]

# What settrans waits for a translator, in seconds.
DEFAULT_TIMEOUT = 60.0

# The priority of ordinary tasks, BASEPRI_USER of the kernel's kern/sched.h.
_USER_PRIORITY = 25

# How long a terminated task may take to become a process that can be waited for, in seconds.
_REAP_TIMEOUT = 2.0


def start_translator(
    argv: Sequence[str],
    open_underlying: OpenUnderlying,
    *,
    timeout: float | None = DEFAULT_TIMEOUT,
    environment: Sequence[str] = (),
    descriptors: Sequence[int | None] = (None, None, 2),
    auth: Port | None = None,
    owner: int | None = None,
) -> Translator:
    """Start `argv` as a translator and return it when it has told its control port.

    `timeout` is in seconds from the start of the program on; None or 0 waits for ever.
    `environment` holds "NAME=VALUE" words (the native tools give none), `descriptors` the files
    that become 0, 1, 2 … of the program. `auth` is the identity it runs with, by default ours;
    `owner` the user whom its process belongs to, by default the effective user.

    Raises `TranslatorError`: about `argv[0]` with the error of looking it up or executing it, EDIED
    if it ended before the exchange, MACH_RCV_TIMED_OUT if it did not begin it in time; and what
    `open_underlying` raises.
    """
    if not argv or not argv[0]:
        raise ValueError("a translator needs a program")
    program = argv[0]
    deadline = None if not timeout else time.monotonic() + timeout
    with (
        Naming(program),
        lookup.file_name_lookup(program, constants.O_EXEC, 0) as executable,
        ReceiveRight.allocate() as bootstrap,
    ):
        task, pid = _create_task(owner)
        try:
            _execute(executable, task, bootstrap, argv, environment, descriptors, auth)
            control = exchange(
                bootstrap, deadline, lambda flags: _give(open_underlying, flags, task, pid)
            )
        except BaseException:
            _discard(task, pid)
            raise
    return Translator(argv, control, task, pid)


def _give(open_underlying: OpenUnderlying, flags: int, task: Port, pid: int) -> Port:
    try:
        return open_underlying(flags, pid)
    except BaseException:
        # Before it can complain of the answer: the caller is told already.
        end_task(task)
        raise


def _create_task(owner: int | None) -> tuple[Port, int]:
    """A task without a program, a child of ours that belongs to the user `owner`."""
    task = mach.task_create(mach.mach_task_self(), False)
    pid = 0
    try:
        mach.task_priority(task, _USER_PRIORITY, False)
        with lookup.getproc() as ourselves:
            process.proc_child(ourselves, task)
            pid = process.proc_task2pid(ourselves, task)
            with process.proc_task2proc(ourselves, task) as theirs:
                uid = os.geteuid() if owner is None else owner
                try:
                    process.proc_setowner(theirs, uid & 0xFFFFFFFF, uid == -1)
                except HurdError as error:
                    # What the proc server answers for a task that has not run yet.
                    if error.errno != codes.EOPNOTSUPP:
                        raise
    except BaseException:
        _discard(task, pid)
        raise
    return task, pid


def _execute(
    executable: Port,
    task: Port,
    bootstrap: ReceiveRight,
    argv: Sequence[str],
    environment: Sequence[str],
    descriptors: Sequence[int | None],
    auth: Port | None,
) -> None:
    """Run the program in the task, with the bootstrap port among its initial ports.

    No right to send to the bootstrap port stays with us: that the last one goes away is the sign
    that the program has ended.
    """
    with _Ports() as ports:
        identity = lookup.getauth() if auth is None else auth.copy()
        ports.add(identity)
        with lookup.getproc() as ourselves:
            theirs = ports.add(process.proc_task2proc(ourselves, task))
        if auth is not None:
            theirs = ports.add(_reauthenticate(theirs, auth))
        initial: list[Port | None] = [None] * constants.INIT_PORT_MAX
        initial[constants.INIT_PORT_CWDIR] = ports.add(lookup.getcwdir())
        initial[constants.INIT_PORT_CRDIR] = ports.add(lookup.getcrdir())
        initial[constants.INIT_PORT_AUTH] = identity
        initial[constants.INIT_PORT_PROC] = theirs
        initial[constants.INIT_PORT_BOOTSTRAP] = ports.add(bootstrap.make_send())
        files = [ports.descriptor(number) for number in descriptors]
        words, variables = argz.pack(argv), argz.pack(environment)
        numbers = [0] * constants.INIT_INT_MAX
        flags = constants.EXEC_DEFAULTS
        try:
            fs.file_exec_paths(
                executable, task, flags, argv[0], argv[0], words, variables, files, initial,
                numbers, (), (),
            )  # fmt: skip
        except HurdError as error:
            # A file system that is older than this routine.
            if error.errno != codes.MIG_BAD_ID:
                raise
            fs.file_exec(executable, task, flags, words, variables, files, initial, numbers, (), ())


def _reauthenticate(theirs: Port, auth: Port) -> Port:
    """The process's port for the proc server, made over to the identity `auth`."""
    with ReceiveRight.allocate() as rendezvous:
        process.proc_reauthenticate(
            theirs, rendezvous, disposition=constants.MACH_MSG_TYPE_MAKE_SEND
        )
        made = auth_user_authenticate(
            auth, rendezvous, disposition=constants.MACH_MSG_TYPE_MAKE_SEND
        )
    process.proc_reauthenticate_complete(made)
    return made


class _Ports:
    """Ports that are closed together."""

    def __init__(self) -> None:
        self._ports: list[Port] = []

    def add(self, port: Port) -> Port:
        self._ports.append(port)
        return port

    def descriptor(self, number: int | None) -> Port | None:
        """What a file descriptor stands for; nothing for one that is not open."""
        if number is None:
            return None
        try:
            return self.add(lookup.getdport(number))
        except HurdError as error:
            if error.errno != codes.EBADF:
                raise
            return None

    def __enter__(self) -> _Ports:
        return self

    def __exit__(self, *_: object) -> None:
        for port in self._ports:
            port.close()


def _discard(task: Port, pid: int) -> None:
    """End the task of a start that failed, whatever state it is in, and forget it."""
    try:
        end_task(task)
    finally:
        task.close()
        reap(pid)


def reap(pid: int, timeout: float = _REAP_TIMEOUT) -> int | None:
    """Wait for a translator that was told to end, so that no zombie is left: its wait status.

    None if somebody else has waited for it, or if it has not ended within `timeout` seconds.
    """
    deadline = time.monotonic() + timeout
    while pid > 0:
        try:
            done, status = os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            return None
        if done:
            return status
        if time.monotonic() > deadline:
            return None
        # The kernel tells proc, and proc tells us; a process takes milliseconds to end.
        time.sleep(0.005)
    return None
