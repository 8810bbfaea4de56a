"""Running a command with a translator's root as its root directory: settrans --chroot.

The translator is set nowhere; only the command and its children see it.
"""

from __future__ import annotations

import os

from hurd import auth, constants, fsys, io, lookup
from hurd.errors import HurdError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

    from hurd.ports import Port


def root_of(control: Port) -> Port:
    """The root node of the translator behind a control port, with the caller's identity.

    It has no parent directory: `..` of it is itself.
    """
    with lookup.getauth() as identity:
        ids = auth.auth_getids(identity)
    answer = fsys.fsys_getroot(control, None, ids.euids, ids.egids, 0)
    return _follow(answer.do_retry, answer.retry_name, answer.file)


def _follow(retry: int, name: str, node: Port) -> Port:
    # What libc's hurd_file_name_lookup_retry does with an answer, as far as a root can ask for it.
    if retry == constants.FS_RETRY_REAUTH:
        with node:
            node = _reauthenticate(node)
    elif retry == constants.FS_RETRY_MAGICAL:
        node.close()
        if not name.startswith("/"):
            return lookup.file_name_lookup(name, 0, 0)
        node = lookup.getcrdir()
    if not name.strip("/"):
        return node
    with node:
        return lookup.file_name_lookup_under(node, name.lstrip("/"), 0, 0)


def _reauthenticate(node: Port) -> Port:
    from hurd.ports import ReceiveRight

    with ReceiveRight.allocate() as rendezvous, lookup.getauth() as identity:
        io.io_reauthenticate(node, rendezvous, disposition=constants.MACH_MSG_TYPE_MAKE_SEND)
        return auth.auth_user_authenticate(
            identity, rendezvous, disposition=constants.MACH_MSG_TYPE_MAKE_SEND
        )


def run_chrooted(
    control: Port, command: Sequence[str], directory: str = "/", *, tool: str = "settrans"
) -> tuple[int, int]:
    """Run `command` in a child whose root directory is the translator's root, and wait for it.

    `directory` is where it starts, a name in the new root. Returns the child's process id and wait
    status. If the command cannot be run, the child says why in the name of `tool` and exits with 6
    (no root), 7 (it cannot be installed) or 8 (no such directory or program).
    """
    child = os.fork()
    if not child:
        try:
            _become(control, command, directory, tool)
        except BaseException as error:
            os.write(2, f"{tool}: {error}\n".encode(errors="backslashreplace"))
        finally:
            os._exit(8)
    while True:
        try:
            return os.waitpid(child, 0)
        except InterruptedError:
            continue


def _become(control: Port, command: Sequence[str], directory: str, tool: str) -> NoReturn:
    try:
        root = root_of(control)
    except HurdError as error:
        _stop(tool, 6, error.routine, error)
    try:
        lookup.setcrdir(root)
    except HurdError as error:
        _stop(tool, 7, "cannot install root port", error)
    root.close()
    try:
        os.chdir(directory)
    except OSError as error:
        _stop(tool, 8, directory, error)
    try:
        os.execvp(command[0], list(command))
    except OSError as error:
        _stop(tool, 8, f"cannot execute {command[0]}", error)


def _stop(tool: str, status: int, what: str, error: OSError) -> NoReturn:
    message = f"{tool}: {what}: {error.strerror}\n"
    os.write(2, message.encode(errors="surrogateescape"))
    os._exit(status)
