"""The command that writes the bundle: what it writes, and says, for the Python that runs it."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from boot import bundle, bundled


@pytest.mark.parametrize("words", [[], ["--sealed"]])
def test_it_writes_a_bundle_and_counts_its_modules(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "made/bundle"
    assert bundle.main([*words, str(target)]) == 0
    said = re.fullmatch(rf"{target}: (\d+) modules\n", capsys.readouterr().out)
    assert said is not None
    made = bundled.Bundle(str(target))
    assert len(made.index) == int(said[1])
    assert {"pid1.daemon", "boot.stage0", "services.api.service"} <= made.index.keys()
    # Nothing of the image builder, which does not run on the target.
    assert not any(name.startswith("image") for name in made.index)
    assert os.listdir(target.parent) == ["bundle"]
    assert target.stat().st_mode & 0o777 == 0o644


def test_a_module_comes_from_it_unless_its_source_has_changed(tmp_path: Path) -> None:
    target = tmp_path / "bundle"
    assert bundle.main([str(target)]) == 0
    made = bundled.Bundle(str(target))
    for name in ("pid1.reexec", "pid1.daemon"):
        spec = made.find_spec(name)
        assert (spec.loader, spec.origin) == (made, sys.modules["boot.bundle"].__file__.replace(
            "boot/bundle", name.replace(".", "/")
        ))  # fmt: skip
    package = made.find_spec("services.api")
    assert package.submodule_search_locations == [str(Path(package.origin).parent)]
    assert made.find_spec("no.such.module") is None
    made.started()
    # What was needed to start only is read again when it is needed again.
    assert made.find_spec("pid1.daemon").loader is made


def test_what_cannot_be_imported_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\necho SyntaxError: pid1/daemon.py >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    assert bundle.main([str(tmp_path / "bundle")]) == 1
    assert "bundle: error: SyntaxError: pid1/daemon.py" in capsys.readouterr().err
    assert not (tmp_path / "bundle").exists()


def test_one_that_cannot_be_written_leaves_the_one_before(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bundle").mkdir()
    assert bundle.main([str(tmp_path / "bundle")]) == 1
    assert "bundle: error:" in capsys.readouterr().err
    assert os.listdir(tmp_path) == ["bundle"]
