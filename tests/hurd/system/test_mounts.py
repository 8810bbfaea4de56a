"""Mounting for real, in a mount namespace of the test's own; and how tables are read."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hurd.system import mounts, system
from hurd.system.mounts import MountFlags

TOP = Path(__file__).parents[3]
linux = pytest.mark.skipif(system.name != "linux", reason="Linux only")


def namespace() -> list[str]:
    """The command that gives a mount namespace; skips where there is none."""
    command = ["unshare", "--mount", "--propagation", "private"]
    if os.geteuid() != 0:
        command = ["unshare", "--user", "--map-root-user", *command[1:]]
    if not shutil.which("unshare") or subprocess.run([*command, "true"], check=False).returncode:
        pytest.skip("no mount namespace to be had")
    return command


def inside(script: str, directory: Path) -> str:
    """What a script prints that runs in the namespace, in an empty directory."""
    prologue = (
        "import errno, os, sys\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "from hurd.system import system\n"
        "def options(at):\n"
        "    return {m.target: set(m.options) for m in system.mounts()}[os.path.realpath(at)]\n"
        "def refused(call, *arguments, **more):\n"
        "    try: call(*arguments, **more)\n"
        "    except OSError as e: print(errno.errorcode[e.errno], e.filename)\n"
        "    else: print('done')\n"
    )
    command = [*namespace(), sys.executable, "-I", "-c", prologue + script, str(TOP)]
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@linux
def test_mount_remount_unmount(tmp_path):
    script = """
os.mkdir("a b")
system.mount("some tmpfs", "a b", "tmpfs", ["size=64k,nosuid", "noatime", "mode=0700", "nofail"])
(found,) = [m for m in system.mounts() if m.target == os.path.realpath("a b")]
print(found.source, found.type, os.statvfs("a b").f_blocks * 4096, oct(os.stat("a b").st_mode))
print({"rw", "nosuid", "noatime"} <= options("a b"))
open("a b/file", "w").close()
system.remount("a b", ["ro"])
print({"ro", "nosuid", "noatime", "size=64k"} <= options("a b"))
refused(open, "a b/other", "w")
system.remount("a b", ["rw", "suid"])
print("nosuid" in options("a b"), "noatime" in options("a b"))
open("a b/other", "w").close()
held = os.open("a b/other", os.O_RDONLY)
refused(system.unmount, "a b")
system.unmount("a b", force=True)
print(os.listdir("a b"))
refused(system.unmount, "a b")
refused(system.remount, "a b", ["ro"])
"""
    size = 65536
    assert inside(script, tmp_path).splitlines() == [
        f"some tmpfs tmpfs {size} 0o40700",
        "True",
        "True",
        "EROFS a b/other",
        "False True",
        "EBUSY a b",
        "[]",
        "EINVAL a b",
        "EINVAL a b",
    ]


@linux
def test_directory_at_a_second_place(tmp_path):
    script = """
os.mkdir("from"); os.mkdir("to")
open("from/file", "w").close()
system.mount("from", "to", "none", ["bind", "ro", "nodev"])
print(os.listdir("to"), {"ro", "nodev"} <= options("to"))
refused(open, "to/new", "w")
open("from/new", "w").close()
system.remount("to", ["bind", "rw"])
open("to/newer", "w").close()
print("nodev" in options("to"))
system.unmount("to")
print(os.listdir("to"))
"""
    assert inside(script, tmp_path).splitlines() == [
        "['file'] True", "EROFS to/new", "True", "[]",
    ]  # fmt: skip


@linux
def test_mount_failures_name_the_directory(tmp_path):
    script = """
os.mkdir("to")
refused(system.mount, "x", "none/there", "tmpfs")
refused(system.mount, "x", "to", "no-such-fs")
refused(system.mount, "x", "to", "tmpfs", ["size=nonsense"])
refused(system.mount, "absent", "to", "none", ["bind"])
refused(system.mount, "absent", "to", "none", ["bind", "ro"])
print([m.target for m in system.mounts() if m.target == os.path.realpath("to")])
"""
    assert inside(script, tmp_path).splitlines() == [
        "ENOENT none/there", "ENODEV to", "EINVAL to", "ENOENT to", "ENOENT to", "[]",
    ]  # fmt: skip


@linux
def test_file_system_on_a_disk_is_recognised(tmp_path):
    """By trying, as mount(8) does: needs a loop device, so root and /dev/loop-control."""
    tool = shutil.which("mke2fs", path="/usr/sbin:/sbin")
    if os.geteuid() != 0 or tool is None:
        pytest.skip("needs root and mke2fs")
    disk = tmp_path / "disk"
    subprocess.run([tool, "-q", "-t", "ext2", str(disk), "256k"], check=True)
    losetup = shutil.which("losetup", path="/usr/sbin:/sbin:/usr/bin:/bin")
    made = losetup and subprocess.run(
        [losetup, "--find", "--show", str(disk)], capture_output=True, text=True, check=False
    )
    if not made or made.returncode:
        pytest.skip("no loop device to be had")
    device = made.stdout.strip()
    try:
        script = f"""
