"""Runs in the guest, as root: every case with both tool sets, then what only we can measure.

Writes /drover/result.json. Not a test by itself; `machine` starts it, the tests look at the result.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import signal
import stat
import sys
import time
import traceback

sys.path.insert(0, "/drover")

from guest_cases import CASES, USER_CASES

RESULT = "/drover/result.json"
PLACE = "/tmp/case"
# A file system of its own: an open file on the root would keep it from becoming read-only.
OUTPUT = "/run"
# Owns no file, whoever has built the disk.
NOBODY = 4242


def say(text: str) -> None:
    """Tell the console how far we are."""
    with open("/dev/console", "w") as console:  # noqa: PTH123
        console.write(f"drover: {text}\n")


def names() -> dict[str, str]:
    return {
        "n": f"{PLACE}/node",
        "d": f"{PLACE}/directory",
        "l": f"{PLACE}/link",
        "x": f"{PLACE}/new",
        "p": f"{PLACE}/waits",
        "f": f"{PLACE}/fstab",
        "t": f"{PLACE}/fstab-of-mnt",
        "s": f"{PLACE}/fstab-of-both",
        "b": "drover",
    }


def prepare() -> None:
    os.makedirs(f"{PLACE}/directory")
    with open(f"{PLACE}/node", "w") as file:  # noqa: PTH123
        file.write("the node's own text\n")
    os.symlink("node", f"{PLACE}/link")
    with open(f"{PLACE}/waits", "w") as file:  # noqa: PTH123
        file.write("#!/bin/sh\nexec sleep 30\n")
    os.chmod(f"{PLACE}/waits", 0o755)
    with open(f"{PLACE}/fstab", "w") as file:  # noqa: PTH123
        file.write(f"# one line\n2M {PLACE}/directory tmpfs noatime 0 0\n")
    with open(f"{PLACE}/fstab-of-mnt", "w") as file:  # noqa: PTH123
        file.write("# one line\nnone /mnt tmpfs mode=755 0 2\n")
    with open(f"{PLACE}/fstab-of-both", "w") as file:  # noqa: PTH123
        file.write(f"none /mnt tmpfs ro 0 0\nnone {PLACE}/directory tmpfs rw 0 0\n")


def clean_up() -> None:
    for name in ("node", "new", "directory", "link"):
        for _ in range(3):
            native(["settrans", "-afgR", f"{PLACE}/{name}"])
        native(["settrans", "-pk", f"{PLACE}/{name}"])
    native(["settrans", "-afg", "/mnt"])
    reap()
    shutil.rmtree(PLACE, ignore_errors=True)


def reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def find(tool: str) -> str:
    for directory in ("/bin", "/sbin", "/usr/bin", "/usr/sbin"):
        if os.access(f"{directory}/{tool}", os.X_OK):
            return f"{directory}/{tool}"
    raise FileNotFoundError(tool)


def in_child(work, user: int | None) -> dict:
    """Status, output and seconds of `work()` in a child with its own files for output."""
    begin = time.monotonic()
    child = os.fork()
    if not child:
        try:
            for number, name in ((1, f"{OUTPUT}/stdout"), (2, f"{OUTPUT}/stderr")):
                os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666), number)
            sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
            sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115
            if user is not None:
                os.setgroups([user])
                os.setgid(user)
                os.setuid(user)
            status = work()
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(99)
    # Not for ever: a tool that hangs is a result, too.
    deadline = time.monotonic() + 40
    status = None
    while status is None and time.monotonic() < deadline:
        done, code = os.waitpid(child, os.WNOHANG)
        status = code if done else None
        time.sleep(0.01)
    if status is None:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        status = -1
    seconds = time.monotonic() - begin
    texts = []
    for name in (f"{OUTPUT}/stdout", f"{OUTPUT}/stderr"):
        with open(name, errors="replace") as file:  # noqa: PTH123
            texts.append(re.sub(r"(child|pid:) \d+", r"\1 N", file.read()))
    return {
        "status": os.waitstatus_to_exitcode(status) if status >= 0 else "hangs",
        "stdout": texts[0],
        "stderr": texts[1],
        "seconds": round(seconds, 2),
    }


def native(words: list[str], user: int | None = None) -> dict:
    def work() -> int:
        os.execv(find(words[0]), words)

    return in_child(work, user)


def ours(words: list[str], user: int | None = None) -> dict:
    def work() -> int:
        from hurd.tools import run

        return run(words[0], words[1:])

    return in_child(work, user)


def state() -> dict:
    """What the nodes look like: kind, translator bits, record."""
    from hurd import constants, io, lookup
    from hurd.errors import HurdError
    from hurd.translator import record_of

    seen = {}
    for name in ("node", "directory", "new"):
        try:
            with lookup.file_name_lookup(f"{PLACE}/{name}", constants.O_NOTRANS) as node:
                mode = io.io_stat(node).st_mode
                seen[name] = [
                    stat.filemode(mode & 0o177777),
                    bool(mode & constants.S_IPTRANS),
                    bool(mode & constants.S_IATRANS),
                    record_of(node),
                ]
        except HurdError as error:
            seen[name] = error.symbol
    return seen


def run_case(steps: list[list[str]], runner, user: int | None) -> list[dict]:
    prepare()
    done = []
    try:
        for words in steps:
            filled = [word.format(**names()) for word in words]
            record = {"command": " ".join(filled), **runner(filled, user)}
            record["state"] = state()
            done.append(record)
        # What a reader gets last; a fifo or a directory would have us wait, or says nothing.
        mode = os.stat(f"{PLACE}/node").st_mode
        if stat.S_ISREG(mode):
            done.append({"command": "cat", **native(["cat", f"{PLACE}/node"])})
    finally:
        clean_up()
    return done


def cases() -> dict:
    results = {}
    for table, user in ((CASES, None), (USER_CASES, NOBODY)):
        for name, steps in table.items():
            say(name)
            results[name] = {
                "native": run_case(steps, native, user),
                "ours": run_case(steps, ours, user),
            }
    return results


def readonly_root() -> dict:
    """fsysopts / --readonly and back, with both tool sets.

    Nothing is written to the root in between: what has been written keeps it busy for a while.
    """
    found: dict = {}
    for name, runner in (("ours", ours), ("native", native)):
        found[name] = []
        for words in (
            ["fsysopts", "/"],
            ["fsysopts", "/", "--readonly"],
            ["fsysopts", "/"],
            ["fsysopts", "/", "--writable"],
            ["fsysopts", "/"],
        ):
            found[name].append({"command": " ".join(words), **runner(words)})
    for option in ("--readonly", "--writable"):
        native(["fsysopts", "/", option])
        found[option] = write()
    return found


def write() -> str:
    """What comes of making a file on the root."""
    try:
        with open("/tmp/written", "w") as file:  # noqa: PTH123
            file.write("x")
        os.unlink("/tmp/written")
    except OSError as error:
        return errno.errorcode[error.errno]
    return "done"


def rights() -> int:
    from hurd import mach

    return len(mach.mach_port_names(mach.mach_task_self()).names)


def processes() -> int:
    from hurd import lookup, process

    with lookup.getproc() as ourselves:
        return len(process.proc_getallpids(ourselves))


def cycles(count: int) -> dict:
    """Start and goaway, again and again: no right and no task may be left."""
    from hurd.translator import reap, set_active

    prepare()
    node = f"{PLACE}/node"

    def once() -> None:
        with set_active(node, ["/hurd/hello"]) as translator:
            translator.goaway()
            reap(translator.pid)

    def fail() -> None:
        from hurd.errors import HurdError

        try:
            set_active(node, ["/bin/true"])
        except HurdError:
            return
        raise AssertionError("/bin/true became a translator")

    for _ in range(3):
        once()
        fail()
    before = (rights(), processes())
    begin = time.monotonic()
    for _ in range(count):
        once()
    seconds = time.monotonic() - begin
    after = (rights(), processes())
    for _ in range(20):
        fail()
    after_failures = (rights(), processes())
    clean_up()
    return {
        "count": count,
        "before": before,
        "after": after,
        "after_failures": after_failures,
        "seconds": round(seconds, 2),
    }


def deaths() -> dict:
    """How soon the loop hears of a translator that is killed, and of one that goes."""
    import asyncio

    from hurd.translator import goaway_flags, reap, start

    prepare()
    node = f"{PLACE}/node"

    async def measure() -> dict:
        found = {}
        for how in ("kill", "terminate", "goaway"):
            translator = await start(node, ["/hurd/hello"])
            waiting = asyncio.ensure_future(translator.died())
            await asyncio.sleep(0.3)
            early = waiting.done()
            begin = time.monotonic()
            if how == "kill":
                os.kill(translator.pid, signal.SIGKILL)
            elif how == "terminate":
                translator.kill()
            else:
                translator.goaway(goaway_flags(force=True))
            await asyncio.wait_for(waiting, 10)
            found[how] = {"seconds": round(time.monotonic() - begin, 3), "early": early}
            found[how]["alive"] = translator.alive
            translator.close()
            reap(translator.pid)
        return found

    try:
        return asyncio.run(measure())
    finally:
        clean_up()


def startable_loop() -> None:
    # A stock CPython cannot make an event loop here: clock_getres knows the wall clock only.
    plain = time.get_clock_info

    def patient(name):
        try:
            return plain(name)
        except OSError:
            return plain("time")

    time.get_clock_info = patient


def preload() -> None:
    """Import here, once, what every child of `ours` would import."""
    from importlib import import_module

    from hurd import lookup
    from hurd.tools import TOOLS

    for tool in TOOLS:
        import_module(f"hurd.tools.{tool}")
    for part in ("setting", "mounting", "options", "fstab", "chroot"):
        import_module(f"hurd.translator.{part}")
    lookup.getcrdir().close()


def section(results: dict, name: str, work, *arguments) -> None:
    say(f"section {name}")
    begin = time.monotonic()
    try:
        results[name] = work(*arguments)
    except BaseException:
        results[name] = {"traceback": traceback.format_exc()}
        print(results[name]["traceback"], flush=True)
    results.setdefault("times", {})[name] = round(time.monotonic() - begin, 1)
    with open(RESULT, "w") as file:  # noqa: PTH123
        json.dump(results, file, indent=1)


def main() -> None:
    os.umask(0o022)
    shutil.rmtree(PLACE, ignore_errors=True)
    os.makedirs("/root/secret", 0o700, exist_ok=True)
    with open("/root/secret/file", "w") as file:  # noqa: PTH123
        file.write("x")
    os.chmod("/root/secret", 0o700)
    startable_loop()
    os.spawnv(os.P_WAIT, find("settrans"), ["settrans", "-a", OUTPUT, "/hurd/tmpfs", "8M"])
    results: dict = {"uname": list(os.uname()), "python": sys.version}
    preload()
    section(results, "cases", cases)
    section(results, "readonly_root", readonly_root)
    section(results, "cycles", cycles, int(sys.argv[1]))
    # The last, because it makes threads and the others fork.
    section(results, "deaths", deaths)
    os.sync()


if __name__ == "__main__":
    main()
