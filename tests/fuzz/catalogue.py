"""All targets by their names; the modules behind them are imported when one is wanted."""

from __future__ import annotations

from importlib import import_module

from tests.fuzz.target import Target

MODULES = ("language_targets", "wire_targets", "hurd_targets", "daemon_targets", "image_targets")


def targets() -> dict[str, Target]:
    """Every target there is."""
    return {
        target.name: target
        for module in MODULES
        for target in import_module(f"tests.fuzz.{module}").TARGETS
    }
