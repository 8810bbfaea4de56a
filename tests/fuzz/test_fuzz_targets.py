"""Every file of the corpus goes through its target, and some inputs that nobody has seen yet.

A file whose name begins with "crash" was too much once.  `scripts/fuzz` is the long form; in
between, DROVER_FUZZ_EXAMPLES says how many new inputs a target is given here (default: 60).
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from services.api import parameters
from services.scheme.parameters import Parameter
from tests.fuzz import wire_targets
from tests.fuzz.catalogue import targets
from tests.fuzz.target import CORPUS, ROOT, Target, check

TARGETS = targets()
EXAMPLES = int(os.environ.get("DROVER_FUZZ_EXAMPLES", "60"))
_FILES = [
    pytest.param(target, path, id=f"{target.name}-{path.name}")
    for target in TARGETS.values()
    for path in target.examples()
]


@pytest.fixture(scope="module", autouse=True)
def _nothing_left() -> Iterator[None]:
    found = [one for one in vars(parameters).values() if isinstance(one, Parameter)]
    before = [one.default for one in found]
    yield
    wire_targets.close()
    # Inputs of the evaluator set parameters, for everything in this process.
    for one, default in zip(found, before, strict=True):
        one.default = default


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    # A target that asks herd to complete a word tells it the socket by this.
    monkeypatch.setenv("SHEPHERD_SOCKET", "/nonexistent")


def test_every_corpus_belongs_to_a_target() -> None:
    assert {path.name for path in CORPUS.iterdir()} == set(TARGETS)


@pytest.mark.parametrize(("target", "path"), _FILES)
def test_what_is_known_is_no_surprise(target: Target, path: Path) -> None:
    check(target, path.read_bytes())


def _mutated(target: Target, examples: list[bytes], seed: int) -> bytes:
    """One of the examples, with a few changes."""
    chance = random.Random(seed)
    data = bytearray(chance.choice(examples))
    words = [word.encode("utf-8", "surrogateescape") for word in target.words] or [b"\0", b"\xff"]
    for _ in range(chance.randint(1, 6)):
        at = chance.randint(0, len(data))
        end = min(len(data), at + chance.randint(1, 16))
        match chance.randrange(6):
            case 0:
                data[at:at] = chance.choice(words)
            case 1:
                data[at:end] = chance.choice(words)
            case 2:
                del data[at:end]
            case 3:
                data[at:end] = chance.randbytes(end - at)
            case 4:
                data[at:at] = data[at:end] * chance.choice((1, 2, 50))
            case _:
                other = chance.choice(examples)
                data[at:] = other[chance.randint(0, len(other)) :]
    return bytes(data[: target.longest])


@pytest.mark.parametrize("name", TARGETS)
def test_new_inputs_are_no_surprise(name: str) -> None:
    target = TARGETS[name]
    examples = [path.read_bytes() for path in target.examples()]

    # The same ones every time: what is found here is due to the change that is tested.
    @settings(
        max_examples=max(1, EXAMPLES // 10) if target.slow else EXAMPLES, deadline=None,
        derandomize=True, database=None, phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(st.one_of(st.integers(0, 1 << 32).map(lambda n: _mutated(target, examples, n)),
                     st.binary(max_size=min(200, target.longest))))  # fmt: skip
    def give(data: bytes) -> None:
        check(target, data)

    give()


def _run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.fuzz", *words],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_runner_names_the_targets_and_gives_one_an_input(tmp_path: Path) -> None:
    assert _run("--list").stdout.split() == list(TARGETS)
    wrong = _run("nothing")
    assert wrong.returncode == 2
    assert "no such target: nothing" in wrong.stderr
    file = tmp_path / "input"
    file.write_bytes(b"5 4 * * *")
    assert _run("calendar", "--input", str(file)).returncode == 0


def test_a_target_that_takes_too_long_is_a_finding() -> None:
    def endless(_data: bytes) -> None:
        while True:
            pass

    with pytest.raises(BaseException, match=r"0\.05 s of processor time"):
        check(Target("endless", endless, seconds=0.05), b"")
