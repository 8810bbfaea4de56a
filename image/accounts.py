"""Logins in a tree: the files passwd, group and shadow, home directories, SSH keys."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from image.errors import ConfigurationError, TreeError
from image.settings import User
from image.sources.unpacking import Unpacker
from image.tree import Node, Tree, directory

_FIRST_USER: Final = 1000
_LAST_USER: Final = 59999
_DAY: Final = 86400
_FALLBACK_SHELL: Final = "/bin/sh"


def read_text(tree: Tree, path: str) -> str:
    """Return a file of the tree as text; "" if there is none."""
    place = tree.resolve(path)
    content = tree[place].content if place is not None else None
    data = content.read_bytes() if isinstance(content, Path) else content or b""
    return data.decode("utf-8", "surrogateescape")


class Accounts:
    """The logins of a tree; ``save`` writes them back.

    ``time`` is when passwords count as set, in seconds since 1970.  Raises TreeError for a file
    that cannot be understood.
    """

    def __init__(self, tree: Tree, time: int) -> None:
        self.tree = tree
        self.time = time
        self.passwd = _rows(tree, "/etc/passwd", 7, numbers=(2, 3))
        self.group = _rows(tree, "/etc/group", 4, numbers=(2,))
        self.shadow = _rows(tree, "/etc/shadow", 9)
        if "root" not in self.passwd:
            self.passwd["root"] = ["root", "x", "0", "0", "root", "/root", self._shell("/bin/bash")]
        self.group.setdefault("root", ["root", "x", "0", ""])
        for name, row in self.passwd.items():
            if name not in self.shadow:
                self._set_hash(name, row[1] if row[1] != "x" else "*")
            row[1] = "x"

    def apply(self, user: User, unpacker: Unpacker) -> None:
        """Make or change a login; ConfigurationError if it contradicts what is there."""
        row = self.passwd.get(user.name) or self._add(user)
        if user.password is not None:
            self._set_hash(user.name, user.password)
        for group in user.groups:
            if group not in self.group:
                raise ConfigurationError("user.groups", f"{user.name}: there is no group {group}")
            members = [name for name in self.group[group][3].split(",") if name]
            if user.name not in members:
                self.group[group][3] = ",".join([*members, user.name])
        uid, gid, home = int(row[2]), int(row[3]), row[5]
        place = unpacker.place(home)
        if place not in self.tree:
            mode = 0o700
            unpacker.put(home, Node("directory", mode, uid, gid, self.time))
            self._skeleton(place, uid, gid)
        if user.ssh_keys:
            text = "".join(f"{key}\n" for key in user.ssh_keys)
            unpacker.put(f"{home}/.ssh", Node("directory", 0o700, uid, gid, self.time))
            keys = Node("file", 0o600, uid, gid, self.time, text.encode())
            unpacker.put(f"{home}/.ssh/authorized_keys", keys)

    def login_possible(self) -> bool:
        """Whether some password fits, or an SSH key, of one who has a shell."""
        for name, row in self.passwd.items():
            if row[6].endswith(("/nologin", "/false")):
                continue
            if self.shadow[name][1][:1] not in ("!", "*"):
                return True
            if self.tree.resolve(f"{row[5]}/.ssh/authorized_keys") is not None:
                return True
        return False

    def number(self, name: str, kind: str) -> int:
        """Return the number of the "owner" or "group" of that name, or itself if it is one."""
        if name.isascii() and name.isdigit():
            return int(name)
        table = self.passwd if kind == "owner" else self.group
        if name not in table:
            raise ConfigurationError(f"file.{kind}", f"there is no {kind} {name} in the image")
        return int(table[name][2])

    def save(self, unpacker: Unpacker) -> None:
        """Write the files into the tree."""
        secret = int(self.group["shadow"][2]) if "shadow" in self.group else 0
        for name, rows, mode, gid in (
            ("passwd", self.passwd, 0o644, 0),
            ("group", self.group, 0o644, 0),
            ("shadow", self.shadow, 0o640, secret),
        ):
            text = "".join(":".join(row) + "\n" for row in rows.values())
            data = text.encode("utf-8", "surrogateescape")
            unpacker.put(f"/etc/{name}", Node("file", mode, 0, gid, self.time, data))

    def _add(self, user: User) -> list[str]:
        taken = {int(row[2]) for row in self.passwd.values()}
        uid = user.uid
        if uid is not None and uid in taken:
            raise ConfigurationError("user.uid", f"{user.name}: {uid} belongs to another user")
        groups = {int(row[2]) for row in self.group.values()}
        if uid is None:
            free = (n for n in range(_FIRST_USER, _LAST_USER) if n not in taken | groups)
            uid = next(free)
        if user.name in self.group:
            gid = int(self.group[user.name][2])
        else:
            gid = uid
            if gid in groups:
                raise ConfigurationError("user.uid", f"{user.name}: {uid} is another group's")
            self.group[user.name] = [user.name, "x", str(gid), ""]
        home = user.home or f"/home/{user.name}"
        shell = self._shell(user.shell)
        row = [user.name, "x", str(uid), str(gid), user.comment, home, shell]
        self.passwd[user.name] = row
        self._set_hash(user.name, "!")
        return row

    def _shell(self, wanted: str) -> str:
        if self.tree.resolve(wanted) is None and wanted == User("").shell:
            return _FALLBACK_SHELL
        if self.tree.resolve(wanted) is None:
            raise ConfigurationError("user.shell", f"{wanted} is not in the image")
        return wanted

    def _set_hash(self, name: str, hash: str) -> None:
        row = self.shadow.get(name) or [name, "", "", "0", "99999", "7", "", "", ""]
        row[1], row[2] = hash, str(self.time // _DAY)
        self.shadow[name] = row

    def _skeleton(self, home: str, uid: int, gid: int) -> None:
        for path, node in list(self.tree.items()):
            if path.startswith("/etc/skel/") and not node.link:
                copy = Node(node.kind, node.mode, uid, gid, node.mtime, node.content, node.target)
                self.tree.add(home + path.removeprefix("/etc/skel"), copy)


def _rows(tree: Tree, path: str, fields: int, numbers: Sequence[int] = ()) -> dict[str, list[str]]:
    """Return the lines of a file of accounts by their first field; short lines are filled up.

    Raises TreeError if one of the fields ``numbers`` is none.
    """
    rows: dict[str, list[str]] = {}
    for number, line in enumerate(read_text(tree, path).splitlines(), 1):
        if not line or line[0] in "#+-":
            continue
        row = rows[line.partition(":")[0]] = (line.split(":") + [""] * fields)[:fields]
        for field in numbers:
            if not (row[field].isascii() and row[field].isdigit() and len(row[field]) <= 10):
                raise TreeError(
                    path, f"line {number}: {row[field]!r} is not the number of a user or group"
                )
    return rows


def apply_users(tree: Tree, users: Sequence[User], time: int) -> Accounts:
    """Put logins into a tree; return them, for questions about owners."""
    accounts = Accounts(tree, time)
    unpacker = Unpacker(tree, keep_directories=True)
    if "/home" not in tree:
        tree.add("/home", directory(mtime=time))
    for user in users:
        accounts.apply(user, unpacker)
    accounts.save(unpacker)
    return accounts
