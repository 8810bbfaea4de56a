"""The floors: what is needed by programs that do nothing else.

A C program starts, replaces and ends the services' program with posix_spawn, kill and waitpid.  It
gives every one what the daemons give it: a pipe that stays open, three descriptors, a directory, a
session, default signals.  A bare interpreter is the floor of the commands and of the memory.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from bench import process, usage
from pid1.launchers import site_directories

_SOURCE = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1e3 + time.tv_nsec / 1e6;
}

static char *arguments[3], *environment[] = {"PATH=/usr/bin:/bin", NULL};
static posix_spawnattr_t attributes;
static int null, fifo;

static pid_t start(void) {
    int ends[2];
    pid_t pid;
    posix_spawn_file_actions_t actions;
    if (pipe2(ends, O_CLOEXEC)) exit(1);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, null, 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
    posix_spawn_file_actions_addchdir_np(&actions, "/");
    if (posix_spawn(&pid, arguments[0], &actions, &attributes, arguments, environment)) exit(1);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    return pid;
}

static void wait_for(int count) {
    char bytes[4096];
    while (count > 0) {
        ssize_t got = read(fifo, bytes, count < 4096 ? count : 4096);
        if (got <= 0) exit(1);
        count -= got;
    }
}

static void end(pid_t *pids, int count, int signal) {
    for (int i = 0; i < count; i++) kill(pids[i], signal);
    for (int i = 0; i < count; i++) waitpid(pids[i], NULL, 0);
}

int main(int argc, char **argv) {
    if (argc != 5) return 2;
    arguments[0] = argv[1];
    arguments[1] = argv[2];
    int count = atoi(argv[3]), respawns = atoi(argv[4]);
    pid_t *pids = calloc(count, sizeof *pids);
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID);
    null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    fifo = open(argv[2], O_RDWR | O_CLOEXEC);
    if (null < 0 || fifo < 0) return 1;

    double began = now();
    for (int i = 0; i < count; i++) pids[i] = start();
    wait_for(count);
    double started = now() - began;

    began = now();
    for (int i = 0; i < respawns; i++) {
        end(pids, 1, SIGKILL);
        pids[0] = start();
        wait_for(1);
    }
    double respawned = now() - began;

    began = now();
    end(pids, count, SIGTERM);
    printf("%.3f %.3f %.3f\n", started, respawned / respawns, now() - began);
    return 0;
}
"""
_RESPAWNS = 10
# Says that it is there, and waits.
_INTERPRETER = "import sys; print(flush=True); sys.stdin.read()"
_ROOT = Path(__file__).resolve().parent.parent
_BINDINGS = """
import sys, time
sys.path[:0] = sys.argv[1:]
began = time.perf_counter()
import hurd.auth, hurd.exec, hurd.fs, hurd.fsys, hurd.io, hurd.mach, hurd.msg, hurd.password
import hurd.process, hurd.startup, hurd.term, hurd.translator, hurd.system
print((time.perf_counter() - began) * 1e3)
"""


class Floor:
    """What the least is that can be had, for ``python`` as the interpreter of drover.

    The C program is compiled in ``directory``, if there is a compiler.
    """

    def __init__(self, directory: Path, python: str) -> None:
        self._python = python
        self._fifo = directory / "floor.fifo"
        self._binary: Path | None = None
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None:
            return
        source, binary = directory / "floor.c", directory / "floor"
        source.write_text(_SOURCE, encoding="utf-8")
        done = subprocess.run(
            [compiler, "-O2", "-o", binary, source], capture_output=True, check=False
        )
        if done.returncode == 0:
            os.mkfifo(self._fifo)
            self._binary = binary

    def spawn(self, program: Path, count: int) -> dict[str, float]:
        """Start ``program`` ``count`` times, replace one, end all; milliseconds by metric.

        Nothing without a compiler.
        """
        if self._binary is None:
            return {}
        done = subprocess.run(
            [self._binary, program, self._fifo, str(count), str(_RESPAWNS)],
            capture_output=True,
            text=True,
            check=True,
        )
        return dict(zip(("ready", "respawn", "stop"), map(float, done.stdout.split()), strict=True))

    def interpreter(self) -> dict[str, float]:
        """An interpreter that does nothing: its processor time in milliseconds, memory in KiB."""
        words = [self._python, "-I", "-S", "-c"]
        cost = process.run(Path("/"), [*words, "pass"])
        waiting = subprocess.Popen(
            [*words, _INTERPRETER], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        with waiting:
            assert waiting.stdout is not None
            waiting.stdout.readline()
            memory = usage.memory([waiting.pid])
        milliseconds = cost.processor * 1e3
        return {
            "status-one-cpu": milliseconds,
            "status-all-cpu": milliseconds,
            "status-one": cost.seconds * 1e3,
            "status-all": cost.seconds * 1e3,
            "printing-herd": cost.seconds * 1e3,
            "memory": memory,
        }


def bindings(python: str) -> float:
    """Import all modules of the bindings; the milliseconds that it takes, with all they import."""
    done = subprocess.run(
        [python, "-I", "-S", "-c", _BINDINGS, str(_ROOT), *site_directories()],
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)
