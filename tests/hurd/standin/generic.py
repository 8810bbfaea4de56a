"""Writes the C of every routine that the stand-in has no idea of: it notes what it got and answers
with values that the tests know.

The functions are weak, so those that the stand-in's other files define take their place.  A call is
noted as text, argument by argument: numbers, ports as `name/disposition`, bytes in hexadecimal.
Results count up from 101, one for each number; arrays have `standin_length` elements.
"""

from __future__ import annotations

from hurd.rpc.build import prototype
from hurd.rpc.notation import C_TYPES, Parameter, Routine, routines
from hurd.structures import STRUCTURES

HEAD = """
#include "standin.h"

char standin_note[65536];
int standin_length = 3;
static int next_value;
static char *end_of_note;

#define NOTE(...) (end_of_note += sprintf (end_of_note, __VA_ARGS__))
static inline void
note_bytes (const char *data, size_t size)
{
  for (size_t i = 0; i < size; i++)
    NOTE ("%02x", (unsigned char) data[i]);
  NOTE (" ");
}
static inline uint32_t
new_port (void)
{
  return port_give_new (port_new (SERVICE, 0));
}
"""


def fields_of(name: str, path: str) -> list[tuple[str, bool]]:
    """The paths of a structure's numbers, with whether they are strings."""
    by_class = {made.__name__: c_name for c_name, made in STRUCTURES.items()}
    found = []
    for field, kind in STRUCTURES[name].__annotations__.items():
        if kind in by_class:
            found += fields_of(by_class[kind], f"{path}.{field}")
        else:
            found.append((f"{path}.{field}", kind.startswith("char")))
    return found


def note(parameter: Parameter) -> list[str]:
    name, kind = parameter.name, parameter.kind
    value = f"*{name}" if parameter.yielded else name
    if parameter.array:
        count = f"{name}_count"
        if kind == "char":
            return [f"note_bytes ({name}, {count});"]
        made = [
            f"for (uint32_t i = 0; i < {count}; i++)",
            f'  NOTE ("%lld,", (long long) {name}[i]);',
        ]
        if parameter.disposition:
            made.append(f'NOTE ("/%u", {name}_disposition);')
        return [*made, 'NOTE (" ");']
    if parameter.text:
        return [f"note_bytes ({name}, {parameter.text});"]
    if kind in STRUCTURES:
        return [f'NOTE ("%lld ", (long long) {path});' for path, _ in fields_of(kind, f"({value})")]
    if parameter.disposition:
        return [f'NOTE ("%u/%u ", {value}, {name}_disposition);']
    return [f'NOTE ("%lld ", (long long) {value});']


def fill(place: str, kind: str) -> list[str]:
    if kind in STRUCTURES:
        return [
            f'sprintf ({path}, "text %d", ++next_value);' if text else f"{path} = ++next_value;"
            for path, text in fields_of(kind, place)
        ]
    return [f"{place} = {'new_port ()' if kind == 'P' else '++next_value'};"]


def answer(parameter: Parameter) -> list[str]:
    name, kind = parameter.name, parameter.kind
    if parameter.text:
        return [f'sprintf ({name}, "text %d", ++next_value);']
    if not parameter.array:
        made = fill(f"(*{name})", kind)
        return [*made, f"*{name}_disposition = 17;"] if parameter.disposition else made
    c_type = C_TYPES.get(kind, kind)
    length = "standin_length"
    if parameter.capacity:
        length = f"(standin_length < (int) *{name}_count ? standin_length : (int) *{name}_count)"
        give = [f"memcpy ({name}, made, length * sizeof *made);", f"*{name}_count = length;"]
    else:
        give = [f"ARRAY ({name}, {name}_count, made, length);"]
    return [
        "{",
        f"  int length = {length};",
        f"  {c_type} *made = calloc (length + 1, sizeof *made);",
        "  for (int i = 0; i < length; i++)",
        "    {",
        *[f"      {line}" for line in fill("made[i]", kind)],
        "    }",
        *[f"  {line}" for line in give],
        "  free (made);",
        "}",
    ]


def definition(routine: Routine) -> str:
    body = [f"ENTER ({routine.name});", "end_of_note = standin_note;", "next_value = 100;"]
    for parameter in routine.parameters:
        if parameter.taken:
            body += note(parameter)
    for parameter in routine.parameters:
        if parameter.yielded:
            body += answer(parameter)
    lines = "\n".join(f"  {line}" for line in [*body, "return 0;"])
    head = prototype(routine).removesuffix(";")
    return f"__attribute__ ((weak)) {head}\n{{\n{lines}\n}}\n"


def source() -> str:
    """The whole file."""
    made = [definition(routine) for routine in routines() if routine.library]
    return HEAD + "\n".join(made)
