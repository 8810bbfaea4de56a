"""``herd graph``: services and what they require, in the language of Graphviz."""

from __future__ import annotations

from pid1.herd.services import Service
from pid1.herd.terminal import Terminal
from pid1.sexp import write_symbol


def show_graph(terminal: Terminal, services: list[Service]) -> int:
    """Print the graph; return the exit status (1 if a required service is unknown)."""
    registry = {name: service for service in services for name in service.provides}
    terminal.put('digraph "Service Graph" {\n')
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
        terminal.put(
            f"  {node} [shape = {shape}, color = {color}, "
            f"fontcolor = {text_color}, style = {style}];\n"
        )
        implied = [] if "root" in service.provides else ["root"]
        for name in implied + service.requires:
            required = registry.get(name)
            if required is None:
                # The GNU herd's message has this empty line, too.
                terminal.error(f"inconsistent graph: service '{write_symbol(name)}' not found\n")
                return 1
            terminal.put(f"  {node} -> {_node(required)};\n")
    terminal.put("}\n")
    return 0


def _node(service: Service) -> str:
    name = service.name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{name}"'
