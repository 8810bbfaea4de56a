"""`hurd.system` and the daemon, as a normal process, on a real GNU/Hurd; one boot for all."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import machine
import pytest
from ext2_image import Image

from hurd import records

TERM = 15
HELLO = ["/hurd/hello", "--contents"]
_OFFSET = 1 << 20  # of the partition
IPTRANS, IATRANS = 0o10000000, 0o20000000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the disk stays after the guest has ended."""
    return tmp_path_factory.mktemp("hurd-daemon")


@pytest.fixture(scope="module")
def found(folder: Path) -> dict[str, Any]:
    """What guest_daemon found there."""
    root, reason = machine.find_root()
    if root is None:
        pytest.skip(reason)
    program = Path(__file__).parent / "guest_daemon.py"
    disk = folder / "hurd.img"
    machine.build_disk(root, program, [], disk)
    plant_records(Image(disk, _OFFSET))
    swap = folder / "swap"
    swap.write_bytes(bytes(32 << 20))
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    subprocess.run(["mkswap", str(swap)], check=True, stdout=subprocess.DEVNULL, env={"PATH": path})
    console, _ = machine.boot(root, disk, second=swap)
    try:
        return json.loads(machine.read_file(disk, "/drover/result.json"))
    except machine.MachineError as error:
        raise AssertionError(console) from error


def plant_records(image: Image) -> None:
    """Two nodes with translators, written off line in either form."""
    image.debugfs("cd /drover", "write /dev/null old", "write /dev/null new")
    image.take_block("/drover/old", "translator", records.encode_block([*HELLO, "old"]))
    attributes = {"user.note": b"x", records.TRANSLATOR: records.encode_words([*HELLO, "new"])}
    image.take_block("/drover/new", "file_acl", records.encode_attributes(attributes))
    image.settle()


def herd(found: dict[str, Any], words: str, again: bool = False) -> tuple[int, str]:
    status, said = found[f"herd again {words}" if again else f"herd {words}"]
    return status, said


def test_a_loop_can_be_made_and_a_dead_server_does_not_end_the_process(found):
    name, resolution, init, ignores_lost, words = found["first steps"]
    assert (name, resolution, init, ignores_lost) == ("hurd", 0.01, False, True)
    assert "root=device:hd0s1" in words and "gnumach" not in words


def test_processes_are_the_proc_servers(found):
    said = found["processes"]
    assert said["known"] == [1, 2, 3, 4]
    assert said["parent"] and said["session"] and said["group"] and said["ended"]
    assert said["child"] == [True, "S", ["/bin/sleep", "100"]]
    assert said["started"] and said["distinct"]
    assert said["gone"] is None
    assert said["essential"] == [True, True, True, True, False]


def test_file_systems_are_mounted_and_unmounted(found):
    said = found["mounts"]
    root, run = said["listed"][:2]
    assert root[:3] == ["device:hd0s1", "/", "ext2fs"] and "rw" in root[3]
    assert run[1:3] == ["/run", "tmpfs"]
    assert said["errors"][0].endswith("Device or resource busy")
    assert said["errors"][3].endswith("Invalid argument")
    assert said["errors"][4].endswith("Invalid argument")
    assert said["errors"][5].endswith("No such file or directory")
    assert "no error" not in said["errors"]
    assert (said["bound"], said["unbound"]) == (True, False)
    assert said["busy"] == "Device or resource busy"


def test_looking_at_a_node_starts_nothing(found):
    modes, more_processes = found["nodes"]
    memory, run, urandom, _ = (int(mode, 8) for mode in modes)
    assert memory & IPTRANS and not memory & IATRANS
    assert run & IATRANS
    assert urandom & 0o170000 == 0o120000  # the link itself
    assert more_processes == 0


def test_machine_is_told_and_set(found):
    total, available, _, _, physical = found["memory"]
    assert 0 < available <= total == physical
    assert found["host name"] == ["drover-test"] * 3
    assert 4999 < found["clock"] < 5010
    assert found["entropy"] == 8
    assert found["records of logins"] == [768, 768]


def test_swap_is_turned_on_and_off(found):
    errors, devices, total, free, afterwards = found["swap"]
    assert errors[0].endswith("/dev/absent: No such file or directory /dev/absent")
    assert "without Linux swap signature" in errors[1]
    assert errors[2:] == ["Invalid argument /dev/hd1", "Device or resource busy /dev/hd1"]
    assert (devices, afterwards) == (["/dev/hd1"], [])
    assert 31 << 20 < free <= total <= 32 << 20


def test_session_takes_the_console(found):
    before, in_front, is_terminal = found["terminal"]
    assert before is not None  # no controlling terminal at first
    assert in_front and is_terminal


def test_descriptors_are_found_by_trying(found):
    difference, before, _ = found["descriptors"]
    assert difference and {0, 1, 2} <= set(before)


def test_programs_are_started(found):
    said = found["programs"]
    assert said["plain"] == [["/tmp", "0027"], 3 << 8]
    (uid, gid, groups), status = said["user"]
    assert status == 0 and uid.startswith("uid=1000") and gid.startswith("gid=1000")
    assert [g.split("(")[0] for g in groups.removeprefix("groups=").split(",")] == [
        "1000",
        "5",
        "6",
    ]
    # Not ignored, though PID 1 ignores it: a process group without a parent dies of it there.
    assert said["ignored"] == [[], 9]
    for name, text in (("absent", "/absent"), ("directory", "/absent"), ("nobody", "nobody-such")):
        assert text in said[name]
    assert said["early"] == [TERM] * 4


