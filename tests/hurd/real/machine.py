"""A GNU/Hurd in QEMU that runs one Python program and hands back what it found.

Needs DROVER_HURD_ROOT, the tree of a Hurd root (docs/hurd-testing.md says what it must hold), and
mke2fs, debugfs and qemu-system-i386. The program is PID 1's only child; what it writes to
`/drover/result.json` is read from the disk afterwards.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[3]
ROOT_VARIABLE = "DROVER_HURD_ROOT"
PARTITION_SIZE = "400M"

# Nodes that the guest needs besides what the root holds: type, mode, path, translator.
NODES = """\
c 0600 /dev/console /hurd/term /dev/console device console
c 0600 /dev/com0 /hurd/term /dev/com0 device com0
c 0666 /dev/tty /hurd/magic tty
c 0666 /dev/null /hurd/null
c 0666 /dev/zero /bin/nullauth -- /hurd/storeio -Tzero
c 0644 /dev/random /hurd/random --seed-file /var/lib/random-seed
c 0644 /dev/time /hurd/storeio --no-cache time
c 0660 /dev/mem /hurd/storeio --no-cache mem
b 0640 /dev/hd0 /hurd/storeio hd0
b 0640 /dev/hd0s1 /hurd/storeio hd0s1
b 0640 /dev/hd1 /hurd/storeio hd1
f 0644 /servers/exec
f 0644 /servers/startup
f 0644 /servers/proc
f 0644 /servers/default-pager /hurd/proxy-defpager
f 0644 /servers/password /hurd/password
f 0644 /servers/crash-kill /hurd/crash --kill
c 0666 /servers/socket/1 /hurd/pflocal
"""

# PID 1: `/libexec/runsystem` is what the Hurd's startup runs as it.
RUNSYSTEM = """\
#!/bin/sh
PATH=/bin:/sbin:/usr/bin:/usr/sbin
export PATH
echo "drover: the guest is up"
{python} -B /drover/program.py {arguments}
echo "drover: the program ended with $?"
reboot
"""


class MachineError(Exception):
    """The guest could not be built, or did not do what it was started for."""


@dataclass(frozen=True)
class Outcome:
    """What the guest's program found, what the console said, and how long it took.

    Seconds are those of the host, from the start of QEMU to its end.
    """

    result: Any
    console: str
    seconds: float


def find_root() -> tuple[Path | None, str]:
    """The root's tree, or None and why the tests that need it cannot run."""
    value = os.environ.get(ROOT_VARIABLE)
    if not value:
        return None, f"{ROOT_VARIABLE} is not set"
    root = Path(value)
    if not (root / "hurd" / "ext2fs.static").is_file():
        return None, f"{ROOT_VARIABLE}: {root} holds no /hurd/ext2fs.static"
    if python_of(root) is None:
        return None, f"{ROOT_VARIABLE}: {root} holds no python3"
    for tool in ("mke2fs", "debugfs", "qemu-system-i386"):
        if _tool(tool) is None:
            return None, f"{tool} is not installed"
    return root, ""


def python_of(root: Path) -> str | None:
    """The name of the root's Python interpreter, in the guest."""
    for name in ("usr/bin/python3", "bin/python3", "usr/local/bin/python3"):
        if (root / name).exists() or (root / name).is_symlink():
            return f"/{name}"
    return None


