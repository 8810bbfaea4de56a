"""Sessions and terminals, by POSIX and the ioctl calls that every Unix has."""

from __future__ import annotations

import os

# A line without its end, at most: what programs assume of a terminal that nobody has set up.
_INTR, _QUIT, _ERASE, _KILL, _EOF, _START, _STOP, _SUSP = 3, 28, 127, 21, 4, 17, 19, 26


def become_session_leader() -> None:
    """setsid(2), unless this process leads its session already."""
    if os.getsid(0) != os.getpid():
        os.setsid()


def open_terminal(path: str) -> int:
    """Open a terminal without making it ours, and without waiting for a carrier."""
    flags = os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(path, flags)
    os.set_blocking(descriptor, True)
    return descriptor


def take_terminal(descriptor: int) -> None:
    """TIOCSCTTY, and our process group in its foreground."""
    import fcntl
    import termios

    fcntl.ioctl(descriptor, termios.TIOCSCTTY, 0)
    # Linux makes the session's group the foreground one by itself, the Hurd does not.
    os.tcsetpgrp(descriptor, os.getpgrp())


def reset_terminal(descriptor: int) -> None:
    """What `stty sane` does, keeping speed, word size and parity. Raises OSError."""
    import termios as t

    try:
        iflag, oflag, cflag, lflag, ispeed, ospeed, cc = t.tcgetattr(descriptor)
    except t.error as e:  # no OSError, but built like one
        raise OSError(*e.args) from None
    iflag &= ~(t.IGNBRK | t.INLCR | t.IGNCR | t.IXOFF | t.ISTRIP | t.PARMRK)
    iflag |= t.BRKINT | t.ICRNL | t.IXON | t.IMAXBEL
    oflag |= t.OPOST | t.ONLCR
    cflag |= t.CREAD
    lflag &= ~(t.ECHONL | t.NOFLSH | t.TOSTOP)
    lflag |= t.ISIG | t.ICANON | t.IEXTEN | t.ECHO | t.ECHOE | t.ECHOK | t.ECHOCTL | t.ECHOKE
    for place, value in (
        (t.VINTR, _INTR), (t.VQUIT, _QUIT), (t.VERASE, _ERASE), (t.VKILL, _KILL),
        (t.VEOF, _EOF), (t.VSTART, _START), (t.VSTOP, _STOP), (t.VSUSP, _SUSP),
    ):  # fmt: skip
        cc[place] = bytes((value,))
    if t.VMIN not in (t.VEOF, t.VEOL):
        cc[t.VMIN], cc[t.VTIME] = b"\1", b"\0"
    try:
        t.tcsetattr(descriptor, t.TCSANOW, [iflag, oflag, cflag, lflag, ispeed, ospeed, cc])
        t.tcflow(descriptor, t.TCOON)
    except t.error as e:
        raise OSError(*e.args) from None
