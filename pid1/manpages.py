"""Write the manual pages: ``python -m pid1.manpages DIRECTORY``.

They are made from the same tables as ``--help``, and go to ``DIRECTORY/man1`` and
``DIRECTORY/man8``, so that DIRECTORY can be ``/usr/local/share/man``.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from pid1 import generated
from pid1.options import Option
from pid1.programs import NAMES, Program, program
from pid1.usage import VERSION, long_form

_OTHER_NAMES = {"halt": ("shutdown",)}
"""Programs that are the same under another name."""


def escape(text: str) -> str:
    """Return text so that roff prints it as it is, also at the beginning of a line."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("~", "\\(ti")
    text = text.replace("^", "\\(ha").replace("`", "\\(ga").replace("'", "\\(aq")
    return "\\&" + text if text.startswith(".") else text


def page(subject: Program) -> str:
    """Return the manual page of a program."""
    title = f'.TH {subject.name.upper()} {subject.section} "" "drover {VERSION}" "drover"'
    names = ", ".join((subject.name, *_OTHER_NAMES.get(subject.name, ())))
    lines = [title, ".SH NAME", f"{names} \\- {escape(subject.summary)}", ".SH SYNOPSIS"]
    lines += [f".B {subject.name}", "[\\fIOPTION\\fR...]"]
    if subject.operands:
        lines.append(_emphasize(subject.operands))
    lines += [".SH DESCRIPTION", escape(subject.purpose)]
    for paragraph in subject.description:
        lines += [".PP", escape(paragraph)]
    lines.append(".SH OPTIONS")
    for option in reversed(subject.options):
        lines += [".TP", _option(option), escape(option.help)]
    lines += _list("ACTIONS", subject.commands)
    lines += _list("EXIT STATUS", subject.exit_statuses)
    lines += _list("ENVIRONMENT", subject.environment)
    lines += _list("FILES", subject.files)
    lines.append(".SH SEE ALSO")
    references = [reference.rstrip(")").split("(") for reference in subject.see_also]
    lines += [
        f".BR {name} ({section}){'' if index == len(references) else ','}"
        for index, (name, section) in enumerate(references, 1)
    ]
    return "\n".join(lines) + "\n"


def _option(option: Option) -> str:
    text = f"\\fB\\-{option.short}\\fR, " if option.short else ""
    name, equals, argument = long_form(option).partition("=")
    bracket = "[" if name.endswith("[") else ""
    text += f"\\fB{escape(name.removesuffix('['))}\\fR{bracket}"
    if equals:
        argument = argument.removesuffix("]") if bracket else argument
        text += f"=\\fI{escape(argument)}\\fR" + ("]" if bracket else "")
    return text


def _emphasize(operands: str) -> str:
    """Return operands with those in capitals in italics."""
    out, word = "", ""
    for char in operands + " ":
        if char.isupper():
            word += char
            continue
        out += (f"\\fI{word}\\fR" if word else "") + escape(char)
        word = ""
    return out.rstrip()


def _list(heading: str, entries: Sequence[tuple[str, str]]) -> list[str]:
    lines: list[str] = []
    for term, meaning in entries:
        lines += [".TP", f"\\fB{escape(term)}\\fR", escape(meaning)]
    return [f".SH {heading}", *lines] if lines else []


def write_pages(directory: Path) -> list[Path]:
    """Write all pages below ``directory``, which is made if need be; return their names."""
    written = []
    for name in NAMES:
        subject = program(name)
        folder = directory / f"man{subject.section}"
        folder.mkdir(parents=True, exist_ok=True)
        texts = {f"{name}.{subject.section}": page(subject)}
        for other in _OTHER_NAMES.get(name, ()):
            texts[f"{other}.{subject.section}"] = f".so man{subject.section}/{name}.8\n"
        for file, text in texts.items():
            (folder / file).write_text(text, encoding="ascii")
            written.append(folder / file)
    return written


def main(arguments: list[str] | None = None) -> int:
    """Run ``python -m pid1.manpages`` with ``arguments``; return its exit status."""
    return generated.main("pid1.manpages", write_pages, arguments)


if __name__ == "__main__":
    sys.exit(main())
