"""What is said of ``hurd-image`` and its subcommands: the source of ``--help`` and manual pages.

Options come from the parsers; here is what is said around them, as in `pid1.programs`.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Final

from image.command import COMMANDS, make_parser
from image.errors import ExitCode
from pid1.options import Option
from pid1.programs import Program
from pid1.usage import help_text

_STATUSES: Final = (
    (str(ExitCode.FINE), "success"),
    (str(ExitCode.FAILED), "the build or its check failed"),
    (str(ExitCode.USAGE), "an option, or a key of the configuration, is wrong"),
    (str(ExitCode.MISSING_TOOL), "a program is missing here; its Debian package is named"),
    (str(ExitCode.NO_SPACE), "no space, on this machine or in the image"),
    (str(ExitCode.ARCHIVE), "an archive cannot be reached or is not signed, a package is corrupt"),
    (str(ExitCode.IN_USE), "another program, such as a virtual machine, uses the image"),
    (str(ExitCode.NOT_AN_IMAGE), "the file is no image, or is damaged"),
    (str(ExitCode.INTERRUPTED), "an interrupt; there is no output"),
)
_RUN_STATUSES: Final = (
    ("124", "the time of --timeout is over"),
    ("125", "with --run: the machine could not be booted, or the command not be run to its end"),
    (str(ExitCode.USAGE), "an option is wrong"),
    ("any other", "with --run: the exit status of the command; without it:"),
    (str(ExitCode.FINE), "the guest halted, or was ended with Ctrl-]"),
    (str(ExitCode.FAILED), "the guest panicked or starts over and over, or QEMU failed"),
)
_ENVIRONMENT: Final = (
    ("DROVER_ARCHIVE", "the package archive, unless a file or an option names one"),
    ("DROVER_KEYRING", "the keys that sign it, likewise"),
    ("SOURCE_DATE_EPOCH", "the time of the build, in seconds since 1970: the same inputs then give "
     "the same bytes"),
    ("XDG_CACHE_HOME", "the directory of the cache (~/.cache)"),
)  # fmt: skip
_FILES: Final = (
    ("/etc/drover/image.toml", "defaults of this machine, a configuration like any other"),
    ("~/.cache/drover/image", "packages, unpacked trees and bytecode; may be removed at any time"),
)
_SUMMARIES: Final[Mapping[str, tuple[str, str, str]]] = {
    "": ("build, boot and inspect disks of the Hurd", "COMMAND [ARG...]",
         "Build a bootable disk of GNU/Hurd (build), boot it (vm), or look into it (inspect)."),
    "build": ("build a bootable disk of the Hurd", "[CONFIG]",
              "Build the disk that the file CONFIG and the options describe."),
    "vm": ("boot a disk of the Hurd in a virtual machine", "[IMAGE] [-- QEMU-ARGUMENT...]",
           "Boot a disk in QEMU, with the console on this terminal."),
    "inspect": ("show what is on a disk of the Hurd", "IMAGE",
                "Show the partitions, the filesystem, the boot menu and the services of a disk."),
}  # fmt: skip
_DESCRIPTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "": ("The commands are build, vm and inspect; each has a manual page and --help.  None of "
         "them needs to be run by root.",),
    "build": (
        "The root comes from Debian packages for the Hurd, from a directory or from a tarball. "
        "Nothing of it is run here: packages are configured on the first boot.  drover, logins, "
        "network, device nodes and translators are added; the result is checked, and appears "
        "when it is whole.",
        "CONFIG is written in TOML; '--list-keys' shows what can be in it, and options stand for "
        "keys.  Without CONFIG, options are enough.",
        "Disks boot on BIOS machines only, because the kernel cannot start under UEFI.",
    ),
    "vm": (
        "The machine has a network card, whose user can reach the network and be reached through "
        "'--forward', and a serial line, which is this terminal.  All that is typed goes to the "
        "guest but Ctrl-], which is followed by q to end the machine at once, p to press the "
        "power button, r to press reset, i to be told the machine's status, ] to send Ctrl-] "
        "itself, and ? for a list.",
        "With '--run', nothing is typed: a shell is looked for on the console, as root where a "
        "login is asked for.  The command's standard input is empty, and both its outputs come on "
        "standard output; messages of the kernel may come between.  What it writes to disks is "
        "forgotten unless '--write' is given; then the guest is shut down afterwards.  Words for "
        "the kernel are added without changing the image.",
        "QEMU uses KVM where that works, and emulates otherwise; it never outlives this program.",
    ),
    "inspect": ("Raw and qcow2 disks and their parts are read as they are, without being "
                "mounted or changed.",),
}  # fmt: skip


def describe(command: str) -> Program:
    """Return what there is to say of a subcommand, or of the program itself for ""."""
    summary, operands, purpose = _SUMMARIES[command]
    name = f"hurd-image-{command}" if command else "hurd-image"
    statuses: tuple[tuple[str, str], ...] = _STATUSES
    if command == "vm":
        taken = {str(ExitCode.FINE), str(ExitCode.FAILED), str(ExitCode.USAGE),
                 str(ExitCode.NO_SPACE), str(ExitCode.ARCHIVE)}  # fmt: skip
        statuses = (*_RUN_STATUSES, *(one for one in _STATUSES if one[0] not in taken))
    others = [f"hurd-image-{one}(1)" for one in COMMANDS if one != command]
    return Program(
        name, 1, summary, operands, purpose, options_of(make_parser(command)),
        description=_DESCRIPTIONS[command],
        exit_statuses=statuses,
        environment=_ENVIRONMENT if command == "build" else (),
        files=_FILES if command == "build" else (),
        see_also=[*(["hurd-image(1)"] if command else []), *others, "shepherd(8)", "herd(1)"],
    )  # fmt: skip


def options_of(parser: argparse.ArgumentParser) -> list[Option]:
    """Return the options of a parser, the last one first, as `pid1.usage` wants them."""
    found = []
    for action in parser._actions:
        if not action.option_strings or action.help == argparse.SUPPRESS:
            continue
        long = next(one for one in action.option_strings if one.startswith("--"))
        short = next((one[1:] for one in action.option_strings if not one.startswith("--")), None)
        argument = None
        if action.nargs != 0:
            choices = "|".join(map(str, action.choices)) if action.choices else None
            argument = str(action.metavar or choices or action.dest.upper())
        found.append(Option(long[2:], short, argument, (action.help or "").replace("%%", "%")))
    return found[::-1]


def help_of(parser: argparse.ArgumentParser) -> str:
    """Return the help of a subcommand's parser."""
    text = help_text(describe(parser.prog.partition(" ")[2]))
    first, rest = text.split("\n", 1)
    return f"{first.replace('hurd-image-', 'hurd-image ', 1)}\n{rest}"
