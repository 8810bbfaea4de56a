"""Package archives, by apt: which packages are wanted, and getting them.

apt runs as the ordinary user that builds, with a configuration of its own and an empty status, so
that neither what is installed here nor the configuration of this machine matters (but for its
proxies).  It checks signatures and digests; what it complains about becomes one message.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from image.cache import Cache, digest, file_digest
from image.errors import ArchiveError, ToolFailed
from image.progress import Step
from image.run import environment, find_tool, run
from image.settings import DebianSource

_URI: Final = re.compile(r"^'([^']+)' (\S+) (\d+) ?(?:SHA256:([0-9a-f]{64}))?$")


@dataclass(frozen=True)
class Download:
    """A package that is wanted: the name apt gives its file, its size in bytes, its SHA-256."""

    uri: str
    file: str
    size: int
    sha256: str

    @property
    def specification(self) -> str:
        """``name:architecture=version``, as ``apt-get`` takes it."""
        name, version, architecture = self.file.removesuffix(".deb").rsplit("_", 2)
        if architecture != "all":
            name = f"{name}:{architecture}"
        return f"{name}={unquote(version)}"


class Archive:
    """The archives of a source, for one architecture; the lists are kept in the cache."""

    def __init__(self, source: DebianSource, architecture: str, cache: Cache) -> None:
        self.source = source
        self.cache = cache
        self.architectures = (architecture, *source.foreign_architectures)
        key = digest([*source_lines(source), *self.architectures])[:32]
        self.directory = cache.directory / "lists" / key
        self.what = f"archive {', '.join(one.url for one in source.archives)}"

    def update(self) -> None:
        """Get the lists; raises ArchiveError if an archive cannot be reached or trusted."""
        self._prepare()
        try:
            self._apt("update", "-qq", "-o", "APT::Update::Error-Mode=any")
        except ToolFailed as error:
            raise ArchiveError(f"{self.what}: {_explain(error.output)}") from error

    def resolve(self, packages: Sequence[str]) -> list[Download]:
        """Return the packages that ``packages`` need in all, themselves included.

        Raises ArchiveError with what apt says if one is not there or they contradict each other.
        """
        self._prepare()
        if not self._released():
            raise ArchiveError(f"{self.what}: its lists are not in the cache; build online once")
        options = ["--print-uris", "-q", "-y", "-o", "Acquire::ForceHash=SHA256"]
        if not self.source.recommends:
            options.append("--no-install-recommends")
        try:
            text = self._apt("install", *options, "--", *packages)
        except ToolFailed as error:
            raise ArchiveError(f"{self.what}: {_complaints(error.output)}") from error
        found = []
        for line in text.splitlines():
            match = _URI.match(line)
            if match is None:
                continue
            if match[4] is None:
                raise ArchiveError(f"{self.what}: has no SHA-256 of {match[2]}")
            found.append(Download(match[1], match[2], int(match[3]), match[4]))
        return sorted(found, key=lambda one: one.file)

    def state(self) -> str:
        """Return a digest of what packages there are, and of how they are chosen."""
        lists = [name.read_bytes() for name in self._released()]
        return digest([*lists, str(self.source.recommends), *self.architectures])

    def download(self, wanted: Sequence[Download], directory: Path, step: Step) -> None:
        """Get packages into ``directory``; raises ArchiveError, which names what it could not."""
        before = 0
        arguments = ["-qq", "-o", "APT::Status-Fd=1", *(one.specification for one in wanted)]
        total = sum(one.size for one in wanted)
        with tempfile.TemporaryFile() as errors:
            process = subprocess.Popen(
                [find_tool("apt-get"), "download", *arguments],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, cwd=directory,
                env=environment(APT_CONFIG=str(self.directory / "apt.conf")), text=True,
            )  # fmt: skip
            assert process.stdout is not None
            try:
                for line in process.stdout:
                    if line.startswith("dlstatus:"):
                        done = int(total * float(line.split(":")[2]) / 100)
                        step.advance(done - before)
                        before = done
                process.wait()
            finally:
                process.kill()
                process.wait()
                process.stdout.close()
            errors.seek(0)
            said = errors.read().decode(errors="replace")
        for one in wanted:
            file = directory / one.file
            if not file.exists():
                raise ArchiveError(f"{self.what}: package {one.file}: {_explain(said, one.file)}")
            if file_digest(file) != one.sha256:
                raise ArchiveError(f"{self.what}: package {one.file} is corrupt: wrong SHA-256")

    def _released(self) -> list[Path]:
        lists = self.directory / "lists"
        return sorted([*lists.glob("*_InRelease"), *lists.glob("*_Release")])

    def _apt(self, *arguments: str) -> str:
        config = str(self.directory / "apt.conf")
        done = run(
            ["apt-get", *arguments], env={"APT_CONFIG": config}, cwd=self.directory, merge=True
        )
        return done.stdout.decode(errors="replace")

    def _prepare(self) -> None:
        for name in ("lists/partial", "archives/partial", "empty"):
            (self.directory / name).mkdir(parents=True, exist_ok=True)
        (self.directory / "status").touch()
        (self.directory / "sources.list").write_text(
            "".join(f"{line}\n" for line in source_lines(self.source)), "utf-8"
        )
        (self.directory / "apt.conf").write_text(self._configuration(), "utf-8")

    def _configuration(self) -> str:
        own = self.directory
        listed = " ".join(f'"{one}";' for one in self.architectures)
        settings = {
            "APT::Architecture": self.architectures[0],
            # apt would change to a user that cannot read this directory.
            "APT::Sandbox::User": "root",
            "Dir::Etc": str(own / "empty"),
            "Dir::Etc::sourcelist": str(own / "sources.list"),
            "Dir::Etc::sourceparts": str(own / "empty"),
            "Dir::Etc::parts": str(own / "empty"),
            "Dir::Etc::preferencesparts": str(own / "empty"),
            "Dir::Etc::trusted": "/dev/null",
            "Dir::Etc::trustedparts": str(own / "empty"),
            "Dir::State": str(own),
            "Dir::State::lists": str(own / "lists"),
            "Dir::State::status": str(own / "status"),
            "Dir::Cache": str(own),
            "Dir::Log": str(own),
            "Acquire::Languages": "none",
            "Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled": "false",
            "Acquire::Retries": "2",
            "Acquire::http::Timeout": "30",
            "Acquire::https::Timeout": "30",
            "Acquire::Check-Valid-Until": str(self.source.check_valid_until).lower(),
            "APT::Get::Assume-Yes": "true",
            # Packages for another kernel cannot be configured here, so their order is no matter.
            "APT::Immediate-Configure": "false",
            **_proxies(),
        }
        lines = [f'{key} "{value}";' for key, value in settings.items()]
        return "\n".join([f"APT::Architectures {{ {listed} }};", *lines]) + "\n"


def source_lines(source: DebianSource) -> list[str]:
    """Return the lines of ``sources.list`` for a source."""
    options = []
    if source.keyrings:
        options.append("signed-by=" + ",".join(map(os.fspath, source.keyrings)))
    if source.trusted:
        options.append("trusted=yes")
    start = f"deb [{' '.join(options)}] " if options else "deb "
    return [
        f"{start}{one.url} {suite} {' '.join(one.components)}".rstrip()
        for one in source.archives
        for suite in one.suites
    ]


def _proxies() -> dict[str, str]:
    """Return how this machine's apt reaches the network, if that is configured."""
    dump = run(["apt-config", "dump", "--format", "%F %v%n", "Acquire"]).stdout.decode()
    pairs = (line.partition(" ") for line in dump.splitlines())
    wanted = re.compile(r"^Acquire::(http|https|ftp)::(Proxy|CaInfo|CaPath|SslCert|SslKey)\b")
    return {key: value for key, _, value in pairs if value and wanted.match(key)}


