"""Errors of the Hurd say what failed and how, on any system."""

from __future__ import annotations

import pickle
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from standin.control import Standin

from hurd import codes, fs, lookup, mach, startup
from hurd.errors import HurdError, HurdUnavailable
from hurd.ports import Port
from hurd.rpc import library


@pytest.mark.parametrize(
    ("code", "symbol", "system", "text"),
    [
        (0x40000002, "ENOENT", "hurd", "No such file or directory"),
        (0x40000010, "EBUSY", "hurd", "Device or resource busy"),
        (0x40000023, "EAGAIN", "hurd", "Resource temporarily unavailable"),
        (0x40000065, "EDIED", "hurd", "Translator died"),
        (0x40000069, "EGRATUITOUS", "hurd", "Gratuitous error"),
        (0x40000FFF, "", "hurd", "Unknown error 4095 of the Hurd"),
        (4, "KERN_INVALID_ARGUMENT", "kern", "(os/kern) invalid argument"),
        (15, "KERN_INVALID_NAME", "kern", "(os/kern) invalid name"),
        (
            0x10000003,
            "MACH_SEND_INVALID_DEST",
            "mach_send",
            "(ipc/send) invalid destination port",
        ),
        (0x10004003, "MACH_RCV_TIMED_OUT", "mach_rcv", "(ipc/rcv) timed out"),
        (-303, "MIG_BAD_ID", "mig", "(ipc/mig) bad request message ID"),
        (-308, "MIG_SERVER_DIED", "mig", "(ipc/mig) server died"),
        (2502, "D_NO_SUCH_DEVICE", "device", "(os/device) no such device"),
        (99, "", "unknown", "error 0x63 of an unknown system"),
    ],
)
def test_codes_are_decoded(code: int, symbol: str, system: str, text: str) -> None:
    error = HurdError(code, "file_chown")
    assert (error.errno, error.symbol, error.system) == (code, symbol, system)
    assert error.strerror == text
    assert str(error) == f"file_chown: {text}"
    assert isinstance(error, OSError)


def test_every_code_has_a_text_of_its_own_system() -> None:
    for name, code in vars(codes).items():
        if name.isupper():
            error = HurdError(code, "x")
            assert error.symbol == name or name == "EWOULDBLOCK", name
            assert error.system != "unknown", name
            assert "Unknown" not in error.strerror, name


def test_errors_survive_pickling() -> None:
    error = pickle.loads(pickle.dumps(HurdError(codes.EBUSY, "fsys_goaway")))
    assert (error.errno, error.routine) == (codes.EBUSY, "fsys_goaway")
    assert repr(error) == "HurdError(EBUSY, 'fsys_goaway')"


def test_without_a_hurd_every_call_says_which_routine_is_missing() -> None:
    calls: dict[str, Callable[[], object]] = {
        "file_chown": lambda: fs.file_chown(Port(3), 0, 0),
        "file_name_lookup": lambda: lookup.file_name_lookup("/"),
        "mach_task_self": mach.mach_task_self,
        "getproc": lookup.getproc,
        # Made by hand, which needs a port for the answer first.
        "mach_reply_port": lambda: startup.shutdown_shutdown(Port(3)),
    }
    for name, call in calls.items():
        with pytest.raises(HurdUnavailable, match=f"^{name}: not available on this system$") as at:
            call()
        assert at.value.routine == name
        assert at.value.errno == codes.ENOSYS


def test_a_library_without_the_routine_is_named(
    load_standin: Callable[[str], Standin], tmp_path: Path
) -> None:
    (tmp_path / "empty.c").write_text("int nothing;\n")
    made = tmp_path / "empty.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", made, tmp_path / "empty.c"], check=True)
    library.use_stand_in(str(made))
    with pytest.raises(HurdUnavailable, match=r"^file_chown: libhurduser.so.0.3 has no such"):
        fs.file_chown(Port(3), 0, 0)
    with pytest.raises(HurdUnavailable, match=r"^mach_task_self: libc.so.0.3 has no such"):
        mach.mach_task_self()
