"""Write the index of the default environment: ``python -m services.scheme.library.reindex``."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

_PACKAGE = "services.scheme.library"


def index() -> dict[str, str]:
    """Every name of the default environment and the submodule it comes from."""
    names: dict[str, str] = {}
    for submodule in import_module(_PACKAGE).SUBMODULES:
        for name in import_module(f"{_PACKAGE}.{submodule}").LIBRARY.bindings:
            names.setdefault(name, submodule)
    return names


def source() -> str:
    """The text of ``_index.py``."""
    by_submodule: dict[str, list[str]] = {}
    for name, submodule in index().items():
        by_submodule.setdefault(submodule, []).append(name)
    lines = [
        '"""Which submodule defines each name of the default environment; written by reindex."""',
        "",
        "from __future__ import annotations",
        "",
        "_NAMES = {",
    ]
    for submodule, names in by_submodule.items():
        lines.append(f'    "{submodule}": (')
        line = ""
        for name in names:
            if len(line) + len(name) > 85:
                lines.append(f'        "{line}"')
                line = ""
            line += f"{name} "
        lines += [f'        "{line}"', "    ),"]
    lines += ["}", ""]
    lines += ["INDEX = {name: where for where, names in _NAMES.items() for name in names.split()}"]
    return "\n".join(lines) + "\n"


def main() -> None:
    target = Path(__file__).with_name("_index.py")
    target.write_text(source(), encoding="utf-8")
    sys.stdout.write(f"{len(index())} names\n")


if __name__ == "__main__":
    main()
