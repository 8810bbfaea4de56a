"""A shell inside the guest, reached over its serial line: log in if asked, run a command, take its
output and its exit status apart from everything else that passes on that line.

The line is a terminal for people: it echoes what is typed, translates line ends, limits how long a
typed line may be, and shows prompts and messages of the kernel.  So nothing is assumed of it that
is not asked for: markers with a random part say where output begins and ends, each written in two
halves in what is typed, so that no echo looks like one; and what is typed goes in short lines, the
next only when the last one is confirmed.
"""

from __future__ import annotations

import asyncio
import os
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from image.errors import ImageError

# The console is quiet for so long (in seconds) when it waits for an answer.
_QUIET = 0.3
# How long a shell may take to answer what it is known to have been asked.
_ANSWER = 30.0
_PROBE_ANSWER = 10.0
_MOST_TRIES = 3
# After so long, a prompt counts even if a kernel or an init wrote something behind it.
_LONG = 5.0
# What may be typed in one line: the Hurd's terminals drop what is longer than 256 bytes.
_LINE = 160
_KEPT = 8192

_ESCAPE = re.compile(rb"\x1b(\[[0-9;?]*[ -/]*[@-~]|[()][0-9A-B]|[=>78])")
_LOGIN = re.compile(rb"login: ?$")
# The Hurd's own login (utils/login.c): a shell that knows `login USER` and little else.
_LOGIN_SHELL = re.compile(rb"^login> ?$")
# The second forms are sulogin's.
_PASSWORD = re.compile(
    rb"[Pp]assword( for [^:\n]*)?: ?$|[Pp]assword for maintenance\s*\([^\n]*\): ?$"
)
_MAINTENANCE = re.compile(rb"Press (Enter|enter) for maintenance\s*(\([^\n]*\): ?)?$")
# "sh-5.2# ", "bash-5.2# ", "root@host:/# ", "# ", "$ "
_SHELL = re.compile(rb"(^|[\w\])~/:.-]|[~\w] )[#$] ?$")


_SHELL_BEFORE = re.compile(rb"(^|\n)[^\s#$]{0,60}[#$] [^\n]*(\n[^\n]*){1,20}$")
# A command in pieces: what can be typed as it is, a quote, a line end, and what cannot be typed.
_SPECIAL = re.compile(rb"[\x00-\x1f!\x7f-\xff]")
_RUNS = re.compile(rb"[ \"-&(-~]{1,80}|'|\n|[\x00-\x09\x0b-\x1f!\x7f-\xff]{1,20}")


class SerialLine(Protocol):
    """What a conversation needs of a machine."""

    async def read(self) -> bytes:
        """What the guest wrote; empty when there will be no more."""

    async def write(self, data: bytes) -> None:
        """Type."""


class NoShell(ImageError):
    """The guest does not let us in."""


class LineClosed(ImageError):
    """The machine ended in the middle of the conversation."""


@dataclass(frozen=True)
class Login:
    """Who logs in, where the guest asks."""

    user: str = "root"
    password: str | None = None


