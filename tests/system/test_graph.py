"""``herd graph``, and its drawing by graphviz."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.system.live import LiveDaemon, live_daemon

_CONFIGURATION = """
(register-services (list
  (service '(below) #:start (const #t) #:stop (const #f))
  (service '(above) #:requirement '(below) #:start (const #t) #:stop (const #f))))
(start-service (lookup-service 'below))
"""


@pytest.fixture(scope="module")
def daemon() -> Iterator[LiveDaemon]:
    with live_daemon(_CONFIGURATION) as running:
        yield running


def run(
    herd: Path, daemon: LiveDaemon, *arguments: str, path: str | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [herd, "-s", daemon.socket, "graph", *arguments],
        capture_output=True,
        text=True,
        cwd=daemon.directory,
        env={"PATH": os.environ["PATH"] if path is None else path},
    )


def _texts(svg: str) -> set[str]:
    root = ElementTree.fromstring(svg)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    return {element.text or "" for element in root.iter("{http://www.w3.org/2000/svg}text")}


@pytest.mark.skipif(shutil.which("dot") is None, reason="graphviz is not installed")
def test_graphviz_draws_the_services(herd: Path, daemon: LiveDaemon) -> None:
    done = run(herd, daemon, "--svg")
    assert (done.returncode, done.stderr) == (0, "")
    assert _texts(done.stdout) == {"root", "above", "below"}
    assert done.stdout.count('class="edge"') == 3
    done = run(herd, daemon, "--svg=services.svg")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert _texts((daemon.directory / "services.svg").read_text()) == {"root", "above", "below"}
    done = run(herd, daemon, "--svg=/no/such/directory/x.svg")
    assert done.returncode == 1
    assert done.stderr == "herd: error: /no/such/directory/x.svg: No such file or directory\n"


def test_without_graphviz_the_error_names_the_package(
    herd: Path, daemon: LiveDaemon, tmp_path: Path
) -> None:
    done = run(herd, daemon, "--svg", path=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr == (
        "herd: error: 'dot' was not found: '--svg' needs graphviz (Debian package 'graphviz')\n"
    )


def test_what_graphviz_complains_about_is_told(
    herd: Path, daemon: LiveDaemon, tmp_path: Path
) -> None:
    dot = tmp_path / "dot"
    dot.write_text("#!/bin/sh\ncat >/dev/null\necho 'out of ink' >&2\nexit 3\n")
    dot.chmod(0o755)
    done = run(herd, daemon, "--svg=x.svg", path=f"{tmp_path}:{os.environ['PATH']}")
    assert done.returncode == 1
    assert done.stderr == "herd: error: dot failed with status 3: out of ink\n"
    assert not (daemon.directory / "x.svg").exists()


def test_it_goes_with_the_graph_only(herd: Path, daemon: LiveDaemon) -> None:
    done = run(herd, daemon, "below", "--svg")
    assert done.returncode == 1
    assert done.stderr == "herd: error: '--svg' goes with 'graph' and 'analyze' only\n"
