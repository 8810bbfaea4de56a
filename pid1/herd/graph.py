"""``herd graph``: services and what they require, in the language of Graphviz."""

from __future__ import annotations

from pid1.herd.services import Service
from pid1.herd.terminal import FatalError, Terminal
from pid1.sexp import write_symbol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


class MissingServiceError(Exception):
    """A service is required that nobody provides: ``name``."""

    def __init__(self, name: str) -> None:
        super().__init__(f"inconsistent graph: service '{write_symbol(name)}' not found")
        self.name = name


def edges(services: list[Service]) -> Iterator[tuple[str, str]]:
    """Yield (canonical name, that of a service it requires); raises MissingServiceError."""
    registry = {name: service for service in services for name in service.provides}
    for service in services:
        for required in _requirements(service, registry):
            yield service.provides[0], required.provides[0]


def _requirements(service: Service, registry: dict[str, Service]) -> Iterator[Service]:
    implied = [] if "root" in service.provides else ["root"]
    for name in implied + service.requires:
        required = registry.get(name)
        if required is None:
            raise MissingServiceError(name)
        yield required


def show_graph(terminal: Terminal, services: list[Service]) -> int:
    """Print the graph; return the exit status (1 if a required service is unknown)."""
    try:
        for line in _lines(services):
            terminal.put(line)
    except MissingServiceError as error:
        # The GNU herd's message has this empty line, too.
        terminal.error(f"{error}\n")
        return 1
    return 0


def draw_graph(terminal: Terminal, services: list[Service], file: str) -> int:
    """Let graphviz draw the graph into ``file``, or to standard output if its name is empty.

    Returns the exit status; raises FatalError if that is not possible.
    """
    import subprocess

    from pid1.herd import write_file

    try:
        text = "".join(_lines(services))
    except MissingServiceError as error:
        raise FatalError(str(error)) from None
    try:
        done = subprocess.run(["dot", "-Tsvg"], input=text.encode(), capture_output=True)
    except FileNotFoundError:
        raise FatalError(
            "'dot' was not found: '--svg' needs graphviz (Debian package 'graphviz')"
        ) from None
    except OSError as error:
        raise FatalError(f"dot: {error.strerror}") from None
    if done.returncode:
        reason = done.stderr.decode(errors="replace").strip().replace("\n", " ")
        raise FatalError(f"dot failed with status {done.returncode}: {reason}")
    write_file(terminal, file, done.stdout)
    return 0


def _lines(services: list[Service]) -> Iterator[str]:
    """Yield the lines of the graph; raises MissingServiceError in the middle."""
    registry = {name: service for service in services for name in service.provides}
    yield 'digraph "Service Graph" {\n'
    for service in services:
        node = _node(service)
        shape = "circle" if service.one_shot else "diamond" if service.is_timer else "box"
        style = "dashed" if service.transient else "solid"
        color = text_color = "gray"
        if service.is_failing:
            color = text_color = "red"
        elif service.status == "stopped":
            color = text_color = "purple"
        elif service.status == "running":
            color, text_color = "green", "black"
        yield (
            f"  {node} [shape = {shape}, color = {color}, "
            f"fontcolor = {text_color}, style = {style}];\n"
        )
        for required in _requirements(service, registry):
            yield f"  {node} -> {_node(required)};\n"
    yield "}\n"


def _node(service: Service) -> str:
    name = service.name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{name}"'
