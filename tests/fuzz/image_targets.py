"""What the image builder reads: configurations, and packages, archives and disks of anybody."""

from __future__ import annotations

import io
import shutil
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

from image import build_options, menu
from image.accounts import apply_users
from image.configuration import check_values, read_values
from image.errors import ImageError
from image.inspection import inspect_image
from image.inspection_output import to_json
from image.layers import Layer
from image.settings import User
from image.sources import members, package
from image.sources.database import write_database
from image.sources.unpacking import Unpacker
from image.tree import Node, Tree
from tests.fuzz.disks import disk
from tests.fuzz.target import Contradiction, Target


@cache
def _directory() -> Path:
    made = tempfile.TemporaryDirectory(prefix="drover-fuzz-")
    _kept.append(made)
    return Path(made.name)


_kept: list[tempfile.TemporaryDirectory[str]] = []


def _file(name: str, data: bytes) -> Path:
    path = _directory() / name
    path.write_bytes(data)
    return path


def _aside() -> Path:
    path = _directory() / "aside"
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir()
    return path


# Configurations


def read_toml(data: bytes) -> None:
    """A configuration, or an error that names file or key."""
    path = _file("image.toml", data)
    try:
        check_values(read_values(path, environment={}, site=_directory() / "none"), {})
    except ImageError as error:
        if not str(error).strip():
            raise Contradiction("an error without a message") from error


def read_setting(data: bytes) -> None:
    """One ``--set KEY=VALUE``."""
    layer: Layer = {}
    with suppress(ImageError):
        key, value = build_options._setting(data.decode("utf-8", "surrogateescape"), _directory())
        layer = {key: value}
        check_values(layer, {})


# Packages and archives


def _with_checksums(data: bytes) -> io.BytesIO:
    """A tar stream whose headers have the right checksums, so that more than these is tried."""
    made = bytearray(data)
    for at in range(0, len(made) - 511, 512):
        if made[at + 257 : at + 262] == b"ustar":
            made[at + 148 : at + 156] = b" " * 8
            made[at + 148 : at + 156] = b"%06o\0 " % sum(made[at : at + 512])
    return io.BytesIO(made)


def read_tar(data: bytes) -> None:
    """The members of a tar stream become a tree that stays within its root."""
    aside = _aside()
    contents = aside / "contents"
    contents.mkdir()
    tree = Tree()
    unpacker = Unpacker(tree, keep_directories=False)
    with suppress(ImageError):
        found = list(members.read_members(_with_checksums(data), contents, []))
        members.store(aside / "index", found, contents)
        for member in members.load(aside / "index", contents):
            unpacker.put(member.path, member.node)
        tree.validate()
    if len(list(aside.iterdir())) > 2:
        raise Contradiction("a file beside those of the contents")


def read_control(data: bytes) -> None:
    """The control archive of a package, and the entry of dpkg's database made from it."""
    with suppress(ImageError):
        control = package._control(_with_checksums(data))
        fields = package.parse_fields(control.pop("control", b"").decode("utf-8", "replace"))
        names = package.conffile_names(control.get("conffiles", b"").decode("utf-8", "replace"))
        fields = {"Package": "a", "Version": "1", "Architecture": "all", **fields}
        made = package.Package(fields, control, (), dict.fromkeys(names, "0"))
        made.related("Depends")
        write_database(Tree(), [made], ["hurd-i386"], 0)


def read_package(data: bytes) -> None:
    """A whole package, taken apart by dpkg-deb as it comes."""
    path = _file("a.deb", data)
    aside = _aside()
    with suppress(ImageError):
        package.unpack(path, aside)
        package.load(aside)


def read_accounts(data: bytes) -> None:
    """passwd, group and shadow of a root tree that somebody else made, with NUL between them."""
    files = [*data.split(b"\0", 2), b"", b""][:3]
    tree = Tree()
    tree.add("/bin/sh", Node("file", 0o755, content=b""))
    for name, content in zip(("passwd", "group", "shadow"), files, strict=True):
        tree.add(f"/etc/{name}", Node("file", content=content))
    with suppress(ImageError):
        users = (User("root", password="x"), User("ann", groups=("sudo",)), User("bob", uid=1001))
        accounts = apply_users(tree, users, 0)
        accounts.login_possible()
        for name in ("root", "ann", "nobody"):
            accounts.number(name, "owner")
        tree.validate()


# Disks


def inspect_disk(data: bytes) -> None:
    """A small disk with changes: what is found is shown."""
    with disk(data) as path, suppress(ImageError):
        if path is not None:
            to_json(inspect_image(path))


def read_grub_menu(data: bytes) -> None:
    """GRUB's menu of any system."""
    text = data.decode("utf-8", "replace")
    menu.read_menu(text)
    menu.unquoted_words(text)


_KEYS = (
    "architecture", "hostname", "timezone", "console", "init", "bytecode", "packages", "services",
    "[source]", "path", "archive", "[image]", "output", "format", "size", "label",
    "kernel-arguments", "[network]", "method", "address", "netmask", "gateway", "nameservers",
    "[root]", "password", "ssh-keys", "[[user]]", "name", "groups", "uid", "[[file]]", "target",
    "text", "mode", "owner", " = ", '"', "'''", '"""', "[", "]", "{", "}", "true", "1979-05-27",
    "0x10", "1_000", "inf", "\\u0000", "2G", "\n", "#", ".",
)  # fmt: skip
_MENU = ("menuentry ", "multiboot ", "module ", "{", "}", "'", '"', "${root}", "\\\n", "$(", "#")

_TAR = (
    "ustar\x0000", "./", "../", "././@LongLink", "SCHILY.xattr.gnu.translator=", "size=", "path=",
    "GNU.sparse.map=", "GNU.sparse.size=", "linkpath=", "./control", "./conffiles",
)  # fmt: skip
_ACCOUNTS = (
    ":", "\n", "\0", "root", "ann", "x", "1000", "0", "sudo", "/bin/sh", "/home", "-1", "..",
)  # fmt: skip

TARGETS = [
    Target("image-toml", read_toml, words=_KEYS, seeds=("examples/**/*.toml",)),
    Target("image-setting", read_setting, words=_KEYS, longest=1024),
    Target("tar-members", read_tar, longest=1 << 15, words=_TAR, seconds=8.0),
    Target("deb-control", read_control, longest=1 << 15, words=_TAR),
    Target("deb", read_package, longest=1 << 15, slow=True, seconds=3.0),
    Target("accounts", read_accounts, words=_ACCOUNTS),
    Target("disk-image", inspect_disk, longest=2048, seconds=5.0),
    Target("grub-menu", read_grub_menu, words=_MENU, seeds=("tests/image/*.cfg",)),
]
