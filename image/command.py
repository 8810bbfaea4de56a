"""``hurd-image``: build, inspect and boot disks of the Hurd.

Each subcommand imports what it needs when it runs.  The exit statuses of all of them are those of
`image.errors.ExitCode`; the program's help and its manual pages come from `image.programs`.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

from image.errors import ExitCode, ImageError
from pid1.usage import version_text

COMMANDS = ("build", "vm", "inspect")


class Parser(argparse.ArgumentParser):
    """A parser whose help is written as that of drover's other programs."""

    def format_help(self) -> str:
        """Return the text of ``--help``."""
        from image.programs import help_of

        return help_of(self)

    def error(self, message: str) -> NoReturn:
        """End with what is wrong with the command line."""
        _say(f"hurd-image: error: {message}")
        _say(f"hurd-image: hint: Try '{self.prog} --help'.")
        raise SystemExit(ExitCode.USAGE)


def make_parser(command: str) -> Parser:
    """Return the parser of a subcommand, or of the program itself if ``command`` is ""."""
    parser = Parser(prog=f"hurd-image {command}".rstrip(), allow_abbrev=False, add_help=False)
    parser.add_argument("--help", action="help", help="display this help and exit")
    if command == "build":
        from image.build_options import add_arguments

        add_arguments(parser)
    elif command == "vm":
        from image.vm import add_arguments as add_vm_arguments

        add_vm_arguments(parser)
    elif command == "inspect":
        parser.add_argument("image", metavar="IMAGE", type=Path)
        parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    else:
        parser.add_argument(
            "--version", action="store_true", help="display version information and exit"
        )
        parser.add_argument("command", metavar="COMMAND", choices=COMMANDS)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``hurd-image`` with ``arguments``; return its exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words:
        sys.stdout.write(make_parser("").format_help())
        return ExitCode.USAGE
    if words[0] == "--version":
        sys.stdout.write(version_text("hurd-image"))
        return ExitCode.FINE
    if words[0] not in COMMANDS:
        make_parser("").parse_args(words[:1])
    signal.signal(signal.SIGTERM, _terminated)
    try:
        status = _RUN[words[0]](words[1:])
        sys.stdout.flush()
        return status
    except ImageError as error:
        _say(f"hurd-image: error: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        _say("hurd-image: interrupted")
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone; nothing must be written when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE


def _build(words: list[str]) -> int:
    options = make_parser("build").parse_args(words)
    from image import build_options

    if options.list_keys:
        sys.stdout.write(build_options.key_list())
        return ExitCode.FINE
    if options.uefi:
        from image.disk import refuse_uefi

        refuse_uefi()
    configuration = build_options.read_options(options)
    # A tree has many small objects that live to the end: looking for garbage among them again and
    # again takes a third of a build's own time.
    gc.set_threshold(200_000)
    from image.build import build_image
    from image.cache import Cache
    from image.progress import make_progress

    progress = make_progress(quiet=options.quiet)
    result = build_image(configuration, Cache(options.cache), progress)
    if options.json:
        found: dict[str, Any] = asdict(result)
        found["output"] = str(result.output)
        sys.stdout.write(json.dumps(found, indent=2, ensure_ascii=False) + "\n")
    else:
        progress.note(f"{result.output}: {result.size / 1e6:.0f} MB, {result.seconds:.1f} s")
    return ExitCode.FINE


def _vm(words: list[str]) -> int:
    from image.vm import run_vm, split_arguments

    own, further = split_arguments(words)
    options = make_parser("vm").parse_args(own)
    options.qemu_arguments = further
    return run_vm(options)


def _inspect(words: list[str]) -> int:
    options = make_parser("inspect").parse_args(words)
    from image.inspection import inspect_image
    from image.inspection_output import show, to_json

    info = inspect_image(options.image)
    if options.json:
        sys.stdout.write(to_json(info) + "\n")
        return ExitCode.FINE
    from rich.console import Console

    show(info, Console(highlight=False))
    return ExitCode.FINE


_RUN = {"build": _build, "vm": _vm, "inspect": _inspect}


def _terminated(number: int, _frame: object) -> NoReturn:
    # As an exception, so that what was begun is cleaned up.
    raise SystemExit(128 + number)


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
