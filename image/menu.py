"""GRUB's menu of an image: the kernel, the servers it starts as boot modules, and their words.

GNU Mach expands `${name}` and `$(function)` in the words of its modules; GRUB would expand them
first, so each word with a dollar is in single quotes.  The module lists are those of the Hurd's own
boot: disks in an i386 kernel need two modules, disks of rumpdisk five.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal

from image.errors import ConfigurationError, TreeError
from image.tree import Tree

Cpu = Literal["i386", "amd64"]
Driver = Literal["kernel", "rumpdisk"]

CONFIGURATION = "/boot/grub/grub.cfg"
_SPEED = 115200
_LOADERS = {"i386": ("/lib/ld.so.1", "/lib/ld.so"), "amd64": ("/lib/ld-x86-64.so.1",)}
_KERNEL_NAME = re.compile(r"/boot/gnumach(?P<version>-[^/]*?)?(\.gz)?")
_COMMAND_LINE = "--multiboot-command-line=${kernel-command-line}"
_PRIVILEGES = ("--host-priv-port=${host-port}", "--device-master-port=${device-port}")
_EXEC_TASK = "--exec-server-task=${exec-task}"
_SAFE = re.compile(r"[A-Za-z0-9_./:=,@%+-]+")


@dataclass(frozen=True)
class MenuSettings:
    """What the menu is to say.

    `console` is "vga" or "com0" to "com3"; `words` are more words for the kernel's command line;
    `root` is the root filesystem's device, by default the first partition of the first disk.
    """

    cpu: Cpu = "i386"
    driver: Driver | None = None
    """By default the kernel's own for i386; amd64 has rumpdisk only."""
    console: str = "com0"
    timeout: int = 3
    title: str = "GNU/Hurd"
    words: tuple[str, ...] = ()
    root: str = ""
    kernel: str = ""
    """The kernel's path; by default the newest one in /boot."""


@dataclass(frozen=True)
class BootModule:
    """A boot module: its file in the image, and its words, the label first."""

    path: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class MenuEntry:
    """One way to boot: the words of the kernel's command line, and the modules in order."""

    title: str
    kernel: str
    words: tuple[str, ...]
    modules: tuple[BootModule, ...]


def disk_driver(settings: MenuSettings) -> Driver:
    """Return which driver the disks have; ConfigurationError if the CPU has no such one."""
    if settings.cpu == "amd64":
        if settings.driver == "kernel":
            raise ConfigurationError("driver", "an amd64 kernel has no disk drivers: use rumpdisk")
        return "rumpdisk"
    return settings.driver or "kernel"


def make_menu(tree: Tree, settings: MenuSettings) -> str:
    """Return the grub.cfg for a root tree.

    Raises TreeError for a kernel or module that the tree lacks, ConfigurationError for words that
    cannot be passed to the kernel.
    """
    return write_menu(menu_entries(tree, settings), settings)


def menu_entries(tree: Tree, settings: MenuSettings) -> list[MenuEntry]:
    """Return the entries: as usual, single-user, and with another form of exec if there is one."""
    driver = disk_driver(settings)
    kernel = find_kernel(tree, settings.kernel)
    words = _kernel_words(settings, driver)
    servers = _servers(tree, driver)
    execs = _exec_forms(tree, settings.cpu)
    title = settings.title
    usual = MenuEntry(title, kernel, words, (*servers, execs[0]))
    entries = [
        usual,
        MenuEntry(f"{title} (single-user mode)", kernel, (*words, "single"), usual.modules),
    ]
    if len(execs) > 1:
        entries.append(
            MenuEntry(f"{title} (exec by the dynamic linker)", kernel, words, (*servers, execs[1]))
        )
    return entries


def live_entries(tree: Tree, settings: MenuSettings, root: str) -> list[MenuEntry]:
    """Return the entries for a root filesystem in memory, which GRUB loads from the file `root`.

    The kernel makes a disk of it (`$(ramdisk-create)`, Debian's kernels), so none needs a driver.
    """
    tree_kernel = find_kernel(tree, settings.kernel)
    words = _kernel_words(replace(settings, root=settings.root or "device:rd0"), "kernel")
    disk = BootModule(root, (root.rpartition("/")[2], "$(ramdisk-create)"))
    modules = (disk, *_servers(tree, "kernel"), _exec_forms(tree, settings.cpu)[0])
    return [
        MenuEntry(settings.title, tree_kernel, words, modules),
        MenuEntry(f"{settings.title} (single-user mode)", tree_kernel, (*words, "single"), modules),
    ]


