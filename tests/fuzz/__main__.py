"""Run targets for a long time: inputs made from the examples, guided by the code they reach.

The guide is atheris (libFuzzer for Python), which comes with the extra `fuzz`.  It runs in a
process of its own with bounded memory; what it finds is noted and it goes on, and if it dies it is
started again.  What it has learnt, and its findings, stay in ~/.cache/drover-fuzz/TARGET.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from tests.fuzz.target import ROOT, Target, check

PLACE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "drover-fuzz"
PACKAGES = ["hurd", "pid1", "services", "boot", "image", "sexpdata", "tarfile"]
MEMORY = 3 << 30  # bytes of address space; atheris itself takes half a gigabyte
HANG = 30  # seconds after which an input that nothing interrupts is a finding


def main() -> int:
    """The command line; status 1 if something was found."""
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description=__doc__)
    parser.add_argument("target", nargs="*", help="which (default: all, one after the other)")
    parser.add_argument("--minutes", type=float, default=1.0, help="for each target (default: 1)")
    parser.add_argument("--list", action="store_true", help="say which targets there are")
    parser.add_argument("--input", type=Path, help="give this file to the target, and nothing else")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        work(options.target[0], int(options.minutes * 60))
        return 0
    from tests.fuzz.catalogue import targets

    known = targets()
    if options.list:
        print("\n".join(known))
        return 0
    wrong = [name for name in options.target if name not in known]
    if wrong:
        parser.error(f"no such target: {wrong[0]} (known: {', '.join(known)})")
    if options.input:
        for name in options.target:
            check(known[name], options.input.read_bytes())
        return 0
    try:
        import atheris  # noqa: F401
    except ImportError:
        parser.error("atheris is not installed: .venv/bin/pip install -e '.[fuzz]'")
    found = 0
    for name in options.target or known:
        found += run(known[name], options.minutes * 60)
    return 1 if found else 0


def run(target: Target, seconds: float) -> int:
    """Run one target for a while; print the figures and return how many findings there are."""
    place = PLACE / target.name
    shutil.rmtree(place / "findings", ignore_errors=True)
    for name in ("corpus", "findings"):
        (place / name).mkdir(parents=True, exist_ok=True)
    for path in target.examples():
        data = path.read_bytes()
        (place / "corpus" / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)
    counted = place / "executed"
    counted.unlink(missing_ok=True)
    begin = time.monotonic()
    executed = restarts = 0
    while (left := seconds - (time.monotonic() - begin)) > 2:
        command = [sys.executable, "-m", "tests.fuzz", "--worker", target.name]
        with (place / "output").open("wb") as output:
            done = subprocess.run(
                [*command, f"--minutes={left / 60}"], cwd=ROOT, stdin=subprocess.DEVNULL,
                stdout=output, stderr=output, check=False,
            )  # fmt: skip
        executed += int(counted.read_text()) if counted.exists() else 0
        counted.unlink(missing_ok=True)
        if done.returncode == 0:
            break
        restarts += 1
        (place / f"output-{restarts}").write_bytes((place / "output").read_bytes())
        if restarts > 20:
            break
    kept = sorted(path for path in (place / "findings").iterdir() if path.suffix != ".json")
    print(
        f"{target.name}: {executed} inputs in {time.monotonic() - begin:.0f} s, "
        f"{len(kept)} findings" + (f", {restarts} deaths" if restarts else ""),
        flush=True,
    )
    for path in kept:
        print(f"  {path}", flush=True)
    return len(kept) + restarts


def work(name: str, seconds: int) -> None:
    """What the process does that runs the target; does not return."""
    import atheris

    os.nice(19 - os.nice(0))
    with atheris.instrument_imports(include=PACKAGES):
        from tests.fuzz.catalogue import targets

        target = targets()[name]
    if not target.slow:
        # Those start other programs, which have memory of their own.
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    place = PLACE / name
    words = place / "words"
    words.write_text("".join(f'"{_escaped(word)}"\n' for word in target.words))
    findings = _Findings(place / "findings")
    state: dict[str, Any] = {"count": 0, "next": 0.0}

    def one(data: bytes) -> None:
        state["count"] += 1
        now = time.monotonic()
        if now > state["next"]:
            state["next"] = now + 1
            (place / "executed").write_text(str(state["count"]))
        try:
            check(target, data)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            findings.note(data, error)

    options = [
        f"-max_total_time={max(1, seconds)}", f"-max_len={target.longest}", f"-timeout={HANG}",
        "-rss_limit_mb=0", f"-artifact_prefix={place}/findings/", "-print_final_stats=1",
        "-verbosity=0",
    ]  # fmt: skip
    if target.words:
        options.append(f"-dict={words}")
    atheris.Setup([sys.argv[0], *options, str(place / "corpus")], one)
    atheris.Fuzz()


def _escaped(word: str) -> str:
    return "".join(
        chr(byte) if 32 <= byte < 127 and byte not in (34, 92) else f"\\x{byte:02x}"
        for byte in word.encode("utf-8", "surrogateescape")
    )


class _Findings:
    """What went wrong, once for each kind of error and place in the program."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def note(self, data: bytes, error: BaseException) -> None:
        frames = [
            frame for frame in traceback.extract_tb(error.__traceback__)
            if not Path(frame.filename).is_relative_to(ROOT / "tests" / "fuzz")
        ]  # fmt: skip
        last = frames[-1] if frames else None
        place = f"{Path(last.filename).name}-{last.name}" if last else "target"
        if type(error).__name__ == "TooSlow":
            # The place is chance; who called for it is not.
            place = Path(frames[0].filename).name if frames else "target"
        path = self._directory / f"{type(error).__name__}-{place}"
        if path.exists() and path.stat().st_size <= len(data):
            return
        path.write_bytes(data)
        text = "".join(traceback.format_exception(error))
        path.with_name(path.name + ".json").write_text(json.dumps({"traceback": text[-6000:]}))


if __name__ == "__main__":
    sys.exit(main())
