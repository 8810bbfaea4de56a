"""Files and directories as names: what is done to them without opening a port."""

from __future__ import annotations

import os
import stat as stat_module
from collections.abc import Callable, Iterator
from typing import Any

from services.scheme.errors import misc_error, out_of_range, system_error
from services.scheme.library.checks import exact_integer, expecting, items, plain_string, string
from services.scheme.library.descriptors import descriptor
from services.scheme.ports import Port
from services.scheme.primitives import Library
from services.scheme.types import EOF, Value

LIBRARY = Library()


def attempt(who: str, operation: Callable[..., Any], *args: Any) -> Any:
    """Call ``operation``; an OSError becomes the system-error of ``who``."""
    try:
        return operation(*args)
    except OSError as error:
        raise system_error(who, error) from None
    except (OverflowError, ValueError):
        raise out_of_range(who, args[-1]) from None


def system_call(
    library: Library,
    name: str,
    operation: Callable[..., Any],
    count: int,
    checked: Callable[[Value], Any],
) -> None:
    """Bind a call without result, all of whose arguments are what ``checked`` makes of them."""

    def fn(*values: Value) -> None:
        attempt(name, operation, *map(checked, values))

    library.primitive(name, count)(fn)


for _name, _operation, _count in (
    ("delete-file", os.unlink, 1),
    ("rmdir", os.rmdir, 1),
    ("rename-file", os.rename, 2),
    ("link", os.link, 2),
    ("symlink", os.symlink, 2),
):
    system_call(LIBRARY, _name, _operation, _count, plain_string)


@LIBRARY.primitive("mkdir", 1, 2)
def mkdir(name: Value, mode: Value = 0o777) -> None:
    attempt("mkdir", os.mkdir, plain_string(name), exact_integer(mode))


@LIBRARY.primitive("readlink", 1)
def readlink(name: Value) -> str:
    return str(attempt("readlink", os.readlink, plain_string(name)))


@LIBRARY.primitive("chdir", 1)
def chdir(name: Value) -> None:
    where = descriptor(name, "chdir") if isinstance(name, Port) else plain_string(name)
    attempt("chdir", os.chdir, where)


@LIBRARY.primitive("getcwd", 0)
def getcwd() -> str:
    return str(attempt("getcwd", os.getcwd))