def write_menu(entries: list[MenuEntry], settings: MenuSettings) -> str:
    """Return the text of a grub.cfg with these entries."""
    lines = ["set default=0", f"set timeout={settings.timeout}"]
    if len(entries) > 2:
        lines.append("set fallback=2")
    if settings.console.startswith("com"):
        lines += [
            f"serial --unit={settings.console[3:]} --speed={_SPEED}",
            "terminal_input serial console",
            "terminal_output serial console",
        ]
    for entry in entries:
        lines += ["", f"menuentry {quote(entry.title)} {{"]
        lines.append("  " + " ".join(["multiboot", *map(quote, (entry.kernel, *entry.words))]))
        for module in entry.modules:
            lines.append("  " + " ".join(["module", *map(quote, (module.path, *module.words))]))
        lines.append("}")
    return "\n".join(lines) + "\n"


def quote(word: str) -> str:
    """Return a word as GRUB's shell must read it to leave it alone."""
    if _SAFE.fullmatch(word):
        return word
    return "'" + word.replace("'", "'\\''") + "'"


def find_kernel(tree: Tree, wanted: str = "") -> str:
    """Return the path of the kernel: the one that is wanted, or the newest one of the tree."""
    if wanted:
        if not _is_file(tree, wanted):
            raise TreeError(wanted, "the kernel is not in the root tree")
        return wanted
    for path in ("/boot/gnumach.gz", "/boot/gnumach"):
        if _is_file(tree, path):
            return path
    found = [
        path for path in tree if _KERNEL_NAME.fullmatch(path) and _is_file(tree, path)
    ]  # fmt: skip
    if not found:
        raise TreeError("/boot/gnumach*", "no kernel in the root tree (package gnumach-image-1-…)")
    return max(found, key=_kernel_order)


def _kernel_order(path: str) -> tuple[bool, list[int], bool, int, str]:
    """Ordinary kernels, newer ones, those for one processor, and plain names come last."""
    match = _KERNEL_NAME.fullmatch(path)
    version = (match and match["version"]) or ""
    numbers = [int(part) for part in re.findall(r"\d+", version)]
    ordinary = not re.search(r"-(xen|dbg)\b", version)
    return ordinary, numbers, not version.endswith("-smp"), -len(path), path


def _kernel_words(settings: MenuSettings, driver: Driver) -> tuple[str, ...]:
    # The kernel's drivers know partitions; "part:" needs an ext2fs with libparted, and rumpdisk it.
    root = settings.root or ("device:hd0s1" if driver == "kernel" else "part:1:device:wd0")
    words = [f"root={root}"]
    if settings.console.startswith("com"):
        if settings.console not in ("com0", "com1", "com2", "com3"):
            raise ConfigurationError("console", f"{settings.console!r} is not one of com0 to com3")
        words.append(f"console={settings.console}")
    elif settings.console != "vga":
        raise ConfigurationError("console", f"{settings.console!r} is neither vga nor com0 to com3")
    if settings.cpu == "i386" and driver == "rumpdisk":
        words += ["noide", "noahci"]
    for word in settings.words:
        if not word or any(c.isspace() or c in "\"'\\" or not c.isprintable() for c in word):
            problem = f"{word!r} has a blank, a quote or a backslash, which the kernel cannot take"
            raise ConfigurationError("kernel_arguments", problem)
        words.append(word)
    return tuple(words)


def _servers(tree: Tree, driver: Driver) -> tuple[BootModule, ...]:
    """The modules from the disk's driver to the root filesystem."""
    modules: tuple[BootModule, ...]
    if driver == "kernel":
        ext2fs = BootModule(
            "/hurd/ext2fs.static",
            ("ext2fs", _COMMAND_LINE, *_PRIVILEGES, _EXEC_TASK, "-T", "typed", "${root}",
             "$(task-create)", "$(task-resume)"),
        )  # fmt: skip
        modules = (ext2fs,)
    else:
        modules = (
            # Only the first one has the privileged ports and is resumed; it starts the next.
            BootModule(
                "/hurd/pci-arbiter.static",
                ("pci-arbiter", *_PRIVILEGES, "--next-task=${acpi-task}",
                 "$(pci-task=task-create)", "$(task-resume)"),
            ),
            BootModule(
                "/hurd/acpi.static",
                ("acpi", "--next-task=${disk-task}", "$(acpi-task=task-create)"),
            ),
            BootModule(
                "/hurd/rumpdisk.static",
                ("rumpdisk", "--next-task=${fs-task}", "$(disk-task=task-create)"),
            ),
            BootModule(
                "/hurd/ext2fs.static",
                ("ext2fs", _COMMAND_LINE, _EXEC_TASK, "-T", "typed", "${root}",
                 "$(fs-task=task-create)"),
            ),
        )  # fmt: skip
    for module in modules:
        if not _is_file(tree, module.path):
            raise TreeError(module.path, "a boot module is not in the root tree (package hurd)")
    return modules


