"""Debian systems in directories, for programs that the machine need not have installed.

They are made and kept as the one with the GNU Shepherd that the tests use.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType

_TESTS = Path(__file__).resolve().parent.parent / "tests"


class Unavailable(Exception):
    """There is no such system and it cannot be made; the message says why."""


def shepherd() -> Path:
    """The root directory with the GNU Shepherd; raises Unavailable."""
    module = _chroots()
    try:
        root: Path = module.find_or_build()
    except module.ChrootUnavailable as unavailable:
        raise Unavailable(str(unavailable)) from None
    return root


def peers(packages: Sequence[str]) -> Path:
    """The root directory with ``packages``, or what DROVER_PEERS_CHROOT names.

    Making it takes half a minute and the network, once.  Raises Unavailable.
    """
    module = _chroots()
    try:
        root: Path = module.debian_root("peers", list(packages), "DROVER_PEERS_CHROOT")
    except module.ChrootUnavailable as unavailable:
        raise Unavailable(str(unavailable)) from None
    return root


def version(root: Path, package: str) -> str:
    """The version of an installed package, without that of the packaging."""
    found: str = _chroots().versions(root)[package]
    return found.rpartition("-")[0]


def _chroots() -> ModuleType:
    if str(_TESTS) not in sys.path:
        sys.path.insert(0, str(_TESTS))
    return import_module("shepherd_chroot")
