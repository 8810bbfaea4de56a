"""docs/virtual-machine.md does what it says; the guest is the stand-in of guest/shell.c."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.image import guests
from tests.image.page import carried_out

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "virtual-machine.md"


def test_the_page_does_what_it_says(tmp_path: Path) -> None:
    guests.require("qemu-system-i386", "grub-mkimage")
    guests.boot_disk(tmp_path / "hurd.img", guests.stand_in_kernel(), "nopassword")
    program = tmp_path / "bin" / "hurd-image"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m image "$@"\n')
    program.chmod(0o755)
    environment = {
        **os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)
    }  # fmt: skip
    assert len(list(carried_out(PAGE, tmp_path, environment))) >= 8
