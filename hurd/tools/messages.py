"""What the tools say when something fails, in the form of error(3): `TOOL: WHAT: REASON`."""

from __future__ import annotations

from hurd.tools.argp import report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def warn(tool: str, text: str, error: OSError | None = None) -> None:
    """Print `TOOL: TEXT: REASON` on standard error; the reason is that of `error`."""
    report(f"{tool}: {text}" if error is None else f"{tool}: {text}: {_reason(error)}")


def _reason(error: OSError) -> str:
    from hurd.errors import HurdUnavailable

    # On another system it helps to know what is missing.
    return str(error) if isinstance(error, HurdUnavailable) else error.strerror or str(error)


def fail(tool: str, status: int, text: str, error: OSError | None = None) -> NoReturn:
    """`warn`, and exit with `status`."""
    warn(tool, text, error)
    raise SystemExit(status)


def put(text: str) -> None:
    """Print a line that may hold names of files, which need not be text."""
    import sys

    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode(errors="surrogateescape") + b"\n")
    sys.stdout.buffer.flush()
