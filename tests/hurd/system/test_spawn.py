"""Starting programs: each field of the description as the child sees it."""

from __future__ import annotations

import errno
import os
import resource
import signal
from pathlib import Path

from spawning import (
    PATH,
    ROOT,
    both_ways,
    failure,
    in_child,
    needs_root,
    output,
)

from hurd.system import SpawnSpec, system


@both_ways
def test_directory_is_the_childs_only(way, tmp_path):
    before = os.getcwd()
    assert output("pwd", directory=str(tmp_path), **way) == str(tmp_path)
    assert os.getcwd() == before


@both_ways
def test_umask_is_the_childs_only(way):
    before = os.umask(0o022)
    try:
        assert output("umask", umask=0o137, **way) == "0137"
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(before)


@both_ways
def test_environment_is_exactly_what_was_given(way, monkeypatch):
    monkeypatch.setenv("DROVER_LEAK", "1")
    text = output("/usr/bin/env", environment=["A=1", "A=2", "B=x=y", "E="], **way)
    names = dict(line.split("=", 1) for line in text.splitlines())
    assert {n: names.get(n) for n in "ABE"} == {"A": "1", "B": "x=y", "E": ""}
    assert set(names) <= {"A", "B", "E", "PWD", "SHLVL", "_"}


@both_ways
def test_bytes_that_are_not_utf_8_arrive_unchanged(way):
    text = output('printf %s "$X" | od -An -tx1', environment=[PATH, "X=\udcff\udc80"], **way)
    assert text.split() == ["ff", "80"]


@both_ways
def test_session_is_created_by_default(way):
    pid, group, session = output("ps -o pid=,pgid=,sid= -p $$", **way).split()
    assert pid == group == session


@both_ways
def test_session_is_shared_when_asked(way):
    text = output("ps -o pgid=,sid= -p $$", create_session=False, **way)
    assert text.split() == [str(os.getpgid(0)), str(os.getsid(0))]


@both_ways
def test_input_is_dev_null_by_default(way):
    assert output("readlink /proc/$$/fd/0; cat", **way) == "/dev/null"


@both_ways
def test_input_comes_from_the_descriptor_given(way, tmp_path):
    (tmp_path / "input").write_text("hello")
    with (tmp_path / "input").open() as file:
        assert output("cat", stdin=file.fileno(), **way) == "hello"


@both_ways
def test_child_has_no_descriptor_but_its_own(way):
    with Path("/dev/zero").open() as zero:
        text = output("exec ls /proc/self/fd", extra_descriptors=[zero.fileno()] * 2, **way)
    # 5 is the directory that ls reads.
    assert text.split() == ["0", "1", "2", "3", "4", "5"]


@both_ways
def test_extra_descriptors_follow_from_three(way, tmp_path):
    files = []
    for name in "abc":
        (tmp_path / name).write_text(name)
        files.append((tmp_path / name).open())
    fds = [f.fileno() for f in files]
    assert output("cat <&5; cat <&4; cat <&3", extra_descriptors=fds, **way) == "cba"
    for file in files:
        file.close()


@both_ways
def test_numbers_of_extra_descriptors_can_be_left_out(way, tmp_path):
    (tmp_path / "input").write_text("hello")
    with (tmp_path / "input").open() as file:
        extra = [None, None, None, file.fileno()]
        text = output("cat <&6; exec ls /proc/self/fd", extra_descriptors=extra, **way)
    # 3 is the directory that ls reads.
    assert text.split() == ["hello0", "1", "2", "3", "6"]


@both_ways
def test_low_descriptors_may_be_exchanged(way, tmp_path):
    """Sources among the child's own targets: none may be overwritten before it was used."""

    def body() -> None:
        files = [os.open(tmp_path / name, os.O_RDWR | os.O_CREAT) for name in "abcde"]
        for fd, file in enumerate(files):
            os.dup2(file, fd, inheritable=False)
        os.set_inheritable(2, True)
        links = " ".join(f"/proc/$$/fd/{fd}" for fd in range(5))
        script = f"(readlink {links} >{tmp_path}/out)"
        spec = SpawnSpec(
            ["/bin/sh", "-c", script],
            [PATH],
            stdin=4,
            stdout=0,
            stderr=2,
            extra_descriptors=[1, 3],
            **way,
        )
        assert os.waitpid(system.spawn(spec), 0)[1] == 0

    in_child(body)
    assert [line[-1] for line in (tmp_path / "out").read_text().splitlines()] == list("eacbd")


@both_ways
def test_signals_start_unblocked_and_with_default_dispositions(way):
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGCHLD])
    old = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        # A program that changes nothing itself; Python ignores SIGPIPE, the child must not.
        text = output("exec grep -E 'Sig(Blk|Ign)' /proc/self/status", **way)
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
        assert signal.SIGTERM in signal.pthread_sigmask(signal.SIG_BLOCK, [])
    finally:
        signal.signal(signal.SIGHUP, old)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM, signal.SIGCHLD])
    masks = {line.split(":")[0]: int(line.split()[1], 16) for line in text.splitlines()}
    assert masks["SigBlk"] == 0
    # 32 and 33 belong to the C library, which ignores them in what it spawns.
    assert masks["SigIgn"] & ~(0b11 << 31) == 0