def test_files_of_others_are_refused(found):
    said = found["files of others"]
    assert "error" not in said, said["error"]
    assert (said["made"], said["translator made"]) == ("", "")
    for name in ("symbolic", "hard", "translator", "fifo"):
        assert said[name], name
    assert "of several names" in said["hard"]
    assert (said["own"], said["sub/own"], said["root's own link"]) == ("", "", "")
    for name in ("socket hard", "socket symbolic", "socket translator"):
        assert "not our socket" in said[name]
    assert (said["secret"], said["owner"]) == ("root only", 0)


def test_files_of_root_in_a_directory_of_others_are_theirs_as_well(found):
    """They have the directory's group, and who is its user and member counts as an owner."""
    said = found["files of others"]
    assert said["own is"] == [0, 1000, 0o640]
    assert said["born"] == [0, 1000, 0o600]
    assert said["changed"] == ""
    assert said["pid file"] == [True, [1000], False]
    assert said["pid file of root"] == [[1, []], True]


def test_sockets_are_for_whom_they_are_meant(found):
    said = found["files of others"]
    refused = "Permission denied"
    assert [said[mode] for mode in ("0600", "0644", "0622", "0666")] == [refused, refused, "", ""]
    assert said["0666 in a private directory"] == refused
    # In a directory of theirs.
    assert (said["born"], said["born for"]) == ([0, 1000, 0o600], "")
    assert (said["given"], said["given to"]) == ([1000, 1000, 0o666], "")
    assert (said["owners"], said["parent"]) == ([0, 1000, -1], True)


def test_the_file_of_a_socket_serves_again_unless_others_could_replace_it(found):
    said = found["sockets that serve again"]
    assert said.pop("stream") == [True, "hello", True]
    assert said.pop("missing") is False
    assert said == {
        key: [False, None, True] for key in ("used", "bent", "theirs", "linked", "replaceable")
    }


def test_sender_that_names_itself_is_known(found):
    passed, data, sender, pid, peer = found["credentials"]
    assert (passed, data, peer) == (False, "x", None)
    assert sender == [pid, 0, 0]


def test_names_of_modules_are_those_written_down(found):
    """By which the daemon is tested on other systems."""
    written = Path(__file__).parents[2] / "data/hurd/python-names.json"
    assert found["names"] == json.loads(written.read_text())


def test_daemon_starts_services_and_tells_of_them(found):
    assert found["daemon starts"] == [True, True, None]
    status, said = herd(found, "status")
    assert status == 0 and " + sleeper" in said and " + printer" in said
    assert "printed" in herd(found, "status printer")[1]
    assert herd(found, "start printer") == (0, "Service printer is already running.\n")
    assert "Respawning too fast" in found["log"]
    assert "Process exited with code 3." in herd(found, "status crasher", again=True)[1]
    assert "no effect on this system: nofile for sleep" in herd(found, "start user")[1]
    assert "It is running" in herd(found, "status user")[1]


def test_programs_report_and_are_activated(found):
    assert herd(found, "start reporter")[0] == 0
    assert (
        "  2" in herd(found, "status reporter")[1] and " here" in herd(found, "status reporter")[1]
    )
    assert "reports an error: No such file or directory" in found["log"]
    assert "It is running" in herd(found, "status forked")[1]
    assert found["connection"] == ["hello\n"]


def test_services_stop(found):
    for words in ("stop user", "stop reporter", "stop forked"):
        assert herd(found, words)[0] == 0
    for words in ("stop local", "stop printer", "stop sleeper"):
        assert herd(found, words, again=True)[0] == 0
    status, said = herd(found, "stop absent")
    assert status != 0 and "absent" in said


def test_fresh_image_goes_on_with_the_processes(found):
    answer, took, before, after = found["re-execution"]
    assert answer[0] == 0 and took
    pids = [line for text in (before, after) for line in text.splitlines() if "Main PID" in line]
    assert len(pids) == 2 and pids[0] == pids[1]


def test_daemon_ends_in_order(found):
    _, status, socket_left = found["end"]
    assert (status, socket_left) == (0, False)
    assert "Unexpected error" not in found["log"]
    assert "Traceback" not in found["errors"]


def test_records_written_off_line_are_translators_there(found):
    for name in ("old", "new"):
        assert found["records"][name] == [[*HELLO, name], name]


def test_records_of_the_real_file_system_are_read_off_line(found, folder):
    image = Image(folder / "hurd.img", _OFFSET)
    assert image.record("/drover/made") == ["/hurd/hello", "", "--contents=grüß dich"]
    assert image.record("/drover/changed") == [*HELLO, "changed"]
    assert image.record("/drover/removed") is None
    assert image.record("/drover/old") == [*HELLO, "old"]


def test_dead_server_does_not_end_the_process(found):
    """As it does where SIGLOST has its default effect."""
    by_default, ignored = found["dead server"]
    assert by_default == 32
    assert ignored == 7 << 8


def test_reboot_leaves_a_clean_file_system(found, folder):
    """`system.reboot` from a process that is not PID 1."""
    disk = f"{folder}/hurd.img?offset={_OFFSET}"
    command = ["debugfs", "-R", "show_super_stats -h", disk]
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env={"PATH": path, "LC_ALL": "C"}
    )
    assert re.search(r"Filesystem state: +clean", done.stdout)


def test_machine_restarts_when_an_essential_process_dies(tmp_path):
    root, reason = machine.find_root()
    if root is None:
        pytest.skip(reason)
    program = Path(__file__).parent / "guest_essential.py"
    outcome = machine.run_in_guest(root, program, tmp_path)
    assert outcome.result is True
    assert "essential task drover-test died" in outcome.console


def test_nothing_failed(found):
    broken = {k: v for k, v in found.items() if isinstance(v, dict) and "error" in v}
    assert broken == {}
