"""The example system in `examples/system` does the same under the GNU Shepherd and under drover."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import sandbox
from sessions import runner
from sessions.normalise import normalise
from sessions.runner import Pair

pytestmark = [pytest.mark.interop, pytest.mark.slow]

GNU = Pair(daemon="gnu", client="gnu")
DROVER = Pair(daemon="drover", client="drover")

TOUR = """
export DROVER_DEMO=/tmp/demo PYTHON=/usr/bin/python3 SHEPHERD_SOCKET=/tmp/sock
mkdir /tmp/demo
cd /tmp
shepherd -I -s /tmp/sock -c /opt/system/init.scm -l /tmp/log --pid=/tmp/pid >/tmp/out 2>&1 &
for try in $(seq 100); do
    ! grep -q "started 1 service in the background" /tmp/log 2>/dev/null || break
    sleep 0.1
done
step() { echo "== $1"; }
step up; herd status
for name in directories content logger store counter report web echo greeter everything; do
    step "status $name"; herd status $name -n 0
done
step web
python3 -c 'import socket, time
for _ in range(50):
    with socket.socket() as s:
        if s.connect_ex(("127.0.0.1", 8080)) == 0: break
    time.sleep(0.1)'
python3 -c 'import urllib.request as u
print("It works" in u.urlopen("http://127.0.0.1:8080/").read().decode())'
step greeter; python3 -c 'import socket
s = socket.socket(socket.AF_UNIX); s.connect("/tmp/demo/sockets/greeter"); print(s.recv(5))'
step greeter-running; herd status greeter
step echo; echo hello | nc -N -U /tmp/demo/sockets/echo
step stop; herd stop store; grep -o " Stopping service .*" /tmp/log
step down; herd status
step again; herd start everything
step back; herd status
step crash
for try in $(seq 60); do
    ! herd status flaky | grep "Last respawned" || break
    sleep 0.1
done
step log; herd trigger heartbeat; sleep 0.7; cut -c21-30 /tmp/demo/log/messages | sort -u
step end; herd stop root >/dev/null; wait; echo "ended with status $?"
step left; ps ax -o args= | grep -c '[/]opt/system'
"""


def _tour(chroot: Path, pair: Pair) -> dict[str, str]:
    source = runner.ROOT / "examples/system"
    files = {
        f"system/{path.relative_to(source)}": path.read_bytes()
        for path in source.rglob("*")
        if path.is_file()
    }
    if pair == DROVER:
        files |= runner.drover_tree(chroot)
    try:
        result = sandbox.run(chroot, TOUR, opt=files, cover=runner.covers(pair))
    except sandbox.SandboxUnavailable as unavailable:
        pytest.skip(str(unavailable))
    steps = re.split(r"^== (.*)\n", normalise(result.stdout), flags=re.M)[1:]
    return dict(zip(steps[::2], steps[1::2], strict=True)) | {"stderr": result.stderr}


def _settled(status: str) -> str:
    """Leave out what is a matter of when one looks.

    That is whether the service that crashes runs just now, and whether one has printed already.
    """
    status = re.sub(r"(?:Stopped:\n)? . flaky\n", "", status)
    return re.sub(r"^\s*Recent messages.*\n", "", status, flags=re.M)


def test_example_system_does_the_same_under_both(shepherd_chroot: Path) -> None:
    real, ours = _tour(shepherd_chroot, GNU), _tour(shepherd_chroot, DROVER)
    real = {step: _settled(output) for step, output in real.items()}
    ours = {step: _settled(output) for step, output in ours.items()}
    assert ours == real
    assert real["up"].count(" + ") >= 10
    assert " - counter\n" in real["down"]
    assert real["left"] == "0\n"
