"""Runs in the guest, as root: `hurd.system` on the real Hurd, then the daemon as a normal process.

Writes /drover/result.json. Not a test by itself; `machine` starts it, the tests look at the result.
"""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
import time

sys.path.insert(0, "/drover")

import guest_files  # noqa: F401 - measures, and so does guest_system before it
from guest_measuring import found, measured, say

from hurd.system import system

RESULT = "/drover/result.json"
PLACE = "/run/daemon"
SOCKET = f"{PLACE}/socket"

CONFIGURATION = f"""
(register-services
 (list (service '(sleeper)
         #:start (make-forkexec-constructor '("sleep" "1000"))
         #:stop (make-kill-destructor))
       (service '(printer)
         #:start (make-forkexec-constructor '("sh" "-c" "echo printed; exec sleep 1000")
                  #:log-file "{PLACE}/printer.log")
         #:stop (make-kill-destructor))
       (service '(crasher)
         #:respawn? #t #:respawn-limit '(2 . 100)
         #:start (make-forkexec-constructor '("sh" "-c" "exit 3"))
         #:stop (make-kill-destructor))
       (service '(user)
         #:start (make-forkexec-constructor '("sleep" "1000") #:user "nobody"
                  #:group "nogroup" #:resource-limits '((nofile 64 64)))
         #:stop (make-kill-destructor))
       (service '(reporter)
         #:start (make-forkexec-constructor '("/usr/bin/python3" "-I" "-S" "{PLACE}/reporter")
                  #:notify 'sd)
         #:stop (make-kill-destructor))
       (service '(local)
         #:start (make-inetd-constructor
                  '("cat") (list (endpoint (make-socket-address AF_UNIX "{PLACE}/local"))))
         #:stop (make-inetd-destructor))
       (service '(forked)
         #:start (make-forkexec-constructor
                  '("sh" "-c" "sleep 1000 & echo $! > {PLACE}/pid") #:pid-file "{PLACE}/pid")
         #:stop (make-kill-destructor))))
(start-in-the-background '(sleeper printer))
"""

REPORTER = """
import os, socket, time
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
    for text in ("STATUS=here", "ERRNO=1073741826", "READY=1"):
        sock.sendto(text.encode(), os.environ["NOTIFY_SOCKET"])
time.sleep(1000)
"""

MAIN = """
import sys
sys.path[:0] = ["/drover", "/usr/lib/python3/dist-packages"]
from {module} import main
sys.exit(main())
"""


def herd(*words: str, timeout: float = 60) -> list[object]:
    """The exit status and what `herd` printed."""
    command = ["/usr/bin/python3", "-I", "-S", f"{PLACE}/herd", "-s", SOCKET, *words]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout,
        check=False,
    )  # fmt: skip
    return [done.returncode, done.stdout]


def until(condition, seconds: float = 60) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def log() -> str:
    with open(f"{PLACE}/log", errors="replace") as file:  # noqa: PTH123
        return file.read()


daemon: subprocess.Popen | None = None


@measured("daemon starts")
def _() -> object:
    global daemon
    os.makedirs(PLACE, 0o700)
    for name, text in (
        ("config.scm", CONFIGURATION), ("reporter", REPORTER),
        ("herd", MAIN.format(module="pid1.herd")),
        ("shepherd", MAIN.format(module="boot.shepherd")),
    ):  # fmt: skip
        with open(f"{PLACE}/{name}", "w") as file:  # noqa: PTH123
            file.write(text)
    errors = open(f"{PLACE}/errors", "w")  # noqa: PTH123, SIM115
    daemon = subprocess.Popen(
        ["/usr/bin/python3", "-I", "-S", f"{PLACE}/shepherd", "-s", SOCKET, "-l", f"{PLACE}/log",
         "-c", f"{PLACE}/config.scm"],
        stdin=subprocess.DEVNULL, stdout=errors, stderr=errors,
        env={"PATH": "/bin:/sbin:/usr/bin"},
    )  # fmt: skip
    listening = until(lambda: os.path.exists(SOCKET) or daemon.poll() is not None)
    ready = until(
        lambda: (
            (os.path.exists(f"{PLACE}/log") and "onfiguration" in log())
            or daemon.poll() is not None
        )
    )
    return [listening, ready, daemon.poll()]


def commands() -> None:
    for words in (
        ("status",), ("start", "printer"), ("status", "printer"), ("start", "crasher"),
        ("start", "user"), ("status", "user"), ("stop", "user"), ("start", "reporter"),
        ("status", "reporter"), ("stop", "reporter"), ("start", "forked"), ("status", "forked"),
        ("stop", "forked"), ("start", "local"), ("stop", "absent"),
    ):  # fmt: skip
        measured(f"herd {' '.join(words)}")(lambda words=words: herd(*words))


commands()


@measured("connection")
def _() -> object:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(f"{PLACE}/local")
        client.sendall(b"hello\n")
        readable = select.select([client], [], [], 20)[0]
        return [client.recv(100).decode() if readable else None]


for words in (("stop", "local"), ("stop", "printer"), ("stop", "sleeper"), ("start", "sleeper"),
              ("status", "crasher"), ("doc", "root")):  # fmt: skip
    measured(f"herd again {' '.join(words)}")(lambda words=words: herd(*words))


@measured("re-execution")
def _() -> object:
    before = herd("status", "sleeper")[1]
    answer = herd("reexec", "root")
    took = until(lambda: "Took over" in log())
    return [answer, took, before, herd("status", "sleeper")[1]]


@measured("end")
def _() -> object:
    assert daemon is not None
    answer = herd("stop", "root")
    try:
        return [answer, daemon.wait(60), os.path.exists(SOCKET)]
    finally:
        if daemon.poll() is None:
            daemon.kill()


for name in ("log", "errors"):
    try:
        with open(f"{PLACE}/{name}", errors="replace") as file:  # noqa: PTH123
            found[name] = file.read()
    except OSError as error:
        found[name] = str(error)

with open(RESULT, "w") as file:  # noqa: PTH123
    json.dump(found, file, default=str)
os.sync()

# Unlike the script that runs this, which would ask for it with reboot(8).
say("system.reboot")
system.reboot("reboot")
