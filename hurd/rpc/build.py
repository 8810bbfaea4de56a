"""Write `_hurd_abi.py`: every C declaration of this package, for cffi's out-of-line ABI mode.

Run by hand when the tables change (needs cffi; the result needs only its _cffi_backend):
`python -m hurd.rpc.build`.  A test compares the two.  One module serves i686 and x86_64: it names C
types, and cffi computes their sizes and the layout of structures on the machine it runs on.
"""

from __future__ import annotations

from pathlib import Path

from hurd.rpc.notation import C_TYPES, Parameter, Routine, routines
from hurd.structures import SPARE, STRUCTURES

TARGET = Path(__file__).with_name("_hurd_abi.py")

# What drover calls in libc.so.0.3 itself.
LIBC = """
uint32_t file_name_lookup(const char *name, int flags, uint32_t mode);
uint32_t file_name_lookup_under(uint32_t directory, const char *name, int flags, uint32_t mode);
uint32_t file_name_split(const char *file, char **name);
uint32_t directory_name_split(const char *file, char **name);
uint32_t file_name_path_lookup(const char *name, const char *path, int flags, uint32_t mode,
    char **prefixed_name);
uint32_t getauth(void);
uint32_t getproc(void);
uint32_t getcrdir(void);
uint32_t getcwdir(void);
uint32_t getcttyid(void);
uint32_t getdport(int fd);
int setauth(uint32_t port);
int setproc(uint32_t port);
int setcrdir(uint32_t port);
int setcwdir(uint32_t port);
int setcttyid(uint32_t port);
int openport(uint32_t port, int flags);
int get_privileged_ports(uint32_t *host_priv, uint32_t *device_master);
int32_t task2pid(uint32_t task);
uint32_t pid2task(int32_t pid);
int hurd_sig_post(int32_t pid, int sig, uint32_t refport);
int hurd_thread_cancel(uint32_t thread);
int hurd_check_cancel(void);
void free(void *memory);
extern uint32_t __mach_task_self_;
uint32_t mach_host_self(void);
uint32_t mach_thread_self(void);
uint32_t mach_reply_port(void);
int mach_msg(void *message, int option, uint32_t send_size, uint32_t rcv_size, uint32_t rcv_name,
    uint32_t timeout, uint32_t notify);
void mach_print(const char *text);
"""


def structure(name: str) -> str:
    """The declaration of one structure."""
    fields = []
    names = {made: c_name for c_name, made in STRUCTURES.items()}
    for field, kind in STRUCTURES[name].__annotations__.items():
        if kind.startswith("char"):
            fields.append(f"char {field}[{kind[4:]}];")
        else:
            nested = [names[made] for made in names if made.__name__ == kind]
            fields.append(f"{nested[0] if nested else C_TYPES[kind]} {field};")
    if name in SPARE:
        fields.append(f"int32_t spare[{SPARE[name]}];")
    return f"typedef struct {{ {' '.join(fields)} }} {name};"


def _arguments(parameter: Parameter) -> list[str]:
    name, kind = parameter.name, C_TYPES.get(parameter.kind, parameter.kind)
    if parameter.array:
        pointers = "**" if parameter.yielded and not parameter.capacity else "*"
        made = [f"{'' if parameter.yielded else 'const '}{kind} {pointers}{name}"]
    elif parameter.text:
        made = [f"char *{name}" if parameter.yielded else f"const char *{name}"]
    else:
        made = [f"{kind} *{name}" if parameter.yielded else f"{kind} {name}"]
    by_reference = "*" if parameter.yielded else ""
    if parameter.disposition:
        made.append(f"uint32_t {by_reference}{name}_disposition")
    if parameter.array:
        made.append(f"uint32_t {by_reference}{name}_count")
    return made


def prototype(routine: Routine) -> str:
    """The declaration of one routine's stub."""
    arguments = [made for parameter in routine.parameters for made in _arguments(parameter)]
    return f"int {routine.name}({', '.join(arguments)});"


def declarations() -> str:
    """Everything, as C."""
    lines = [structure(name) for name in STRUCTURES]
    lines += [prototype(routine) for routine in routines() if routine.library]
    return "\n".join(lines) + LIBC


def write(path: Path) -> None:
    """Write the module to `path`."""
    write_abi("hurd.rpc._hurd_abi", declarations(), path)


def write_abi(module: str, text: str, path: Path) -> None:
    """Write the declarations `text`, as `module` is to have them, to `path`."""
    from cffi import FFI

    builder = FFI()
    builder.cdef(text)
    builder.set_source(module, None)
    builder.emit_python_code(str(path))
    path.write_text(
        "# ruff: noqa\n# fmt: off\n" + path.read_text(encoding="utf-8"), encoding="utf-8"
    )


if __name__ == "__main__":
    write(TARGET)
