"""Recorded exchanges: what `cap.py` writes for each `herd` command it runs.

A capture is one command with the bytes that crossed the socket and what the client printed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields

_CHUNK = re.compile(rb"## (C>S|S>C) (\d+) bytes \(t=[0-9.]+s\)\n")
_END_OF_STREAM = re.compile(rb"## (?:C>S|S>C) EOF \(t=[0-9.]+s\)\n")
_STDOUT, _STDERR, _END = b"## client stdout\n", b"## client stderr\n", b"## end\n"


@dataclass(frozen=True)
class Capture:
    """One command: what was asked and answered on the socket, and what `herd` did with it."""

    command: str
    status: str
    request: str
    reply: str
    stdout: str
    stderr: str

    def fields(self) -> dict[str, str]:
        """The parts by name, in the order above."""
        return {part.name: getattr(self, part.name) for part in fields(self)}


def parse(data: bytes) -> Capture:
    """Read one file written by `cap.py`.

    Raises ValueError when the file is not one.
    """
    header = re.match(rb"## command: (.*)\n## exit status: (-?\d+)\n", data)
    if header is None:
        raise ValueError("not a capture: no command and exit status at its start")
    position = header.end()
    streams = {b"C>S": b"", b"S>C": b""}
    while not data.startswith(_STDOUT, position):
        if chunk := _CHUNK.match(data, position):
            end = chunk.end() + int(chunk[2])
            streams[chunk[1]] += data[chunk.end() : end]
            position = end + (data[end - 1 : end] != b"\n")
        elif eof := _END_OF_STREAM.match(data, position):
            position = eof.end()
        else:
            raise ValueError(f"not a capture: {data[position : position + 40]!r}")
    output, _, errors = data[position + len(_STDOUT) :].partition(_STDERR)
    parts = (header[1], header[2], streams[b"C>S"], streams[b"S>C"], output, errors)
    return Capture(*(part.decode() for part in (*parts[:-1], errors.removesuffix(_END))))