def _exec_forms(tree: Tree, cpu: Cpu) -> list[BootModule]:
    """The ways to start the exec server that the tree has files for, the better one first."""
    forms = []
    if _is_file(tree, "/hurd/exec.static"):
        forms.append(BootModule("/hurd/exec.static", ("exec", "$(exec-task=task-create)")))
    for loader in _LOADERS[cpu]:
        if _is_file(tree, loader) and _is_file(tree, "/hurd/exec"):
            forms.append(BootModule(loader, ("exec", "/hurd/exec", "$(exec-task=task-create)")))
            break
    if not forms:
        problem = (
            f"a boot module is not in the root tree, nor are {_LOADERS[cpu][0]} and /hurd/exec"
        )
        raise TreeError("/hurd/exec.static", problem)
    return forms


def _is_file(tree: Tree, path: str) -> bool:
    reached = tree.resolve(path)
    return reached is not None and tree[reached].kind == "file"


# Reading a menu, ours or another's


@dataclass(frozen=True)
class ReadWord:
    """A word as GRUB reads it; `expanded` tells that GRUB puts its own variables into it."""

    text: str
    expanded: bool = False


def read_menu(text: str) -> list[MenuEntry]:
    """Return the entries of a grub.cfg that boot a multiboot kernel; words are as written."""
    entries: list[MenuEntry] = []
    title = ""
    for words in _commands(text):
        command, rest = words[0].text, tuple(word.text for word in words[1:])
        if command == "menuentry" and rest:
            title = rest[0]
        elif command == "multiboot" and rest:
            entries.append(MenuEntry(title, rest[0], rest[1:], ()))
        elif command == "module" and rest and entries:
            last = entries[-1]
            modules = (*last.modules, BootModule(rest[0], rest[1:]))
            entries[-1] = MenuEntry(last.title, last.kernel, last.words, modules)
    return entries


def unquoted_words(text: str) -> list[str]:
    """Return the words of `multiboot` and `module` that GRUB would expand before the kernel can."""
    return [
        word.text
        for words in _commands(text)
        if words[0].text in ("multiboot", "module")
        for word in words[1:]
        if word.expanded
    ]


def _commands(text: str) -> list[list[ReadWord]]:
    """Split a grub.cfg into commands; braces and semicolons end one."""
    commands: list[list[ReadWord]] = [[]]
    position = 0
    while position < len(text):
        char = text[position]
        if char in "\n;{}":
            commands.append([])
            position += 1
        elif char == "#":
            end = text.find("\n", position)
            position = len(text) if end < 0 else end
        elif char.isspace():
            position += 1
        elif text.startswith("\\\n", position):
            position += 2
        else:
            word, position = _word(text, position)
            commands[-1].append(word)
    return [command for command in commands if command]


def _word(text: str, position: int) -> tuple[ReadWord, int]:
    """Read one word with its quotes; return it and where it ends."""
    made = ""
    expanded = False
    quoted = ""
    while position < len(text):
        char = text[position]
        if quoted == "'":
            if char == "'":
                quoted = ""
            else:
                made += char
        elif char == "\\" and position + 1 < len(text):
            position += 1
            made += text[position] if text[position] != "\n" else ""
        elif char == '"' or (char == "'" and not quoted):
            quoted = "" if quoted else char
        elif char == "$":
            # A brace after it does not end the word.
            end = text.find("}", position) if text.startswith("${", position) else position
            made += text[position : max(end, position) + 1]
            position = max(end, position)
            expanded = True
        elif not quoted and (char.isspace() or char in ";{}"):
            break
        else:
            made += char
        position += 1
    return ReadWord(made, expanded), position
