"""Every page of docs/ does what it says."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.system.pages import check, commands, has_commands

ROOT = Path(__file__).parents[2]
# These need an archive of packages and a disk: tests/image/test_image_docs.py and test_vm_docs.py.
ELSEWHERE = {ROOT / "docs" / "image-builder.md", ROOT / "docs" / "virtual-machine.md"}
PAGES = sorted(set((ROOT / "docs").glob("*.md")) - ELSEWHERE)
PAGES_WITH_EXAMPLES = [page for page in PAGES if has_commands(page)]
# Marks the end of a command's output.
END = "=== end of command ==="


def test_there_are_examples() -> None:
    assert any(page.name == "getting-started.md" for page in PAGES_WITH_EXAMPLES)


@pytest.mark.parametrize("page", PAGES_WITH_EXAMPLES, ids=lambda page: page.stem)
def test_page(page: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    environment = {
        "HOME": str(home),
        "PATH": f"{ROOT}/.venv/libexec:{os.environ['PATH']}",
        "LC_ALL": "C.UTF-8",
        "XDG_RUNTIME_DIR": str(home),
    }
    shell = subprocess.Popen(
        ["/bin/bash", "--norc"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=home,
        env=environment,
        text=True,
        start_new_session=True,
    )
    assert shell.stdin is not None
    assert shell.stdout is not None
    try:
        for command, expected in commands(page, home):
            shell.stdin.write(f"{command}\necho '{END}'\n")
            shell.stdin.flush()
            printed = ""
            for line in shell.stdout:
                if line == f"{END}\n":
                    break
                printed += line
            else:
                pytest.fail(f"the shell ended after: {command}{printed}")
            check(command, expected, printed)
    finally:
        shell.kill()
        shell.wait()
        subprocess.run(["pkill", "-KILL", "-f", str(home)], check=False)
