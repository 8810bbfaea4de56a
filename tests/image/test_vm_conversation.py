"""The conversation with a shell, held with real shells on a pseudo-terminal."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pty
import shutil
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from image.guest import Conversation, LineClosed, Login, NoShell

SHELLS = [
    pytest.param(["bash", "--norc", "--noprofile", "-i"], id="bash"),
    pytest.param(["bash", "--norc", "--noprofile", "--noediting", "-i"], id="bash-noediting"),
    pytest.param(["dash", "-i"], id="dash"),
]
BASH = ["bash", "--norc", "--noprofile", "-i"]


class Terminal:
    """The side of a pseudo-terminal that QEMU's serial line is for a guest."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    async def read(self) -> bytes:
        loop = asyncio.get_running_loop()
        ready = asyncio.Event()
        loop.add_reader(self.descriptor, ready.set)
        try:
            await ready.wait()
            return os.read(self.descriptor, 4096)
        except OSError:
            return b""
        finally:
            loop.remove_reader(self.descriptor)

    async def write(self, data: bytes) -> None:
        while data:
            with contextlib.suppress(BlockingIOError):
                data = data[os.write(self.descriptor, data) :]
            await asyncio.sleep(0)


@dataclass
class Guest:
    talk: Conversation
    chatter: bytearray
    pid: int
    output: bytearray = field(default_factory=bytearray)

    async def run(self, command: str) -> tuple[int, bytes]:
        self.output.clear()
        status = await asyncio.wait_for(self.talk.run(command, self.output.extend), 20)
        return status, bytes(self.output)


@contextlib.asynccontextmanager
async def guest(argv: list[str], login: Login | None = None) -> AsyncIterator[Guest]:
    """A program on a pseudo-terminal as the guest."""
    if shutil.which(argv[0]) is None:
        pytest.skip(f"{argv[0]} is not installed")
    pid, descriptor = pty.fork()
    if pid == 0:
        os.environ.update(PS1="sh-5.2# ", TERM="dumb", PATH=os.defpath)
        os.execvp(argv[0], argv)
    os.set_blocking(descriptor, False)
    chatter = bytearray()
    talk = Conversation(Terminal(descriptor), chatter.extend, login or Login())
    try:
        yield Guest(talk, chatter, pid)
    finally:
        await talk.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        os.close(descriptor)
        await asyncio.to_thread(os.waitpid, pid, 0)


COMMANDS = {
    "both streams": ("echo one; echo two >&2; exit 3", 3, b"one\ntwo\n"),
    "no line end": ("printf abc", 0, b"abc"),
    "no output": ("true", 0, b""),
    "carriage returns": ("printf 'a\\r\\nb\\n'", 0, b"a\r\nb\n"),
    "tabs": ("printf 'a\\tb\\n'", 0, b"a\tb\n"),
    "standard input is empty": ("cat; echo $?", 0, b"0\n"),
    "quotes": ('echo "it\'s" \'!x\' "$((6*7))"', 0, b"it's !x 42\n"),
    "output is no terminal": ("[ -t 1 ] || echo no", 0, b"no\n"),
    "several lines": ("for i in 1 2\ndo echo $i\ndone", 0, b"1\n2\n"),
    "not ASCII": ("echo 'ä\t→'", 0, "ä\t→\n".encode()),
    "a long command": ("echo " + "x" * 3000, 0, b"x" * 3000 + b"\n"),
    "no such command": ("no-such-command-here 2>/dev/null", 127, b""),
}


@pytest.mark.parametrize("shell", SHELLS)
async def test_commands_are_carried_out_as_given(shell: list[str]) -> None:
    async with guest(shell) as machine:
        await asyncio.wait_for(machine.talk.reach_shell(), 20)
        for name, (command, status, output) in COMMANDS.items():
            assert await machine.run(command) == (status, output), name
        status, _ = await machine.run("exec sh -c 'kill -9 $$'")  # the shell writes "Killed"
        assert status == 128 + signal.SIGKILL
        status, wrong = await machine.run("if true; then")
        assert status != 0
        assert b"yntax error" in wrong or b"unexpected" in wrong


async def test_binary_and_long_output() -> None:
    async with guest(BASH) as machine:
        await asyncio.wait_for(machine.talk.reach_shell(), 20)
        numbers = " ".join(str(n) for n in range(256))
        program = f'for n in {numbers}; do printf "\\\\$(printf %03o $n)"; done'
        assert await machine.run(program) == (0, bytes(range(256)))
        assert await machine.run("head -c 300000 /dev/zero | tr '\\0' x") == (0, b"x" * 300000)


