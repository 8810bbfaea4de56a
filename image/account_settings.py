"""The part of a configuration that is about logins: passwords, SSH keys, users."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from image import values
from image.errors import ConfigurationError
from image.layers import Value, tables
from image.passwords import hash_password
from image.settings import User

_PASSWORDS: Final = {
    "password": "the password, in plain text; '' for none needed",
    "password-hash": "the password, as in /etc/shadow",
    "password-file": "a file whose first line is the password",
}
ACCOUNT_KEYS: Final = {
    **_PASSWORDS,
    "ssh-keys": "public keys, or files with some",
}
USER_KEYS: Final = ("name", *_PASSWORDS, "ssh-keys", "uid", "groups", "shell", "home", "comment")


def read_root(found: Mapping[str, Value], salt: str | None) -> User:
    """Return root's login; ``salt`` is as for `image.passwords`."""
    row = {name: found[f"root.{name}"] for name in ACCOUNT_KEYS if f"root.{name}" in found}
    return User("root", _password(row, "root", salt), _keys(row), home="/root")


def read_users(value: Value | None, salt: str | None) -> tuple[User, ...]:
    """Return the users of the list of tables ``user``."""
    if value is None:
        return ()
    users: dict[str, User] = {}
    for row in tables(value, USER_KEYS, "user"):
        if "name" not in row:
            place = next(iter(row.values())).where if row else value.where
            raise ConfigurationError(place, "this user has no name")
        name = _take(row, "name", values.user_name, "")
        if name == "root":
            raise ConfigurationError(row["name"].where, "root has a table of its own: [root]")
        if name in users:
            raise ConfigurationError(row["name"].where, f"there are two users {name}")
        users[name] = User(
            name=name,
            password=_password(row, name, salt),
            ssh_keys=_keys(row),
            uid=_take(row, "uid", values.user_number, None),
            groups=_take(row, "groups", values.many(values.user_name), ()),
            shell=_take(row, "shell", values.target, "/bin/bash"),
            home=_take(row, "home", values.target, f"/home/{name}"),
            comment=_take(row, "comment", _comment, ""),
        )
    return tuple(users.values())


def _take(row: Mapping[str, Value], name: str, check: Callable[[Any], Any], default: Any) -> Any:
    value = row.get(name)
    if value is None:
        return default
    try:
        return check(value.value)
    except ValueError as error:
        raise ConfigurationError(value.where, str(error)) from None


def _comment(value: Any) -> str:
    if ":" in values.text(value):
        raise ValueError(f"{value!r} has a colon")
    return str(value)


def _password(row: Mapping[str, Value], name: str, salt: str | None) -> str | None:
    given = [row[key] for key in _PASSWORDS if key in row]
    if len(given) > 1:
        raise ConfigurationError(given[1].where, f"{given[0].where} sets the password already")
    if not given:
        return None
    where = given[0].where
    if "password-hash" in row:
        return str(_take(row, "password-hash", values.password_hash, ""))
    if "password-file" in row:
        base = row["password-file"].base
        path = _take(row, "password-file", lambda v: values.existing_file(v, base), None)
        try:
            lines = path.read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(where, f"{path}: {error}") from None
        plain = lines[0] if lines else ""
    else:
        plain = _take(row, "password", values.password, "")
    return hash_password(plain, where, None if salt is None else f"{name} {salt}")


def _keys(row: Mapping[str, Value]) -> tuple[str, ...]:
    value = row.get("ssh-keys")
    if value is None:
        return ()
    base = value.base
    lists = _take(row, "ssh-keys", values.many(lambda one: values.ssh_keys(one, base)), ())
    return tuple(key for keys in lists for key in keys)
