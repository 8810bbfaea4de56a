"""The floor of a start: what a C program needs that does nothing but posix_spawn.

It gives every program what the daemons give it: a pipe that stays open, three descriptors, a
directory, a session, default signals.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

_SOURCE = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1e3 + time.tv_nsec / 1e6;
}

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    int count = atoi(argv[2]), failed = 0, started = 0;
    pid_t *pids = calloc(count, sizeof *pids);
    char *arguments[] = {argv[1], NULL}, *environment[] = {"PATH=/usr/bin:/bin", NULL};
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID);
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    double began = now();
    for (; started < count && !failed; started++) {
        int ends[2];
        posix_spawn_file_actions_t actions;
        if (pipe2(ends, O_CLOEXEC)) return 1;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, null, 0);
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
        posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
        posix_spawn_file_actions_addchdir_np(&actions, "/");
        failed = posix_spawn(&pids[started], argv[1], &actions, &attributes, arguments,
                             environment);
        posix_spawn_file_actions_destroy(&actions);
        close(ends[1]);
    }
    double took = now() - began;
    for (int i = 0; i < started - (failed != 0); i++) {
        kill(pids[i], SIGKILL);
        waitpid(pids[i], NULL, 0);
    }
    if (!failed) printf("%.3f\n", took);
    return failed != 0;
}
"""


class Floor:
    """The C program, compiled in ``directory`` if there is a compiler."""

    def __init__(self, directory: Path) -> None:
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
            self._binary = binary

    def measure(self, program: Path, count: int) -> float | None:
        """Start ``program`` ``count`` times; the milliseconds it took, None without a compiler."""
        if self._binary is None:
            return None
        done = subprocess.run(
            [self._binary, program, str(count)], capture_output=True, text=True, check=True
        )
        return float(done.stdout)