async def test_output_comes_while_the_command_runs() -> None:
    async with guest(BASH) as machine:
        await asyncio.wait_for(machine.talk.reach_shell(), 20)
        running = asyncio.create_task(
            machine.talk.run("echo early; sleep 60", machine.output.extend)
        )
        while machine.output != b"early\n":
            assert not running.done()
            await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_machine_that_ends_in_the_middle() -> None:
    async with guest(BASH) as machine:
        await asyncio.wait_for(machine.talk.reach_shell(), 20)
        with pytest.raises(LineClosed):
            await machine.run("echo so far; kill -9 $$ 0")
        assert bytes(machine.output) in (b"so far\n", b"")


def script(text: str) -> list[str]:
    """A guest that asks before it gives a shell."""
    return ["sh", "-c", text]


ASKING = """
printf 'GNU 0.9 (host) (console)\\n\\nhost login: '; read user
printf 'Password: '; stty -echo; read word; stty echo; echo
while [ "$word" != sesame ]; do
    printf 'Login incorrect\\nhost login: '; read user
    printf 'Password: '; stty -echo; read word; stty echo; echo
done
echo "welcome $user"; exec bash --norc --noprofile -i
"""


async def test_logging_in_with_a_password() -> None:
    async with guest(script(ASKING), Login("alice", "sesame")) as machine:
        await asyncio.wait_for(machine.talk.reach_shell(), 20)
        assert b"welcome alice" in machine.chatter
        assert await machine.run("echo in") == (0, b"in\n")


async def test_a_password_that_is_missing_is_said() -> None:
    async with guest(script(ASKING)) as machine:
        with pytest.raises(NoShell, match=r"asks 'Password:'; give --password-file"):
            await asyncio.wait_for(machine.talk.reach_shell(), 20)


async def test_a_wrong_password_is_said() -> None:
    async with guest(script(ASKING), Login("alice", "swordfish")) as machine:
        with pytest.raises(NoShell, match="does not take the password of alice"):
            await asyncio.wait_for(machine.talk.reach_shell(), 20)


HURDS_OWN = """
printf 'login> '; while read command user && [ "$command" != login ]; do printf 'login> '; done
printf 'Password: '; read word
[ "$word" = sesame ] && exec bash --norc --noprofile -i
printf 'login: Incorrect password\\nlogin> '; read rest
"""


async def test_the_hurds_own_login() -> None:
    async with guest(script(HURDS_OWN), Login("root", "sesame")) as machine:
        await asyncio.wait_for(machine.talk.reach_shell(), 20)
        assert await machine.run("echo in") == (0, b"in\n")
    async with guest(script("while printf 'login> '; do read x; done")) as machine:
        with pytest.raises(NoShell, match="does not let root in"):
            await asyncio.wait_for(machine.talk.reach_shell(), 20)


async def test_maintenance_without_a_password() -> None:
    text = "printf 'Press Enter for maintenance\\n(or press Control-D to continue): '; read x;"
    async with guest(script(f"{text} exec sh -i")) as machine:
        await asyncio.wait_for(machine.talk.reach_shell(), 20)


async def test_messages_behind_the_prompt() -> None:
    text = "(sleep 0.5; printf 'init: a\\ninit: b\\ninit: c\\n') & exec bash --norc --noprofile -i"
    async with guest(script(text)) as machine:
        await asyncio.sleep(1)
        await asyncio.wait_for(machine.talk.reach_shell(), 20)
        assert await machine.run("echo in") == (0, b"in\n")


async def test_what_only_looks_like_a_prompt() -> None:
    text = "printf 'ext2fs: block # '; sleep 1; printf '12 is bad\\n'; exec bash --norc -i"
    async with guest(script(text)) as machine:
        await asyncio.wait_for(machine.talk.reach_shell(), 30)
        assert await machine.run("echo in") == (0, b"in\n")


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=300))
def test_any_text_reaches_the_shell_unchanged(text: str) -> None:
    async def echo() -> tuple[int, bytes]:
        async with guest(["dash", "-i"]) as machine:
            await asyncio.wait_for(machine.talk.reach_shell(), 20)
            quoted = "'" + text.replace("'", "'\\''") + "'"
            return await machine.run(f"printf %s {quoted}")

    assert asyncio.run(echo()) == (0, text.encode())