os.mkdir("on")
system.mount("{device}", "on", "auto", ["ro"])
print(os.listdir("on"), [m.type[:3] for m in system.mounts() if m.source == "{device}"])
system.unmount("on")
os.mkdir("z")
system.mount("z", "z", "tmpfs")
refused(system.mount, "/dev/zero", "on", "auto")
"""
        assert inside(script, tmp_path).splitlines()[:1] == ["['lost+found'] ['ext']"]
    finally:
        subprocess.run([losetup, "--detach", device], check=True)


@linux
def test_swap_failures_name_the_device(tmp_path):
    plain = tmp_path / "plain"
    plain.write_bytes(bytes(8192))
    for call in (system.swap_on, system.swap_off):
        with pytest.raises(OSError) as caught:
            call(str(tmp_path / "none"))
        assert caught.value.filename == str(tmp_path / "none")
        with pytest.raises(OSError) as caught:
            call(str(plain))
        assert caught.value.filename == str(plain)


def test_options_are_taken_apart():
    parts = MountFlags(["ro,noexec", "size=5%", "rw", "defaults,nofail,x-systemd.x=1", "rshared"])
    assert parts.flags == 8 and parts.cleared == 1
    assert parts.data == "size=5%"
    assert parts.propagation == [1 << 20 | 16384]
    assert MountFlags(["rbind"]).flags == 4096 | 16384
    assert not MountFlags([]).flags and not MountFlags(["", "defaults"]).data


def test_mountinfo_is_read():
    lines = [
        b"36 35 98:0 /mnt1 /mnt2/in\\040here rw,noatime master:1 - ext3 /dev/ro\\134ot rw,x=y\n",
        b"22 1 0:20 / / rw - tmpfs none rw,size=1k\n",
        b"nonsense\n",
        b"37 36 0:1 / /mnt2 ro shared:2 propagate_from:1 - proc - rw\n",
    ]
    found = mounts.of_mountinfo(lines)
    assert [(m.source, m.target, m.type, m.options) for m in found] == [
        ("none", "/", "tmpfs", ("rw", "size=1k")),
        ("-", "/mnt2", "proc", ("ro", "rw")),
        ("/dev/ro\\ot", "/mnt2/in here", "ext3", ("rw", "noatime", "x=y")),
    ]


def test_table_of_the_hurd_is_read():
    """As its procfs gives /proc/mounts."""
    lines = [
        b"/dev/hd0s1 / /hurd/ext2fs writable,no-inherit-dir-group,store-type=typed 0 0\n",
        b"# a comment, of /etc/mtab\n",
        b"none /run /hurd/tmpfs writable,size=64M 0 0\n",
    ]
    root, run = mounts.of_table(lines)
    assert (root.source, root.target, root.type) == ("/dev/hd0s1", "/", "/hurd/ext2fs")
    assert (run.target, run.options) == ("/run", ("writable", "size=64M"))


@given(st.binary().filter(lambda name: b"\n" not in name))
def test_escapes_come_back(name):
    field = b"".join(b"\\%03o" % c if c in b" \t\n\\#" else bytes([c]) for c in name)
    assert os.fsencode(mounts.unescaped(field)) == name


@linux
def test_what_is_mounted_here_is_listed_parents_first():
    listed = [mount.target for mount in system.mounts()]
    assert "/" in listed and "/proc" in listed
    for place, target in enumerate(listed):
        assert not any(other.startswith(target.rstrip("/") + "/") for other in listed[:place])


@linux
def test_sizes_of_memory_are_the_kernels():
    sizes = system.memory()
    assert sizes.total == system.physical_memory()
    assert 0 < sizes.available <= sizes.total
    assert 0 <= sizes.swap_free <= sizes.swap_total
    lines = Path("/proc/swaps").read_text().splitlines()[1:]
    assert len(system.swap_devices()) == len(lines)
