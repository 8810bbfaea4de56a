"""Hash tables: Guile's own procedures, SRFI 69's and R6RS's names.

``hash-``, ``hashq-`` and ``hashv-`` may be mixed on one table in Guile as long as
each key is used with one of them; here each family wraps keys so that its notion of
equality holds.  SRFI 69 tables remember theirs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from services.scheme.errors import wrong_type
from services.scheme.library import checks
from services.scheme.library.apply import call
from services.scheme.library.checks import expecting, procedure
from services.scheme.library.equality import equal_key, eqv_key
from services.scheme.primitives import Library, Primitive, Steps
from services.scheme.types import HashTable, Pair, Procedure, Value, iterate, scheme_list

LIBRARY = Library()


class KeyedTable(HashTable):
    """A table made by SRFI 69 or R6RS procedures: it knows how its keys compare."""

    __slots__ = ("key",)

    def __init__(self, key: Callable[[Value], Any] = equal_key) -> None:
        super().__init__()
        self.key = key


def table(value: Value, who: str, position: int) -> HashTable:
    if not isinstance(value, HashTable):
        raise expecting(who, position, "hash-table", value)
    return value


def _make(*options: Value) -> HashTable:
    """Guile's optional size, or SRFI 69's equivalence and hash function."""
    if options and isinstance(options[0], Procedure):
        return KeyedTable(_key_function(options[0]))
    checks.size(options[0] if options else 0)
    return HashTable()


for _name in ("make-hash-table", "make-weak-key-hash-table", "make-weak-value-hash-table",
              "make-doubly-weak-hash-table"):  # fmt: skip
    LIBRARY.primitive(_name, 0, None)(_make)

LIBRARY.primitive("hash-table?", 1)(lambda value: isinstance(value, HashTable))
LIBRARY.primitive("hashtable?", 1)(lambda value: isinstance(value, HashTable))
for _name in ("weak-key-hash-table?", "weak-value-hash-table?", "doubly-weak-hash-table?"):
    LIBRARY.primitive(_name, 1)(lambda value: False)


def _family(prefix: str, key_of: Callable[[Value], Any]) -> None:
    reader, writer = f"scm_{prefix}_fn_get_handle", f"scm_{prefix}_fn_create_handle_x"
    reader = reader.replace("hashq", "hash").replace("hashv", "hash")
    writer = writer.replace("hashq", "hash").replace("hashv", "hash")

    def ref(value: Value, key: Value, default: Value = False) -> Value:
        entry = table(value, reader, 1).entries.get(key_of(key))
        return default if entry is None else entry[1]

    def assign(value: Value, key: Value, new: Value) -> Value:
        entries = table(value, writer, 1).entries
        wrapped = key_of(key)
        old = entries.get(wrapped)
        entries[wrapped] = (key if old is None else old[0], new)
        return new

    def remove(value: Value, key: Value) -> Value:
        entry = table(value, "scm_hash_fn_remove_x", 1).entries.pop(key_of(key), None)
        return False if entry is None else Pair(*entry)

    def handle(value: Value, key: Value) -> Value:
        entry = table(value, reader, 1).entries.get(key_of(key))
        return False if entry is None else Pair(*entry)

    def create_handle(value: Value, key: Value, new: Value) -> Value:
        entries = table(value, writer, 1).entries
        return Pair(*entries.setdefault(key_of(key), (key, new)))

    LIBRARY.primitive(f"{prefix}-ref", 2, 3)(ref)
    LIBRARY.primitive(f"{prefix}-set!", 3)(assign)
    LIBRARY.primitive(f"{prefix}-remove!", 2)(remove)
    LIBRARY.primitive(f"{prefix}-get-handle", 2)(handle)
    LIBRARY.primitive(f"{prefix}-create-handle!", 3)(create_handle)


_family("hash", equal_key)
_family("hashq", eqv_key)
_family("hashv", eqv_key)


def _number(name: str, key_of: Callable[[Value], Any]) -> None:
    def fn(value: Value, size: Value = (1 << 59)) -> int:
        limit = checks.exact_integer(size)
        if limit <= 0:
            raise checks.not_in_range(1, checks.UNSIGNED_LONG, size)
        return hash(key_of(value)) % limit

    LIBRARY.primitive(name, 1, 2)(fn)


_number("hash", equal_key)
_number("hashq", eqv_key)
_number("hashv", eqv_key)
_number("equal-hash", equal_key)


@LIBRARY.primitive("hash-clear!", 1)
def clear(value: Value) -> None:
    table(value, "hash-clear!", 1).entries.clear()


LIBRARY.primitive("hash-table-clear!", 1)(clear)
LIBRARY.primitive("hashtable-clear!", 1, 2)(lambda value, size=0: clear(value))


def _entries(value: Value, who: str, position: int) -> list[tuple[Value, Value]]:
    return list(table(value, who, position).entries.values())


@LIBRARY.procedure("hash-fold", 3)
def fold(proc: Value, seed: Value, value: Value) -> Steps:
    procedure(proc, "hash-fold", 1)
    for key, item in _entries(value, "hash-fold", 3):
        seed = yield from call(proc, key, item, seed)
    return seed


@LIBRARY.procedure("hash-for-each", 2)
def for_each(proc: Value, value: Value) -> Steps:
    procedure(proc, "hash-for-each", 1)
    for key, item in _entries(value, "hash-for-each", 2):
        yield from call(proc, key, item)


@LIBRARY.procedure("hash-for-each-handle", 2)
def for_each_handle(proc: Value, value: Value) -> Steps:
    procedure(proc, "hash-for-each-handle", 1)
    for entry in _entries(value, "hash-for-each-handle", 2):
        yield from call(proc, Pair(*entry))


@LIBRARY.procedure("hash-map->list", 2)
def map_to_list(proc: Value, value: Value) -> Steps:
    procedure(proc, "hash-map->list", 1)
    results = []
    for key, item in _entries(value, "hash-map->list", 2):
        results.append((yield from call(proc, key, item)))
    return scheme_list(results[::-1])


@LIBRARY.procedure("hash-count", 2)
def count(pred: Value, value: Value) -> Steps:
    procedure(pred, "hash-count", 1)
    total = 0
    for key, item in _entries(value, "hash-count", 2):
        total += (yield from call(pred, key, item)) is not False
    return total


# SRFI 69 and R6RS


def _key_function(matches: Value) -> Callable[[Value], Any]:
    if isinstance(matches, Primitive) and matches.name in ("eq?", "eqv?", "="):
        return eqv_key
    return equal_key


LIBRARY.primitive("make-equal-hashtable", 0, 1)(lambda size=0: KeyedTable(equal_key))
LIBRARY.primitive("make-eq-hashtable", 0, 1)(lambda size=0: KeyedTable(eqv_key))
LIBRARY.primitive("make-eqv-hashtable", 0, 1)(lambda size=0: KeyedTable(eqv_key))
LIBRARY.primitive("make-hashtable", 2, 3)(
    lambda hasher, matches, size=0: KeyedTable(_key_function(matches))
)


def _key(value: HashTable, key: Value) -> Any:
    return value.key(key) if type(value) is KeyedTable else equal_key(key)


@LIBRARY.procedure("hash-table-ref", 2, 4)
def table_ref(value: Value, key: Value, failure: Value = None, success: Value = None) -> Steps:
    entry = table(value, "hash-table-ref", 1).entries.get(_key(value, key))
    if entry is not None:
        return entry[1] if success is None else (yield from call(success, entry[1]))
    if failure is None:
        raise wrong_type("hash-table-ref", 2, key)
    return (yield from call(failure))


@LIBRARY.primitive("hash-table-ref/default", 3)
def table_ref_default(value: Value, key: Value, default: Value) -> Value:
    entry = table(value, "hash-table-ref/default", 1).entries.get(_key(value, key))
    return default if entry is None else entry[1]


LIBRARY.alias("hashtable-ref", "hash-table-ref/default")


@LIBRARY.primitive("hash-table-set!", 3)
def table_set(value: Value, key: Value, new: Value) -> None:
    table(value, "hash-table-set!", 1).entries[_key(value, key)] = (key, new)


LIBRARY.alias("hashtable-set!", "hash-table-set!")


@LIBRARY.primitive("hash-table-delete!", 2)
def table_delete(value: Value, key: Value) -> None:
    table(value, "hash-table-delete!", 1).entries.pop(_key(value, key), None)


LIBRARY.alias("hashtable-delete!", "hash-table-delete!")


@LIBRARY.primitive("hash-table-exists?", 2)
def table_exists(value: Value, key: Value) -> bool:
    return _key(value, key) in table(value, "hash-table-exists?", 1).entries


LIBRARY.alias("hash-table-contains?", "hash-table-exists?")
LIBRARY.alias("hashtable-contains?", "hash-table-exists?")


@LIBRARY.primitive("hash-table-size", 1)
def table_size(value: Value) -> int:
    return len(table(value, "hash-table-size", 1).entries)


LIBRARY.alias("hash-table-count", "hash-table-size")
LIBRARY.alias("hashtable-size", "hash-table-size")


@LIBRARY.procedure("hash-table-update!", 3, 4)
def table_update(value: Value, key: Value, proc: Value, failure: Value = None) -> Steps:
    old = yield from table_ref(value, key, failure)
    table_set(value, key, (yield from call(proc, old)))


@LIBRARY.procedure("hash-table-update!/default", 4)
def table_update_default(value: Value, key: Value, proc: Value, default: Value) -> Steps:
    old = table_ref_default(value, key, default)
    table_set(value, key, (yield from call(proc, old)))


@LIBRARY.procedure("hashtable-update!", 4)
def hashtable_update(value: Value, key: Value, proc: Value, default: Value) -> Steps:
    yield from table_update_default(value, key, proc, default)


LIBRARY.procedure("hash-table-walk", 2)(lambda value, proc: for_each(proc, value))
LIBRARY.procedure("hash-table-fold", 3)(lambda value, proc, seed: fold(proc, seed, value))


@LIBRARY.primitive("hash-table->alist", 1)
def table_to_alist(value: Value) -> Value:
    return scheme_list([Pair(*entry) for entry in _entries(value, "hash-table->alist", 1)])


@LIBRARY.primitive("hash-table-keys", 1)
def table_keys(value: Value) -> Value:
    return scheme_list([key for key, _ in _entries(value, "hash-table-keys", 1)])


@LIBRARY.primitive("hash-table-values", 1)
def table_values(value: Value) -> Value:
    return scheme_list([item for _, item in _entries(value, "hash-table-values", 1)])


LIBRARY.primitive("hashtable-keys", 1)(lambda v: list(iterate(table_keys(v))))


@LIBRARY.primitive("hash-table-copy", 1, 2)
def table_copy(value: Value, mutable: Value = True) -> HashTable:
    source = table(value, "hash-table-copy", 1)
    copy = KeyedTable(source.key) if type(source) is KeyedTable else HashTable()
    copy.entries.update(source.entries)
    return copy


LIBRARY.alias("hashtable-copy", "hash-table-copy")


def _alist_table(name: str, key_of: Callable[[Value], Any], plain: bool) -> None:
    def fn(alist: Value, *rest: Value) -> HashTable:
        wrap = key_of if plain else _key_function(rest[0] if rest else None)
        result = HashTable() if plain else KeyedTable(wrap)
        for entry in checks.items(alist, name, 1):
            if type(entry) is not Pair:
                raise wrong_type(name, 1, alist)
            result.entries.setdefault(wrap(entry.car), (entry.car, entry.cdr))
        return result

    LIBRARY.primitive(name, 1, 1 if plain else None)(fn)


_alist_table("alist->hash-table", equal_key, False)
_alist_table("alist->hashq-table", eqv_key, True)
_alist_table("alist->hashv-table", eqv_key, True)
