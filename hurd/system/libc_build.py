"""Write `_libc_abi.py`: the C declarations of `hurd.system`, for cffi's out-of-line ABI mode.

Run by hand when the declarations change (needs cffi; the result needs only its _cffi_backend):
`python -m hurd.system.libc_build`.  A test compares the two.
"""

from __future__ import annotations

from pathlib import Path

DECLARATIONS = """
    int prctl(int option, unsigned long, unsigned long, unsigned long, unsigned long);
    int reboot(int command);
    int inotify_init1(int flags);
    int inotify_add_watch(int fd, const char *path, uint32_t mask);
"""
TARGET = Path(__file__).with_name("_libc_abi.py")


def write(path: Path) -> None:
    """Write the module to `path`."""
    from cffi import FFI

    builder = FFI()
    builder.cdef(DECLARATIONS)
    builder.set_source("hurd.system._libc_abi", None)
    builder.emit_python_code(str(path))
    path.write_text(
        "# ruff: noqa\n# fmt: off\n" + path.read_text(encoding="utf-8"), encoding="utf-8"
    )


if __name__ == "__main__":
    write(TARGET)