def test_resource_limits_are_set_in_the_child_only():
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    limits = [("nofile", 50, 100), ("core", 0, None if ROOT else 0)]
    assert output("ulimit -n; ulimit -Hn; ulimit -c", resource_limits=limits) == "50\n100\n0"
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == before


def test_variables_for_the_pid_have_the_childs():
    text = output(
        "echo $LISTEN_PID $MAIN $$",
        environment=[PATH, "LISTEN_PID=7"],
        pid_variables=["LISTEN_PID", "MAIN"],
    )
    listen_pid, main, pid = text.split()
    assert listen_pid == main == pid


def test_terminal_becomes_the_controlling_one():
    master, slave = os.openpty()
    try:
        name = os.ttyname(slave)
        text = output("ps -o tty=,tpgid=,pid= -p $$; tty <&0", tty=slave, stdin=slave)
    finally:
        os.close(master)
        os.close(slave)
    first, second = text.splitlines()
    tty, foreground, pid = first.split()
    assert f"/dev/{tty}" == second == name
    assert foreground == pid


@needs_root
def test_user_brings_its_groups():
    import pwd

    daemon = pwd.getpwnam("daemon")
    ours = os.getgroups()
    try:
        os.setgroups([0, 4, 27])
        text = output("id -u; id -g; id -G", user="daemon", directory="/")
    finally:
        os.setgroups(ours)
    uid, gid, groups = text.splitlines()
    assert (int(uid), int(gid)) == (daemon.pw_uid, daemon.pw_gid)
    wanted = set(os.getgrouplist("daemon", daemon.pw_gid))
    assert {int(g) for g in groups.split()} == wanted


@needs_root
def test_group_brings_the_supplementary_groups_given_and_no_other():
    text = output("id -u; id -G", group="daemon", supplementary_groups=["bin", 3])
    assert text.splitlines() == ["0", "1 2 3"]
    text = output("id -u; id -G", user=1, group=2)
    assert text.splitlines() == ["1", "2"]


@needs_root
def test_supplementary_groups_alone_change_nothing():
    assert output("id -G", supplementary_groups=["bin"]) == output("id -G")


@needs_root
def test_uid_without_an_account_keeps_no_group_of_ours():
    ours = os.getgroups()
    try:
        os.setgroups([0, 4])
        refused = failure(user=54321)
        assert str(refused) == (
            'failed to change to user "54321": it has no account, so a group has to be given, too'
        )
        text = output("id -u; id -G", user=54321, group=54321)
        assert text.splitlines() == ["54321", "54321"]
    finally:
        os.setgroups(ours)


@needs_root
def test_identity_cannot_be_taken_back():
    text = output("grep -E '^(Uid|Gid)' /proc/self/status", user="daemon")
    assert text.split() == ["Uid:", *["1"] * 4, "Gid:", *["1"] * 4]


@needs_root
def test_unprivileged_daemon_may_name_itself():
    def body() -> None:
        os.setgroups([1])
        os.setgid(1)
        os.setuid(1)
        assert output("id -u; id -G", user="daemon") == "1\n1"

    in_child(body)


@needs_root
def test_unprivileged_daemon_is_refused_another_identity():
    def body() -> None:
        os.setgroups([])
        os.setgid(1)
        os.setuid(1)
        error = failure(user="bin")
        assert (error.step, error.errno, error.detail) == ("user", errno.EPERM, "bin")
        error = failure(group="bin")
        assert (error.step, error.errno, error.detail) == ("group", errno.EPERM, "bin")
        error = failure(user="bin", group="daemon")
        assert error.step == "group"
        error = failure(resource_limits=[("nofile", 10, 1 << 30)])
        assert (error.step, error.errno, error.detail) == ("rlimit", errno.EPERM, "nofile")

    in_child(body)


# Which program


@both_ways
def test_program_is_sought_in_the_new_path(way, tmp_path, monkeypatch):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "tool").write_text(f"#!/bin/sh\nexit {len(name + name[0])}\n")
    (tmp_path / "two" / "tool").chmod(0o755)
    monkeypatch.setenv("PATH", "/nowhere")
    path = f"PATH=/nowhere:/etc/passwd:{tmp_path}/one:{tmp_path}/two:/bin"
    pid = system.spawn(SpawnSpec(["tool"], [path], **way))
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 4
    error = failure(["tool"], environment=[f"PATH={tmp_path}/one:/nowhere"], **way)
    assert (error.step, error.errno) == ("exec", errno.EACCES)  # there is one, not executable


@both_ways
def test_without_a_path_the_systems_own_is_used(way):
    pid = system.spawn(SpawnSpec(["true"], [], **way))
    assert os.waitpid(pid, 0)[1] == 0


@both_ways
def test_relative_program_is_relative_to_the_new_directory(way, tmp_path):
    (tmp_path / "tool").write_text("#!/bin/sh\nexit 5\n")
    (tmp_path / "tool").chmod(0o755)
    for command, path in (["./tool"], "PATH=/bin"), (["tool"], "PATH=/nowhere:"):
        pid = system.spawn(SpawnSpec(command, [path], directory=str(tmp_path), **way))
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 5


@both_ways
def test_script_without_an_interpreter_line_is_run_by_the_shell(way, tmp_path):
    (tmp_path / "script").write_text("exit $1\n")
    (tmp_path / "script").chmod(0o755)
    pid = system.spawn(SpawnSpec([f"{tmp_path}/script", "6"], [PATH], **way))
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 6
