"""An image of a real Hurd in which drover is process 1: what was put in works when it has booted.

DROVER_HURD_ROOT names a directory with the root of a Hurd for i386 that has Python and cffi.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.image import guests
from tests.image.test_boot_hurd import hurd_image

_SERVICE = """
(register-services
 (list (service '(answer)
         #:requirement '(file-systems)
         #:start (lambda _ (call-with-output-file "/root/answer" (lambda (port) (display 42 port)))
                   #t))))
(start-in-the-background '(answer))
"""
# The login does not wait for all of drover.
_WAIT = "for n in $(seq 60); do herd status answer >/dev/null 2>&1 && break; sleep 1; done"
_QUESTIONS = (
    _WAIT,
    "hostname", "id -un", "cat /root/answer", "cat /srv/note", "stat -c '%a %u:%g' /srv/note",
    "ls -ld /home/ann | cut -d' ' -f1,3", "herd status answer | head -n 2",
    "herd status root | head -n 2", "cat /etc/timezone",
)  # fmt: skip


@pytest.mark.slow
def test_what_was_put_in_is_there_when_drover_has_booted(tmp_path: Path) -> None:
    root = os.environ.get("DROVER_HURD_ROOT")
    if not root:
        pytest.skip("DROVER_HURD_ROOT is not set")
    guests.require("qemu-system-i386", "grub-mkimage", "e2fsck")
    (tmp_path / "answer.scm").write_text(_SERVICE)
    (tmp_path / "note").write_text("a note\n")
    image = tmp_path / "hurd.img"
    done = hurd_image(
        "build", "--from", root, "--owners", "root", "--hostname", "herder", "--root-password", "",
        "--user", "ann:sesame", "--service", tmp_path / "answer.scm",
        "--file", f"{tmp_path / 'note'}:/srv/note:0640", "--size", "300M", "-o", image,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    command = "; ".join(_QUESTIONS)
    done = hurd_image("vm", "--run", command, "--login", "root", "--timeout", "300", image)
    assert done.returncode == 0, done.stderr
    answers = done.stdout.splitlines()
    assert answers[:5] == ["herder", "root", "42a note", "640 0:0", "drwx------ ann"]
    assert "Status of answer:" in answers
    assert "It is running" in done.stdout
    assert answers[-1] == "UTC"
