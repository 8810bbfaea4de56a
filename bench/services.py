"""The services that all daemons run: their program and the configuration that defines them."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from bench.process import PATIENCE

# Writes to the FIFO it is given, if any, and sleeps: the smallest program that can be seen to run.
# It does without the C library where it can: the library asks the processor for its features when a
# program starts, and in a virtual machine each question is an exit to the host.  Measured, that is
# 0.2 ms a program, more than the kernel needs to create the process.
_SLEEPER = r"""
#include <fcntl.h>

#if defined __x86_64__
# define OPENAT 257
# define WRITE 1
# define CLOSE 3
# define PPOLL 271
__asm__(".globl _start\n_start: mov %rsp, %rdi\n and $-16, %rsp\n call run\n");
static long system_call(long number, long a, long b, long c, long d) {
    register long fourth __asm__("r10") = d, fifth __asm__("r8") = 0;
    long result;
    __asm__ volatile("syscall" : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth), "r"(fifth)
                     : "rcx", "r11", "memory");
    return result;
}
#elif defined __aarch64__
# define OPENAT 56
# define WRITE 64
# define CLOSE 57
# define PPOLL 73
__asm__(".globl _start\n_start: mov x0, sp\n bl run\n");
static long system_call(long number, long a, long b, long c, long d) {
    register long x8 __asm__("x8") = number, x0 __asm__("x0") = a, x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c, x3 __asm__("x3") = d, x4 __asm__("x4") = 0;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
    return x0;
}
#endif

#ifdef PPOLL
void run(long *stack) {
    if (stack[0] > 1) {
        long fd = system_call(OPENAT, AT_FDCWD, stack[2], O_WRONLY | O_NONBLOCK, 0);
        if (fd >= 0 && system_call(WRITE, fd, (long)"x", 1, 0) == 1)
            system_call(CLOSE, fd, 0, 0, 0);
    }
    for (;;) system_call(PPOLL, 0, 0, 0, 0);
}
#else
# include <unistd.h>
int main(int argc, char **argv) {
    if (argc > 1) {
        int fd = open(argv[1], O_WRONLY | O_NONBLOCK);
        if (fd >= 0 && write(fd, "x", 1) == 1) close(fd);
    }
    for (;;) pause();
}
#endif
"""

_CONFIGURATION = """\
(define program '({program}))
(define (name i) (string->symbol (string-append "s" (number->string i))))
(define base (service '(base)))
(define beacon
  (service '(beacon)
    #:start (make-forkexec-constructor (append program '("{fifo}")))
    #:stop (make-kill-destructor)
    #:respawn? #t #:respawn-delay {delay} #:respawn-limit '(1000 . 1)))
(define endless
  (service '(endless)
    #:start (lambda () (let loop () (loop)))
    #:stop (const #f)))
(define sleepers
  (map (lambda (i)
         (service (list (name i))
           #:requirement '(base)
           #:start (make-forkexec-constructor (append program '("{ready}")))
           #:stop (make-kill-destructor)
           #:respawn? #t))
       (iota {count})))
(register-services (cons* base beacon endless sleepers))
(start-in-the-background (map service-canonical-name sleepers))
"""
# Seconds: the default of both daemons, written out because it is subtracted.
RESPAWN_DELAY = 0.1
# Seconds between two looks at the FIFO, and between two looks whether the daemon lives.
_INTERVAL = 0.001
_CHECKED = 1.0


class Program:
    """The program of every service, in ``directory``: a static binary of our own, or a script."""

    def __init__(self, directory: Path) -> None:
        binary = directory / "sleeper"
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is not None and _compile(compiler, binary, "-nostdlib"):
            self.description = "a static program that sleeps, without the C library"
        elif compiler is not None and _compile(compiler, binary):
            self.description = "a static C program that sleeps"
        else:
            self.description = "a shell script that becomes sleep(1)"
            binary.write_text(
                '#!/bin/sh\n[ $# = 0 ] || echo x >"$1"\nexec sleep 1000000\n', encoding="utf-8"
            )
            binary.chmod(0o755)
        self.path = binary


def _compile(compiler: str, binary: Path, *options: str) -> bool:
    source = binary.with_suffix(".c")
    source.write_text(_SLEEPER, encoding="utf-8")
    done = subprocess.run(
        [compiler, "-Os", "-static", *options, "-o", binary, source],
        capture_output=True,
        check=False,
    )
    return done.returncode == 0


def write_configuration(file: Path, program: Path, count: int, ready: Path, beacon: Path) -> None:
    """Write a configuration of ``count`` services, all of which need ``base``, to ``file``.

    They write to the FIFO ``ready`` when they run, the service ``beacon`` to the other one.
    """
    text = _CONFIGURATION.format(
        program=f'"{program}"', ready=ready, fifo=beacon, delay=RESPAWN_DELAY, count=count
    )
    file.write_text(text, encoding="utf-8")


class Beacon:
    """A FIFO to which services' programs write one byte when they run."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.path = path
        # Open for writing too, so that the end of one writer is not end of file.
        self._descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)

    def wait(self) -> float:
        """Wait for a program to start; return when it did, as ``time.monotonic`` counts.

        Raises TimeoutError.
        """
        self.wait_for(1, _nothing)
        return time.monotonic()

    def wait_for(self, count: int, check: Callable[[], None]) -> None:
        """Wait for so many programs; ``check`` raises if there is nothing to wait for any more.

        Raises TimeoutError if for two minutes none has started.
        """
        deadline = time.monotonic() + PATIENCE
        while count:
            if not select.select([self._descriptor], [], [], _CHECKED)[0]:
                check()
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{count} services do not get to run")
                continue
            count -= len(os.read(self._descriptor, count))
            deadline = time.monotonic() + PATIENCE
            if count:
                # Not at every byte: that would take the processor from who is measured.
                time.sleep(_INTERVAL)

    def forget(self) -> None:
        """Forget the programs that have started until now."""
        while select.select([self._descriptor], [], [], 0)[0]:
            os.read(self._descriptor, 65536)

    def close(self) -> None:
        """Remove the FIFO."""
        os.close(self._descriptor)
        self.path.unlink()


def _nothing() -> None:
    pass