@LIBRARY.primitive("copy-file", 2)
def copy_file(old: Value, new: Value) -> None:
    """Copy the contents and the permissions; a regular file, so it does not wait long."""
    source, target = plain_string(old), plain_string(new)

    def copy() -> None:
        opened = os.open(source, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with open(opened, "rb") as reading:  # noqa: PTH123
            status = os.fstat(reading.fileno())
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
            with open(os.open(target, flags, status.st_mode & 0o7777), "wb") as writing:  # noqa: PTH123
                while block := reading.read(1 << 16):
                    writing.write(block)

    attempt("copy-file", copy)


def _file(value: Value, who: str) -> Any:
    """A file name, or the descriptor of a port."""
    return plain_string(value) if type(value) is str else descriptor(value, who)


@LIBRARY.primitive("chmod", 2)
def chmod(target: Value, mode: Value) -> None:
    bits = exact_integer(mode)
    name = plain_string(target) if not isinstance(target, Port | int) else _file(target, "chmod")
    attempt("chmod", os.chmod, name, bits)


@LIBRARY.primitive("chown", 3)
def chown(target: Value, owner: Value, group: Value) -> None:
    name = plain_string(target) if not isinstance(target, Port | int) else _file(target, "chown")
    attempt("chown", os.chown, name, exact_integer(owner), exact_integer(group))


@LIBRARY.primitive("utime", 1, 6)
def utime(
    target: Value, accessed: Value = None, modified: Value = None, access_ns: Value = 0,
    modify_ns: Value = 0, flags: Value = 0,
) -> None:  # fmt: skip
    name = _file(target, "utime") if isinstance(target, Port) else plain_string(target)
    if accessed is None and modified is None:
        attempt("utime", os.utime, name)
        return
    import time

    now = time.time_ns()
    stamps = tuple(
        now if second is None else exact_integer(second) * 1_000_000_000 + exact_integer(rest)
        for second, rest in ((accessed, access_ns), (modified, modify_ns))
    )
    attempt("utime", lambda: os.utime(name, ns=stamps))  # type: ignore[arg-type]


@LIBRARY.primitive("access?", 2)
def access(name: Value, how: Value) -> bool:
    try:
        return os.access(plain_string(name), exact_integer(how))
    except (OverflowError, ValueError):
        raise out_of_range("access?", how) from None


@LIBRARY.primitive("file-exists?", 1)
def file_exists(name: Value) -> bool:
    if isinstance(name, Port) or type(name) is int:
        return os.path.exists(descriptor(name, "stat"))
    if type(name) is not str:
        raise expecting("stat", 1, "open file port", name)
    return os.path.exists(plain_string(name))


@LIBRARY.primitive("file-is-directory?", 1)
def file_is_directory(name: Value) -> bool:
    path = plain_string(name)
    try:
        return stat_module.S_ISDIR(os.stat(path).st_mode)
    except OSError as error:
        raise system_error("stat", error, name) from None


@LIBRARY.primitive("mknod", 4)
def mknod(name: Value, kind: Value, mode: Value, device: Value) -> None:
    formats = {
        "regular": "IFREG", "directory": "IFDIR", "fifo": "IFIFO", "char-special": "IFCHR",
        "block-special": "IFBLK", "socket": "IFSOCK",
    }  # fmt: skip
    known = formats.get(getattr(kind, "name", ""))
    bits = getattr(stat_module, f"S_{known}") if known else None
    if bits is None:
        raise out_of_range("mknod", kind)
    permissions, number = exact_integer(mode), exact_integer(device)
    attempt("mknod", os.mknod, plain_string(name), bits | permissions, number)


@LIBRARY.primitive("canonicalize-path", 1)
def canonicalize_path(name: Value) -> str:
    from pathlib import Path

    path = plain_string(name)
    return str(attempt("canonicalize-path", lambda: Path(path).resolve(strict=True)))


# Names


def _path(value: Value) -> str:
    return string(value, "scm_to_utf8_stringn", 1)


@LIBRARY.primitive("dirname", 1)
def dirname(name: Value) -> str:
    stripped = _path(name).rstrip("/")
    head, slash, _ = stripped.rpartition("/")
    if not stripped:
        return "/" if name else "."
    return head.rstrip("/") or "/" if slash else "."


@LIBRARY.primitive("basename", 1, 2)
def basename(name: Value, suffix: Value = None) -> str:
    """The last part of a name; trailing slashes stay, as measured on Guile 3.0.11."""
    text = _path(name)
    stripped = text.rstrip("/")
    if not stripped:
        return text[:1]
    base = text[stripped.rfind("/") + 1 :]
    if suffix is not None:
        end = string(suffix, "basename", 2)
        if end and base.endswith(end) and base != end:
            base = base[: -len(end)]
    return base


LIBRARY.bind("file-name-separator-string", "/")
LIBRARY.primitive("absolute-file-name?", 1)(
    lambda name: string(name, "absolute-file-name?", 1).startswith("/")
)
LIBRARY.primitive("file-name-separator?", 1)(lambda value: getattr(value, "text", None) == "/")


@LIBRARY.primitive("in-vicinity", 2)
def in_vicinity(directory: Value, name: Value) -> str:
    head, tail = string(directory, "in-vicinity", 1), string(name, "in-vicinity", 2)
    return head + tail if not head or head.endswith("/") else f"{head}/{tail}"


@LIBRARY.primitive("search-path", 2, 4)
def search_path(
    path: Value, name: Value, extensions: Value = None, require: Value = False
) -> Value:
    wanted = plain_string(name)
    endings = [""] if extensions is None else items(extensions, "search-path", 3)
    directories = items(path, "search-path", 1)
    for directory in [""] if wanted.startswith("/") else directories:
        for ending in endings:
            candidate = in_vicinity(directory, wanted) + string(ending, "search-path", 3)
            if os.path.isfile(candidate):
                return candidate
    return False


@LIBRARY.primitive("parse-path", 1, 2)
def parse_path(path: Value, tail: Value = None) -> Value:
    from services.scheme.types import NIL, scheme_list

    end = NIL if tail is None else tail
    if path is False:
        return end
    return scheme_list(string(path, "parse-path", 1).split(":"), end)


def unused_name(template: str, who: str) -> Iterator[str]:
    """Names made of a template by replacing its final ``XXXXXX``."""
    if not template.endswith("XXXXXX"):
        raise system_error(who, OSError(22, "Invalid argument"))
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    for _ in range(100):
        yield template[:-6] + "".join(letters[byte % 62] for byte in os.urandom(6))


@LIBRARY.primitive("mkdtemp", 1)
def mkdtemp(template: Value) -> str:
    for candidate in unused_name(plain_string(template), "mkdtemp"):
        try:
            os.mkdir(candidate, 0o700)
        except FileExistsError:
            continue
        except OSError as error:
            raise system_error("mkdtemp", error) from None
        return candidate
    raise system_error("mkdtemp", OSError(17, "File exists"))


@LIBRARY.primitive("tmpnam", 0)
def tmpnam() -> str:
    return next(unused_name("/tmp/fileXXXXXX", "tmpnam"))


# Directory streams


class Directory:
    """An open directory: ``names`` still to be read, None once closed."""

    __slots__ = ("index", "names")

    def __init__(self, names: list[str]) -> None:
        self.names: list[str] | None = names
        self.index = 0

    def __str__(self) -> str:
        state = "closed: " if self.names is None else ""
        return f"#<{state}directory stream {id(self):x}>"

    __repr__ = __str__


@LIBRARY.primitive("opendir", 1)
def opendir(name: Value) -> Directory:
    return Directory([".", "..", *attempt("opendir", os.listdir, plain_string(name))])


def _stream(value: Value, who: str) -> Directory:
    if type(value) is not Directory:
        raise expecting(who, 1, "directory port", value)
    return value


@LIBRARY.primitive("readdir", 1)
def readdir(stream: Value) -> Value:
    directory = _stream(stream, "readdir")
    if directory.names is None:
        raise misc_error("readdir", "Directory ~S is not open.", stream)
    if directory.index >= len(directory.names):
        return EOF
    directory.index += 1
    return directory.names[directory.index - 1]


@LIBRARY.primitive("rewinddir", 1)
def rewinddir(stream: Value) -> None:
    _stream(stream, "rewinddir").index = 0


@LIBRARY.primitive("closedir", 1)
def closedir(stream: Value) -> None:
    _stream(stream, "closedir").names = None


LIBRARY.primitive("directory-stream?", 1)(lambda value: type(value) is Directory)
