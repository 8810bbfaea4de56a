"""The machine's own files in a tree: its name, time zone, network, file systems, extra files.

What is written here goes before what the root brings; of its table of file systems, only the
root.  The network is told to ``/etc/drover/network.scm``, which drover's services read, and
Debian's.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from image.accounts import Accounts, read_text
from image.errors import ConfigurationError
from image.settings import Configuration, ExtraFile, Network
from image.sources.directory import read_directory
from image.sources.unpacking import Unpacker
from image.tree import Node, Tree

NETWORK_FILE: Final = "/etc/drover/network.scm"
_ZONES: Final = "/usr/share/zoneinfo"


class SystemFiles:
    """Writes files of text into a tree, through its symbolic links."""

    def __init__(self, tree: Tree, time: int) -> None:
        self.tree = tree
        self.time = time
        self.unpacker = Unpacker(tree, keep_directories=True)

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """Write a file, instead of what is there (also of a symbolic link)."""
        node = Node("file", mode, mtime=self.time, content=text.encode("utf-8", "surrogateescape"))
        self.unpacker.put(path, node)

    def link(self, path: str, target: str) -> None:
        """Make a symbolic link, instead of what is there."""
        self.unpacker.put(path, Node("symlink", 0o777, mtime=self.time, target=target))


def write_system_files(
    tree: Tree, configuration: Configuration, root_device: str, time: int
) -> None:
    """Write what ``configuration`` says of the machine; ``root_device`` is its root's node."""
    files = SystemFiles(tree, time)
    name = configuration.hostname
    files.write("/etc/hostname", f"{name}\n")
    files.write("/etc/hosts", _hosts(name))
    _write_timezone(files, configuration.timezone)
    files.write("/etc/fstab", file_systems(read_text(tree, "/etc/fstab"), root_device))
    _write_network(files, configuration.network)


def file_systems(table: str, root_device: str) -> str:
    """Return a source's table of file systems with the root where it is on the image."""
    # fsck makes a root writable again only where rw is spelt out.
    root = f"{root_device}\t/\text2\trw\t0\t1\n"
    others = []
    for line in table.splitlines(keepends=True):
        fields = line.split()
        if len(fields) > 1 and fields[1] == "/" and not fields[0].startswith("#"):
            root = line.replace(fields[0], root_device, 1)
        else:
            others.append(line if line.endswith("\n") else f"{line}\n")
    return "".join([root if root.endswith("\n") else f"{root}\n", *others])


def _hosts(name: str) -> str:
    short = name.partition(".")[0]
    names = name if short == name else f"{name} {short}"
    return f"127.0.0.1\tlocalhost\n127.0.1.1\t{names}\n::1\tlocalhost ip6-localhost ip6-loopback\n"


def _write_timezone(files: SystemFiles, zone: str) -> None:
    there = files.tree.resolve(f"{_ZONES}/{zone}")
    if there is not None and files.tree[there].kind == "file":
        files.link("/etc/localtime", f"{_ZONES}/{zone}")
    elif zone not in ("UTC", "Etc/UTC"):
        missing = files.tree.resolve(_ZONES) is None
        hint = "; it has no time zones at all (package tzdata)" if missing else ""
        raise ConfigurationError("timezone", f"there is no {_ZONES}/{zone} in the image{hint}")
    files.write("/etc/timezone", f"{zone}\n")


def _write_network(files: SystemFiles, network: Network) -> None:
    pairs = [("interface", f'"{network.interface}"'), ("method", network.method)]
    lines = []
    if network.method == "static":
        for name in ("address", "netmask", "gateway"):
            value = getattr(network, name)
            if value:
                pairs.append((name, f'"{value}"'))
                lines.append(f"    {name} {value}\n")
    body = "\n ".join(f"({name} . {value})" for name, value in pairs)
    head = ";; Written by the image builder; read by the service of the network."
    files.write(NETWORK_FILE, f"{head}\n({body})\n")
    if network.nameservers:
        text = "".join(f"nameserver {address}\n" for address in network.nameservers)
        files.write("/etc/resolv.conf", text)
    if network.method != "none" and files.tree.resolve("/etc/network") is not None:
        name = network.interface
        start = f"auto {name}\niface {name} inet {network.method}\n"
        text = f"auto lo\niface lo inet loopback\n\n{start}{''.join(lines)}"
        files.write("/etc/network/interfaces", text)


def add_extra_files(
    tree: Tree, extra: tuple[ExtraFile, ...], accounts: Accounts, time: int
) -> None:
    """Put files and directories of the builder's machine into a tree."""
    unpacker = Unpacker(tree, keep_directories=True)
    for one in extra:
        uid = accounts.number(one.owner, "owner")
        gid = accounts.number(one.group, "group")
        if isinstance(one.content, Path) and one.content.is_dir():
            for path, node in read_directory(one.content, "root").items():
                below = one.target + (path if path != "/" else "")
                mode = one.mode if one.mode is not None and node.kind == "file" else node.mode
                link = one.target + node.link if node.link else ""
                unpacker.put(
                    below,
                    Node(node.kind, mode, uid, gid, node.mtime, node.content, node.target, link),
                )
            continue
        mode, modified = 0o644, time
        if isinstance(one.content, Path):
            status = one.content.stat()
            mode, modified = status.st_mode & 0o777, int(status.st_mtime)
        chosen = one.mode if one.mode is not None else mode
        unpacker.put(one.target, Node("file", chosen, uid, gid, modified, one.content))
