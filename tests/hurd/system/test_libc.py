"""A C library that lacks functions which others have: they are asked for before they are used."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from hurd.system import libc_spawn
from hurd.system._libc_abi import ffi


@pytest.fixture
def poor_libc(tmp_path):
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    source, made = tmp_path / "poor.c", tmp_path / "poor.so"
    source.write_text("int umount2(void) { return 0; }\n")
    # Without the libraries that gcc links by itself: their functions would be found, too.
    subprocess.run(["gcc", "-shared", "-fPIC", "-nostdlib", "-o", made, source], check=True)
    return ffi.dlopen(str(made))


def test_what_a_library_lacks_is_an_error_of_cffi(poor_libc):
    assert poor_libc.umount2(b"", 0) == 0
    with pytest.raises(ffi.error, match="prctl"):
        _ = poor_libc.prctl


def test_what_a_library_lacks_is_not_used(poor_libc, monkeypatch):
    assert libc_spawn._has("sigemptyset")
    monkeypatch.setattr(libc_spawn, "libc", poor_libc)
    assert not libc_spawn._has("sigemptyset")
    assert libc_spawn._has("umount2")