def _explain(said: str, file: str = "") -> str:
    """Return the sentence that fits what apt said, with apt's own line behind it."""
    reasons = (
        (r"no(?:t)? (?:longer )?signed|NO_PUBKEY|signatures? (?:couldn't|could not)|BADSIG|"
         r"does not have a Release file|Missing key|EXPKEYSIG|NODATA",
         "its signature is not valid"),
        (r"is expired|is not valid yet", "its lists are out of date"),
        (r"[Hh]ash [Ss]um mismatch|unexpected size|[Ss]ize mismatch", "is corrupt"),
        (r"Could not (?:connect|resolve)|Connection (?:refused|timed out|failed)|Failed to fetch|"
         r"404  Not Found|No such file", "cannot be reached"),
    )  # fmt: skip
    lines = [line for line in said.splitlines() if line[:2] in ("E:", "W:", "Er")] or [said.strip()]
    for pattern, text in reasons:
        for line in sorted(lines, key=lambda line: file.split("_")[0] not in line):
            if re.search(pattern, line):
                return f"{text} ({line[2:].strip()})"
    return _complaints(said)


def _complaints(said: str) -> str:
    """Return what apt counts as errors, or all of it, in one paragraph."""
    lines = said.splitlines()
    wanted = [line[3:] for line in lines if line.startswith("E: ")]
    block = said.partition("unmet dependencies:")[2].partition("\nE:")[0]
    unmet = [" ".join(line.split()) for line in block.splitlines() if line.strip()]
    return "; ".join(dict.fromkeys([*wanted, *unmet])) or " ".join(said.split())
