"""Calls that may block, made on a thread of their own; see `hurd.offload`."""

from __future__ import annotations

from hurd.offload import off_loop as off_loop
