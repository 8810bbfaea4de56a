"""docs/virtual-machine.md does what it says; the guest is the stand-in of guest/shell.c."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.image import guests
from tests.system.test_docs import blocks, matches, session

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
    commands = 0
    for kind, _, text in blocks(PAGE):
        if kind != "console":
            continue
        for command, expected in session(text):
            commands += 1
            done = subprocess.run(
                ["/bin/bash", "--norc", "-c", command], stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=tmp_path, env=environment,
                timeout=120, check=False,
            )  # fmt: skip
            printed = done.stdout.decode(errors="replace").replace("\r", "")
            said = f"$ {command}printed:\n{printed}expected:\n{expected}"
            assert matches(expected, printed), said
    assert commands >= 8
