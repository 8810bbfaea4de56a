"""Where the values of a configuration come from, and where each stands, for messages.

A layer is a file or the command line; a later layer's value goes before an earlier one's.  Keys are
flat: ``source.archive`` is the key ``archive`` of the table ``source``; a list of tables, such as
``user``, is one value.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from image.errors import ConfigurationError

_HEADER: Final = re.compile(r"^\s*(\[\[?)\s*([^\]]+?)\s*\]\]?\s*(#.*)?$")
_ASSIGNMENT: Final = re.compile(r"^\s*([A-Za-z0-9_\".'-]+)\s*=")


@dataclass(frozen=True)
class Value:
    """A value as it was written; ``where`` names it in messages, ``base`` is for relative files.

    The value of a list of tables is a list of mappings from keys to values of this type.
    """

    value: Any
    where: str
    base: Path


Layer = Mapping[str, Value]


def read_file(path: Path) -> dict[str, Value]:
    """Return the values in a TOML file; raises ConfigurationError with file and line."""
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigurationError(str(path), f"not UTF-8 (at byte {error.start})") from error
    except OSError as error:
        raise ConfigurationError(str(path), error.strerror or str(error)) from error
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.fullmatch(r"(.*) \(at line (\d+), column (\d+)\)", str(error), re.DOTALL)
        if found is None:  # the end of the document
            line = text.count("\n") + 1
            raise ConfigurationError(f"{path}:{line}", str(error)) from error
        raise ConfigurationError(f"{path}:{found[2]}:{found[3]}", found[1]) from error
    lines = key_lines(text)

    def place(key: str) -> str:
        return f"{path}:{lines[key]}: {key}" if key in lines else f"{path}: {key}"

    base = path.parent.resolve()
    values = {}
    for key, value in document.items():
        if isinstance(value, dict):
            for name, inner in value.items():
                values[f"{key}.{name}"] = Value(inner, place(f"{key}.{name}"), base)
        elif isinstance(value, list) and all(isinstance(one, dict) for one in value):
            rows = [
                {
                    name: Value(inner, place(f"{key}[{number}].{name}"), base)
                    for name, inner in row.items()
                }
                for number, row in enumerate(value, 1)
            ]
            values[key] = Value(rows, place(key), base)
        else:
            values[key] = Value(value, place(key), base)
    return values


def key_lines(text: str) -> dict[str, int]:
    """Return the line of each key of a TOML text, as far as that is plain to see.

    A key in the second table of the list ``user`` is ``user[2].name``.
    """
    lines: dict[str, int] = {}
    table = ""
    count: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        header = _HEADER.match(line)
        if header is not None:
            table = header[2].strip().strip("\"'")
            lines.setdefault(table, number)
            if header[1] == "[[":
                count[table] = count.get(table, 0) + 1
                table = f"{table}[{count[table]}]"
                lines[table] = number
            continue
        assignment = _ASSIGNMENT.match(line)
        if assignment is not None:
            name = assignment[1].strip("\"'")
            lines.setdefault(f"{table}.{name}" if table else name, number)
    return lines


def merged(layers: Collection[Layer], known: Collection[str]) -> dict[str, Value]:
    """Return the last value of each key; raises ConfigurationError for an unknown key."""
    values: dict[str, Value] = {}
    for layer in layers:
        for key, value in layer.items():
            refuse_unknown(key, value.where, known)
            values[key] = value
    return values


def refuse_unknown(key: str, where: str, known: Collection[str]) -> None:
    """Raise ConfigurationError, with the most similar known keys, for one that is not known."""
    if key in known:
        return
    last = key.rpartition(".")[2]
    # The right name in the wrong table, or in none; or else what looks like it.
    similar = [one for one in known if one.rpartition(".")[2] == last]
    similar = similar or difflib.get_close_matches(key, known, 1)
    hint = f"; did you mean {' or '.join(similar[:2])}?" if similar else ""
    raise ConfigurationError(where, f"unknown key{hint}")


def tables(value: Value, known: Collection[str], name: str) -> Iterator[Mapping[str, Value]]:
    """Yield each table of the list of tables ``name``."""
    if not isinstance(value.value, list) or not all(isinstance(one, dict) for one in value.value):
        raise ConfigurationError(value.where, f"must be tables: [[{name}]]")
    for table in value.value:
        for key, inner in table.items():
            refuse_unknown(key, inner.where, known)
        yield table
