"""The table of file systems in an image: the root is where the image has it."""

from __future__ import annotations

import pytest

from image.system import file_systems


@pytest.mark.parametrize(
    ("table", "wanted"),
    [
        ("", "/dev/rd0\t/\text2\trw\t0\t1\n"),
        ("# none\n", "/dev/rd0\t/\text2\trw\t0\t1\n# none\n"),
        ("UUID=1-2 / ext2 rw,relatime 0 1", "/dev/rd0 / ext2 rw,relatime 0 1\n"),
        (
            "# / is\n/dev/hd1s2 /home ext2 rw 0 2\n/dev/hd0s5  /  ext2 rw 0 1\nnone /tmp tmpfs",
            "/dev/rd0  /  ext2 rw 0 1\n# / is\n/dev/hd1s2 /home ext2 rw 0 2\nnone /tmp tmpfs\n",
        ),
    ],
)
def test_the_root_is_the_images_and_other_lines_stay(table: str, wanted: str) -> None:
    assert file_systems(table, "/dev/rd0") == wanted