def _tool(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


def _run(*argv: str | Path, timeout: float = 300) -> str:
    done = subprocess.run(
        [_tool(str(argv[0])) or argv[0], *argv[1:]],
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
    )
    if done.returncode:
        raise MachineError(f"{argv[0]} failed: {done.stdout}{done.stderr}")
    return done.stdout


def build_disk(root: Path, program: Path, arguments: list[str], disk: Path) -> None:
    """Write the image of a disk with one partition: the root, this package and the program."""
    tree = disk.with_suffix(".tree")
    shutil.rmtree(tree, ignore_errors=True)
    # Hard links to the root's files would be written through by what is changed below.
    _run("cp", "-a", root, tree)
    _add_nodes(tree)
    _add_program(tree, program, arguments)
    partition = disk.with_suffix(".part")
    partition.unlink(missing_ok=True)
    _run(
        "mke2fs", "-q", "-t", "ext2", "-o", "hurd", "-O", "ext_attr", "-I", "128", "-b", "4096",
        "-L", "hurdroot", "-E", "root_owner=0:0", "-d", tree, partition, PARTITION_SIZE,
    )  # fmt: skip
    _set_records(tree, partition)
    _write_partition_table(partition, disk)
    shutil.rmtree(tree)


def _add_nodes(tree: Path) -> None:
    for line in NODES.splitlines():
        kind, mode, path, *_ = line.split()
        node = tree / path[1:]
        node.parent.mkdir(parents=True, exist_ok=True)
        if node.is_symlink() or node.is_file():
            node.unlink()
        if kind == "f" or os.geteuid():
            node.touch()
        else:
            os.mknod(node, 0o020000 if kind == "c" else 0o060000)
        node.chmod(int(mode, 8))
    urandom = tree / "dev/urandom"
    urandom.unlink(missing_ok=True)
    urandom.symlink_to("random")
    for directory in ("proc", "tmp", "run", "var/lib", "mnt", "root"):
        (tree / directory).mkdir(parents=True, exist_ok=True)
    (tree / "tmp").chmod(0o1777)


def _set_records(tree: Path, partition: Path) -> None:
    """Write the passive translators, as the attribute that ext2fs reads them from."""
    commands = []
    for number, line in enumerate(NODES.splitlines()):
        _, _, path, *translator = line.split()
        if translator:
            record = tree / f".record-{number}"
            record.write_bytes(b"".join(word.encode() + b"\0" for word in translator))
            commands.append(f"ea_set -f {record} {path} gnu.translator")
    script = tree / ".commands"
    script.write_text("\n".join(commands) + "\n")
    output = _run("debugfs", "-w", "-f", script, partition)
    complaints = [line for line in output.splitlines() if not line.startswith("debugfs:")]
    if complaints:
        raise MachineError(f"debugfs: {complaints}")


def _add_program(tree: Path, program: Path, arguments: list[str]) -> None:
    place = tree / "drover"
    place.mkdir()
    for room in ("hurd", "pid1", "services", "boot"):
        shutil.copytree(
            REPOSITORY / room, place / room, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copy(program, place / "program.py")
    for companion in program.parent.glob("guest_*.py"):
        if companion != program:
            shutil.copy(companion, place / companion.name)
    runsystem = tree / "libexec" / "runsystem"
    runsystem.parent.mkdir(exist_ok=True)
    runsystem.unlink(missing_ok=True)
    runsystem.write_text(RUNSYSTEM.format(python=python_of(tree), arguments=" ".join(arguments)))
    runsystem.chmod(0o755)


def _write_partition_table(partition: Path, disk: Path) -> None:
    """A disk image whose only partition starts at 1 MiB."""
    first, sectors = 2048, partition.stat().st_size // 512
    entry = bytes([0x80, 0, 0, 0, 0x83, 0, 0, 0])
    entry += first.to_bytes(4, "little") + sectors.to_bytes(4, "little")
    disk.unlink(missing_ok=True)
    with disk.open("wb") as file:
        file.write(bytes(446) + entry + bytes(48) + b"\x55\xaa")
        file.truncate(first * 512)
    _run("dd", f"if={partition}", f"of={disk}", "bs=1M", "seek=1", "conv=sparse,notrunc")
    partition.unlink()


def _kernel(root: Path, folder: Path) -> Path:
    """The kernel, unpacked: QEMU's own loader knows no gzip."""
    for name in ("boot/gnumach", "boot/gnumach.gz"):
        for source in sorted((root / name).parent.glob(f"{Path(name).name}*")):
            data = source.read_bytes()
            target = folder / "gnumach"
            target.write_bytes(gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data)
            return target
    raise MachineError(f"{root} holds no /boot/gnumach")


def boot(
    root: Path,
    disk: Path,
    *,
    second: Path | None = None,
    memory: int = 1024,
    timeout: float = 900,
) -> tuple[str, float]:
    """Run the guest until it restarts the machine: what its console said, and the seconds it took.

    `second` is another disk, hd1 in the guest.
    Raises `MachineError` when `timeout` seconds have passed.
    """
    kernel = _kernel(root, disk.parent)
    # Module lines: the dollar signs are for gnumach.
    modules = (
        f"{root}/hurd/ext2fs.static --multiboot-command-line=${{kernel-command-line}}"
        " --host-priv-port=${host-port} --device-master-port=${device-port}"
        " --exec-server-task=${exec-task} -T typed ${root} $(task-create) $(task-resume),"
        f"{root}/hurd/exec.static $(exec-task=task-create)"
    )
    console = disk.with_suffix(".console")
    command = [
        "qemu-system-i386", "-m", str(memory), "-display", "none", "-no-reboot", "-net", "none",
        "-monitor", "none", "-serial", f"file:{console}",
        "-drive", f"file={disk},format=raw,index=0,media=disk,cache=unsafe",
        "-kernel", str(kernel), "-append", "root=device:hd0s1 console=com0", "-initrd", modules,
    ]  # fmt: skip
    if second is not None:
        command += ["-drive", f"file={second},format=raw,index=1,media=disk,cache=unsafe"]
    begin = time.monotonic()
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE) as machine:
        try:
            _, complaint = machine.communicate(timeout=timeout)
        except subprocess.TimeoutExpired as error:
            machine.kill()
            said = console.read_text(errors="replace") if console.exists() else ""
            raise MachineError(f"no end within {timeout} s; the console:\n{said}") from error
    said = console.read_text(errors="replace").replace("\r", "")
    if machine.returncode:
        raise MachineError(f"QEMU ended with {machine.returncode}: {complaint.decode()}\n{said}")
    return said, time.monotonic() - begin


def read_file(disk: Path, path: str) -> bytes:
    """A file of the disk's partition."""
    copy = disk.with_suffix(".copy")
    copy.unlink(missing_ok=True)
    _run("debugfs", "-R", f"dump {path} {copy}", f"{disk}?offset=1048576")
    if not copy.exists():
        raise MachineError(f"{path} is not on the disk")
    return copy.read_bytes()


def run_in_guest(
    root: Path, program: Path, folder: Path, arguments: list[str] | None = None
) -> Outcome:
    """Build a disk, boot it, and return what the program found."""
    disk = folder / "hurd.img"
    build_disk(root, program, arguments or [], disk)
    console, seconds = boot(root, disk)
    try:
        result = json.loads(read_file(disk, "/drover/result.json"))
    except (MachineError, json.JSONDecodeError) as error:
        raise MachineError(f"no result ({error}); the console:\n{console}") from error
    return Outcome(result, console, seconds)