class Conversation:
    """What is said with the guest; `reach_shell` first, then `run`."""

    def __init__(self, line: SerialLine, chatter: Callable[[bytes], None], login: Login) -> None:
        """`chatter` is given everything that the guest writes and that is no command's output."""
        self._line = line
        self._chatter = chatter
        self._login = login
        self._unread = bytearray()
        self._reading: asyncio.Task[bytes] | None = None
        self._nonce = secrets.token_hex(5)
        self.running = False  # the command, as opposed to what comes before it

    async def close(self) -> None:
        """Stop reading; the line stays open."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    async def _more(self, seconds: float | None) -> bool:
        """Wait for more from the guest; return whether some came in time. Raises LineClosed."""
        if self._reading is None:
            self._reading = asyncio.create_task(self._line.read())
        done, _ = await asyncio.wait({self._reading}, timeout=seconds)
        if not done:
            return False
        data = self._reading.result()
        self._reading = None
        if not data:
            raise LineClosed("the machine ended")
        if not self.running:
            self._chatter(data)
        self._unread += data
        return True

    async def _type(self, text: str) -> None:
        """Type a line."""
        await self._line.write(text.encode() + b"\n")

    async def _await(self, marker: bytes, seconds: float) -> bytes | None:
        """Wait until `marker` has come; return what came before it, None if it is too late."""
        limit = asyncio.get_running_loop().time() + seconds
        while (at := self._unread.find(marker)) < 0:
            left = limit - asyncio.get_running_loop().time()
            if left <= 0 or not await self._more(left):
                return None
        before = bytes(self._unread[:at])
        del self._unread[: at + len(marker)]
        return before

    async def reach_shell(self) -> None:
        """Answer what the guest asks until a shell answers.

        Waits for ever: the caller has the deadline.  Raises NoShell if a password is wanted that
        was not given or is wrong, LineClosed if the machine ends.
        """
        passwords = 0
        logins = 0
        while True:
            while await self._more(_QUIET if self._unread else None):
                del self._unread[:-_KEPT]
            text = _ESCAPE.sub(b"", bytes(self._unread)).replace(b"\r", b"")
            last = text.rpartition(b"\n")[2]
            if _LOGIN.search(last) or _LOGIN_SHELL.search(last):
                if logins == _MOST_TRIES or passwords > 1:
                    raise NoShell(self._refused(passwords))
                logins += 1
                word = "login " if _LOGIN_SHELL.search(last) else ""
                await self._reply(word + self._login.user)
            elif _PASSWORD.search(text):
                if self._login.password is None:
                    asked = last.decode(errors="replace").strip()
                    raise NoShell(f"the guest asks {asked!r}; give --password-file")
                if passwords == _MOST_TRIES:
                    raise NoShell(self._refused(passwords))
                passwords += 1
                await self._reply(self._login.password)
            elif _MAINTENANCE.search(text):
                await self._reply("")
            elif _SHELL.search(last) or (
                _SHELL_BEFORE.search(text) and not await self._more(_LONG)
            ):
                if await self._answers():
                    return
                await self._reply("")
            else:
                await self._more(None)

    async def _reply(self, text: str) -> None:
        """Answer what the guest asked."""
        self._unread.clear()
        await self._type(text)

    def _refused(self, passwords: int) -> str:
        """What is wrong when the guest asks again."""
        if passwords:
            return f"the guest does not take the password of {self._login.user}"
        return f"the guest does not let {self._login.user} in"

    async def _answers(self) -> bool:
        """Whether what looks like a shell's prompt is one."""
        token = secrets.token_hex(5)
        self._unread.clear()
        await self._type(f"echo {token[:5]}''{token[5:]}")
        return await self._await(token.encode(), _PROBE_ANSWER) is not None

    async def run(self, command: str, output: Callable[[bytes], None]) -> int:
        """Run `command` with the guest's shell and return its exit status.

        Its standard input is /dev/null. `output` is given what it writes, on either stream, as it
        comes.  Raises LineClosed if the machine ends before the command does.
        """
        await self._confirmed("stty -echo -opost 2>/dev/null; _c=")
        for piece in _pieces(command):
            await self._confirmed(f"_c=$_c{piece}")
        begin, end = f"{self._nonce}b", f"{self._nonce}e"
        line = f'(eval "$_c") </dev/null 2>&1; echo {_halves(end)}:$?:'
        if await self._has_pipes():
            # So that programs do not write for a terminal.
            line = f"{{ {line}; }} | cat"
        await self._type(f"echo {_halves(begin)}; {line}")
        if await self._await(begin.encode(), _ANSWER) is None:
            raise NoShell("the guest's shell does not answer")
        self.running = True
        try:
            while b"\n" not in self._unread:
                await self._more(None)
            translates = self._unread.startswith(b"\r")
            del self._unread[: self._unread.index(b"\n") + 1]
            return await self._take_output(end.encode(), output, translates)
        finally:
            self.running = False

    async def _take_output(
        self, end: bytes, output: Callable[[bytes], None], translates: bool
    ) -> int:
        """Pass the output on until the end marker; return the status that it carries."""
        ended = re.compile(re.escape(end) + rb":(\d+):")
        while True:
            if match := ended.search(self._unread):
                status = int(match[1])
                if rest := self._unread[: match.start()]:
                    output(_line_ends(rest, translates))
                del self._unread[: match.end()]
                return status
            keep = _beginning_of(end, self._unread)
            if keep == 0 and translates and self._unread.endswith(b"\r"):
                keep = 1
            if ready := len(self._unread) - keep:
                output(_line_ends(self._unread[:ready], translates))
                del self._unread[:ready]
            await self._more(None)

    async def type_line(self, text: str) -> None:
        """Type a line to the shell without waiting for anything."""
        await self._type(text)

    async def drain(self) -> None:
        """Listen until the machine ends."""
        try:
            while await self._more(None):
                self._unread.clear()
        except LineClosed:
            pass

    async def _has_pipes(self) -> bool:
        """Whether the guest has come so far that pipes work: on the Hurd they need a server."""
        token = secrets.token_hex(3)
        return token.encode() in await self._confirmed(f"echo {_halves(token)} | cat")

    async def _confirmed(self, line: str) -> bytes:
        """Type a short line, wait until the shell has carried it out, and return what it wrote."""
        token = secrets.token_hex(3)
        await self._type(f"{line}; echo {_halves(token)}")
        written = await self._await(token.encode(), _ANSWER)
        if written is None:
            raise NoShell("the guest's shell does not answer")
        return written


def _halves(word: str) -> str:
    """A word as the shell reads it and as its echo does not show it."""
    return f"{word[:3]}''{word[3:]}"


def _pieces(command: str) -> list[str]:
    """A command as words of the shell that fit in a line each, and whose concatenation it is.

    What a terminal, or a shell's line editor, gives a meaning to goes as octal numbers.
    """
    pieces = [""]
    for run in _RUNS.findall(os.fsencode(command)):
        if run == b"\n":
            word = "'\n'"
        elif run == b"'":
            word = "\\'"
        elif _SPECIAL.match(run):
            word = "$(printf '" + "".join(f"\\{byte:03o}" for byte in run) + "')"
        else:
            word = f"'{run.decode('ascii')}'"
        if len(pieces[-1]) + len(word) > _LINE:
            pieces.append("")
        pieces[-1] += word
    return pieces


def _beginning_of(end: bytes, data: bytearray) -> int:
    """How many bytes at the end of `data` may belong to an end marker that is not whole yet."""
    at = data.find(end)
    if at >= 0:
        return len(data) - at
    return next((n for n in range(min(len(end), len(data)), 0, -1) if data.endswith(end[:n])), 0)


def _line_ends(data: bytearray, translates: bool) -> bytes:
    """Undo the terminal's translation of line ends."""
    return bytes(data.replace(b"\r\n", b"\n") if translates else data)
