"""The bindings on a real Hurd: what they return is what `os` says, or what the servers promise.

One boot runs everything (bindings_program.py); each test looks at some of what it found.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import machine
import pytest

Found = dict[str, list[Any]]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    root, reason = machine.find_root()
    if root is None:
        pytest.skip(reason)
    times = os.environ.get("DROVER_HURD_CYCLES", "1000")
    program = Path(__file__).parent / "bindings_program.py"
    outcome = machine.run_in_guest(root, program, tmp_path_factory.mktemp("bindings"), [times])
    made: Found = outcome.result
    return made


def test_no_check_broke(found: Found) -> None:
    assert {name: what for name, what in found.items() if what[0] == "broken"} == {}
    assert found["done"] == ["value", True]


def test_every_routine_is_in_its_library(found: Found) -> None:
    # These came with later kernels' libmachuser.
    newer = ("task_max_priority", "vm_set_size_limit", "vm_get_size_limit")
    missing = [name for name in found["missing symbols"][1] if not name.startswith(newer)]
    assert missing == []


def test_what_os_says_too(found: Found) -> None:
    assert found["stat"] == ["value", [{}] * 5]
    assert found["statfs"] == ["value", {}]
    for name in ("readdir", "numbers", "session", "group"):
        ours, theirs = found[name][1]
        assert ours == theirs, name
    for name in ("its environment", "environment"):
        assert found[name] == found["environment by os"], name
    ours, theirs = found["uname"][1]
    assert [ours[name] for name in ("sysname", "release", "version", "machine")] == [
        theirs[0], *theirs[2:],
    ]  # fmt: skip
    ids, euid, egid = found["ids"][1]
    assert (ids["euids"][0], ids["egids"][0]) == (euid, egid)
    pids, pid, parent = found["pids"][1]
    assert (pids["pid"], pids["ppid"]) == (pid, parent)


# Name of a check: its value.
VALUES: dict[str, Any] = {
    # Nodes.
    "lookup": {"do_retry": 1, "retry_name": "", "result": True},
    "split": {"directory": True, "name": "bash"},
    "split slash": {"directory": True, "name": "bin/"},
    "path": {"port": True, "name": "/bin/bash"},
    "under": True,
    "access": 7,
    "translator of null": "/hurd/null\0",
    "mode of null": "0o30020666",
    "link node": True,
    "lock stat": {"mystatus": 8, "otherstatus": 8},
    "sync": None,
    "syncfs": None,
    "read": "\x7fELF",
    "read much": 300000,
    "read the same": True,
    "seek": 7,
    "readable": True,
    "openmodes": 1,
    "identity": 2,
    "same node": [[True, True, False], [True, True, True]],
    "duplicate": True,
    "restrict": True,
    "select": 3,
    "select timeout": 3,
    "map": {"memobjrd": True, "memobjwt": False},
    "owner": 0,
    "terminal name": "/dev/console",
    # File systems.
    "control source": "device:hd0s1",
    "control sync": None,
    "control root": {"do_retry": 1, "retry_name": "", "file": True},
    "control file": True,
    # Processes and identities.
    "self in pids": True,
    "important": True,
    "not important": False,
    "task of process": [True, True, True],
    "message port": True,
    "login pids": True,
    "session pids": True,
    "session groups": True,
    "group pids": True,
    "ports of process": True,
    "exe": "/usr/bin/python3",
    "entry": True,
    "arg locations": True,
    "privileged": {"host_priv": True, "device_master": True},
    "privileged by libc": {"host_priv": True, "device_master": True},
    "wait child": [True, 0],
    "make auth": {"euids": [1000], "auids": [1000, 0], "egids": [5], "agids": []},
    "4242 by sesame": {"euids": [], "auids": [4242], "egids": [], "agids": [4242]},
    # It has no account: root's password counts, and root has none.
    "99999 by wrong": {"euids": [], "auids": [99999], "egids": [], "agids": []},
    # Its own message port.
    "init port": True,
    "init int": "0o0",
    "init ints": 5,
    "descriptors": [True, True, True],
    "descriptor": True,
    "variable": "/bin:/sbin:/usr/bin:/usr/sbin",
    "set variable": None,
    "variable set": "1",
    "signal": None,
    "kill": [15, 10],
    # The kernel.
    "threads": True,
    "thread name": "bindings",
    "special port": True,
    "port names": True,
    "set name": None,
    "time": True,
    "uptime": True,
    "processor set": True,
    "processor sets": [True],
    "tasks of the machine": True,
    "allocate": ["drover", 4096],
    "task": [1, True],
    "device read": "55aa",
    # What is changed.
    "mkdir": None,
    "rmdir": None,
    "mkfile": 8000,
    "written": "by hand\n" * 1000,
    "rename": None,
    "attributes": ["0o100604", 12, 13, 1000.0, 2000.0],
    "lock": [{"mystatus": 2, "otherstatus": 2}, "EAGAIN"],
    "truncate": 5,
    "modes": [True, False],
    "passive": [True, "EBUSY", True, False],
    "control of own port": [True, True, "ENXIO"],
    "openport": [True, 5, True],
    "unlink": None,
    # Messages and notifications.
    "receive nothing": ["MACH_RCV_TIMED_OUT", True],
    "message": [99, True, [-5, "bytes", [1, 2, 3], True, False], True],
    "large message": [True, [256000, 1500, 1500, 1500]],
    "call": [42, "ok"],
    "set": True,
    "no senders": [70, [1]],
    "dead name": [72, True, 2],
    "watcher": [["message 77", "one"], 0],
    "watcher of a process": [True, True, True],
    "rename of a right": [0x20000, 3],
    "extract": [True, 17],
    "dosync": "answered",
    "a signal ends a wait": True,
    "a signal repeats a wait": ["at last", 1],
    "after fork": 0,
}


@pytest.mark.parametrize("name", VALUES)
def test_value(found: Found, name: str) -> None:
    assert found[name] == ["value", VALUES[name]]


# Name of a check: the code it fails with, and the routine.
ERRORS = {
    "lookup missing": ("ENOENT", "dir_lookup"),
    "name missing": ("ENOENT", "file_name_lookup"),
    "name no directory": ("ENOTDIR", "file_name_lookup"),
    "name long": ("ENAMETOOLONG", "dir_lookup"),
    "path missing": ("ENOENT", "file_name_path_lookup"),
    "translator of none": ("EINVAL", "file_get_translator"),
    "active of none": ("ENXIO", "file_get_translator_cntl"),
    "version": ("MIG_BAD_ID", "io_server_version"),
    "write only": ("EBADF", "io_write"),
    "no terminal": ("MIG_BAD_ID", "term_get_nodename"),
    "control privileges": ("EOPNOTSUPP", "fsys_getpriv"),
    "control wrong option": ("EINVAL", "fsys_set_options"),
    "info missing": ("ESRCH", "proc_getprocinfo"),
    "missing pid": ("ESRCH", "proc_pid2task"),
    "tty": ("EOPNOTSUPP", "proc_get_tty"),
    "4242 by wrong": ("EACCES", "password_check_user"),
    # crypt(3) makes nothing of "*".
    "4243 by sesame": ("EINVAL", "password_check_user"),
    # The server does not survive asking for root's password instead.
    "99999 by sesame, root by one": ("MIG_SERVER_DIED", "password_check_user"),
    "99999 by wrong, root by one": ("MIG_SERVER_DIED", "password_check_user"),
    "4242 by wrong, root by one": ("EACCES", "password_check_user"),
    "no descriptor": ("EBADF", "msg_get_fd"),
    "no variable": ("ENOENT", "msg_get_env_variable"),
    "signal refused": ("EPERM", "msg_sig_post"),
    "bad flavor": ("KERN_INVALID_ARGUMENT", "task_info"),
    "device missing": ("D_NO_SUCH_DEVICE", "device_open"),
    "null destination": ("MACH_SEND_INVALID_DEST", "file_getcontrol"),
    "wrong server": ("MIG_BAD_ID", "proc_getpids"),
    "bad name": ("KERN_INVALID_NAME", "mach_port_type"),
    "mkdir again": ("EEXIST", "dir_mkdir"),
    "unlink missing": ("ENOENT", "dir_unlink"),
    "passive without NUL": ("EINVAL", "file_set_translator"),
    "call dropped": ("MIG_SERVER_DIED", "test"),
    "dosync unanswered": ("MACH_RCV_TIMED_OUT", "mach_msg"),
    "no shutdown server": ("MIG_BAD_ID", "shutdown_shutdown"),
    "no acpi server": ("MIG_BAD_ID", "acpi_sleep"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_error(found: Found, name: str) -> None:
    kind, symbol, text = found[name]
    assert (kind, symbol, text.split(":")[0]) == ("error", *ERRORS[name])


def test_structures_make_sense(found: Found) -> None:
    """Fields beyond each other's edges would show as nonsense."""
    task = found["task info"][1]
    assert 1 << 20 < task["resident_size"] < task["virtual_size"] < 1 << 32
    created, created64 = task["creation_time"], task["creation_time64"]
    assert created["seconds"] == created64["seconds"] > 1_500_000_000
    assert created["microseconds"] == created64["nanoseconds"] // 1000
    for time in ("user_time", "system_time"):
        assert task[time]["seconds"] == task[f"{time}64"]["seconds"] < 1000
    thread = found["thread info"][1]
    assert thread["user_time"]["seconds"] == thread["user_time64"]["seconds"] < 1000
    assert 0 <= thread["cpu_usage"] <= 1000
    assert thread["run_state"] == 1
    host = found["host info"][1]
    assert (host["max_cpus"], host["avail_cpus"]) == (1, 1)
    memory = found["virtual memory"][1]
    pages = sum(memory[f"{kind}_count"] for kind in ("free", "active", "inactive", "wire"))
    assert 0.9 < pages * memory["pagesize"] / host["memory_size"] < 1.0
    assert 0 <= found["host load"][1]["avenrun_5"] < 10000
    assert found["kernel version"][1].startswith("GNU Mach 1.8")
    info = found["info"][1]
    assert info["process"]["ppid"] == 1
    assert info["process"]["nthreads"] == len(info["threads"])
    assert info["process"]["taskinfo"]["resident_size"] > 1 << 20
    for threads in (info["threads"], found["info with waits"][1]["threads"]):
        for made in threads:
            basic, sched = made["info"]["basic"], made["info"]["sched"]
            assert basic["base_priority"] == sched["base_priority"]
            assert 0 < basic["run_state"] < 6
            assert basic["creation_time"]["seconds"] > 1_500_000_000
    assert any(made["wait"] for made in found["info with waits"][1]["threads"])
    assert found["notice"][1][0][0] == 20500


def test_both_halves_of_the_handshake_with_auth(found: Found) -> None:
    results = sorted(found["authenticate"][1], key=str)
    assert results[0] is True
    assert results[1]["euids"] == [0]


FAMILIES = "lookup stat readdir read proc failure ids message task control death"  # one word each


@pytest.mark.parametrize("family", FAMILIES.split())
def test_nothing_leaks(found: Found, family: str) -> None:
    assert found[f"leak {family}"] == ["value", 0]
