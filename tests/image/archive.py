"""A package archive of our own: packages built by dpkg-deb, indices, signatures, a web server.

The packages stand in for Debian's port to the Hurd, which cannot be had everywhere: the same names
and places of files, with contents that say what they are.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from image.settings import DebianSource, PackageArchive

HURD = "hurd-i386"
EPOCH = 1_750_000_000
MINOR = sys.version_info.minor
"""The stand-in Python is of the version that runs the tests, so that drover can be compiled."""

Content = str | bytes | Path | tuple[str, str]
"""Text or bytes, a file that holds them, or ("symlink", TARGET)."""


@dataclass
class Recipe:
    """What a package is made from; paths of ``files`` are absolute."""

    name: str
    files: Mapping[str, Content] = field(default_factory=dict)
    version: str = "1.0-1"
    architecture: str = HURD
    fields: Mapping[str, str] = field(default_factory=dict)
    scripts: Mapping[str, str] = field(default_factory=dict)
    modes: Mapping[str, int] = field(default_factory=dict)

    def control(self) -> str:
        fields = {
            "Package": self.name,
            "Version": self.version,
            "Architecture": self.architecture,
            "Maintainer": "Nobody <nobody@example.org>",
            "Description": f"stand-in for {self.name}\n It is part of a test.",
            **self.fields,
        }
        return "".join(f"{key}: {value}\n" for key, value in fields.items())


def build_package(recipe: Recipe, directory: Path) -> Path:
    """Build a package with dpkg-deb, as an ordinary user; all its files are root's."""
    root = directory / f"{recipe.name}.root"
    shutil.rmtree(root, ignore_errors=True)
    control = root / "DEBIAN"
    control.mkdir(parents=True)
    (control / "control").write_text(recipe.control())
    for name, text in recipe.scripts.items():
        (control / name).write_text(text)
        (control / name).chmod(0o755 if name.endswith(("inst", "rm")) else 0o644)
    for path, content in recipe.files.items():
        file = root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, tuple):
            file.symlink_to(content[1])
            continue
        if content == "directory":
            file.mkdir(exist_ok=True)
        elif isinstance(content, Path):
            shutil.copyfile(content, file)
        else:
            file.write_bytes(content.encode() if isinstance(content, str) else content)
        executable = "/bin/" in path or "/sbin/" in path or path.startswith(("/hurd/", "/libexec"))
        default = 0o755 if executable or content == "directory" else 0o644
        file.chmod(recipe.modes.get(path, default))
    package = directory / f"{recipe.name}_{recipe.version}_{recipe.architecture}.deb"
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", root, package],
        check=True, capture_output=True, env={**os.environ, "SOURCE_DATE_EPOCH": str(EPOCH)},
    )  # fmt: skip
    shutil.rmtree(root)
    return package


def build_by_hand(recipe: Recipe, directory: Path, data: bytes) -> Path:
    """Build a package around a tar archive that dpkg-deb would not write: owners, devices, evil."""
    control = io.BytesIO()
    with tarfile.open(fileobj=control, mode="w:gz") as archive:
        text = recipe.control().encode()
        info = tarfile.TarInfo("./control")
        info.size = len(text)
        archive.addfile(info, io.BytesIO(text))
    package = directory / f"{recipe.name}_{recipe.version}_{recipe.architecture}.deb"
    with package.open("wb") as file:
        file.write(b"!<arch>\n")
        for name, part in (
            ("debian-binary", b"2.0\n"),
            ("control.tar.gz", control.getvalue()),
            ("data.tar", data),
        ):
            file.write(
                f"{name:<16}{EPOCH:<12}{0:<6}{0:<6}{0o100644:<8o}{len(part):<10}`\n".encode()
            )
            file.write(part + b"\n" * (len(part) % 2))
    return package


class Signer:
    """A key that signs archives, in a directory of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir(mode=0o700, exist_ok=True)
        self.keyring = directory / "archive.gpg"
        self._gpg("--quick-generate-key", "Test Archive <test@example.org>", "ed25519", "sign", "0")
        self._gpg("--output", str(self.keyring), "--export")

    def sign(self, release: Path) -> None:
        """Write InRelease beside Release."""
        signed = release.with_name("InRelease")
        signed.unlink(missing_ok=True)
        self._gpg("--output", str(signed), "--clearsign", str(release))

    def close(self) -> None:
        """End the agent that gpg has started."""
        subprocess.run(
            ["gpgconf", "--homedir", self.directory, "--kill", "all"], check=False,
            capture_output=True,
        )  # fmt: skip

    def _gpg(self, *arguments: str) -> None:
        subprocess.run(
            ["gpg", "--homedir", self.directory, "--batch", "--quiet", "--pinentry-mode",
             "loopback", "--passphrase", "", *arguments],
            check=True, capture_output=True,
        )  # fmt: skip


class StandInArchive:
    """An archive on the loopback interface; use it with ``with``."""

    def __init__(self, directory: Path, signer: Signer | None, suite: str = "unstable") -> None:
        self.directory = directory
        self.signer = signer
        self.suite = suite
        self.valid_until = ""
        self.pool = directory / "pool"
        self.pool.mkdir(parents=True)
        self.requests: list[str] = []

    def add(self, *recipes: Recipe | Path) -> None:
        """Add packages: built from recipes, or files that are packages already."""
        for recipe in recipes:
            if isinstance(recipe, Path):
                shutil.copyfile(recipe, self.pool / recipe.name)
            else:
                build_package(recipe, self.pool)

    def publish(self) -> None:
        """Write the indices and sign them, if there is a signer."""
        dists = self.directory / "dists" / self.suite
        shutil.rmtree(dists, ignore_errors=True)
        by_architecture: dict[str, list[str]] = {"hurd-i386": [], "i386": []}
        for package in sorted(self.pool.glob("*.deb")):
            paragraph, architecture = self._paragraph(package)
            wanted = by_architecture if architecture == "all" else [architecture]
            for name in wanted:
                by_architecture.setdefault(name, []).append(paragraph)
        sums = []
        for name, paragraphs in by_architecture.items():
            index = dists / "main" / f"binary-{name}" / "Packages"
            index.parent.mkdir(parents=True)
            text = "\n".join(paragraphs).encode()
            for file, data in (
                (index, text),
                (index.with_suffix(".gz"), gzip.compress(text, 1, mtime=0)),
            ):
                file.write_bytes(data)
                digest = hashlib.sha256(data).hexdigest()
                sums.append(f" {digest} {len(data)} {file.relative_to(dists)}")
        fields = {
            "Origin": "Test", "Label": "Test", "Suite": self.suite, "Codename": self.suite,
            "Date": "Sun, 15 Jun 2025 15:06:40 UTC",
            "Architectures": " ".join(by_architecture), "Components": "main",
        }  # fmt: skip
        if self.valid_until:
            fields["Valid-Until"] = self.valid_until
        lines = [f"{key}: {value}" for key, value in fields.items()] + ["SHA256:", *sums]
        release = dists / "Release"
        release.write_text("\n".join(lines) + "\n")
        if self.signer is not None:
            self.signer.sign(release)

    def _paragraph(self, package: Path) -> tuple[str, str]:
        control = subprocess.run(
            ["dpkg-deb", "--field", package], check=True, capture_output=True, text=True
        ).stdout
        data = package.read_bytes()
        name = package.relative_to(self.directory)
        more = f"Filename: {name}\nSize: {len(data)}\nSHA256: {hashlib.sha256(data).hexdigest()}\n"
        fields = dict(line.partition(": ")[::2] for line in control.splitlines())
        return control + more, fields["Architecture"]

    def __enter__(self) -> StandInArchive:
        archive = self

        class Handler(SimpleHTTPRequestHandler):
            def log_message(self, format: str, *arguments: object) -> None:
                archive.requests.append(self.path)

        handler = partial(Handler, directory=str(self.directory))
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    @property
    def url(self) -> str:
        """Where the archive is."""
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def source(self, *packages: str, **changes: object) -> DebianSource:
        """Return the source with these packages."""
        settings: dict[str, object] = {
            "archives": (PackageArchive(self.url, (self.suite,)),),
            "keyrings": (self.signer.keyring,) if self.signer else (),
            "packages": packages,
            "foreign_architectures": ("i386",),
            **changes,
        }
        return DebianSource(**settings)  # type: ignore[arg-type]


HURD_SERVERS = (
    "acpi", "auth", "console", "crash", "devnode", "exec", "ext2fs", "magic", "mach-defpager",
    "null", "password", "pfinet", "pflocal", "proc", "procfs", "proxy-defpager", "random",
    "startup", "storeio", "streamio", "symlink", "term", "tmpfs", "shutdown",
)  # fmt: skip


def stand_ins(
    servers: Mapping[str, bytes | Path] | None = None, python: bool = True
) -> list[Recipe]:
    """Return a small system; ``servers`` are the contents of /hurd/ext2fs.static and others."""
    given = servers or {}
    hurd: dict[str, Content] = {f"/hurd/{name}": f"server {name}\n" for name in HURD_SERVERS}
    for name in ("ext2fs.static", "exec.static"):
        hurd[f"/hurd/{name}"] = given.get(name, f"boot module {name}\n".encode())
    hurd |= {
        "/libexec/console-run": "console-run\n",
        "/libexec/runsystem": "#!/bin/sh\n# the system's own\n",
        "/usr/sbin/halt": "the Hurd's halt\n",
        "/etc/hurd/rc.conf": "answer = 42\n",
    }
    base: dict[str, Content] = {
        "/bin": ("symlink", "usr/bin"), "/sbin": ("symlink", "usr/sbin"),
        "/lib": ("symlink", "usr/lib"), "/etc/debian_version": "test\n", "/root": "directory",
        "/usr/share/base-passwd/passwd.master": "root:*:0:0:root:/root:/bin/bash\n"
        "daemon:*:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n",
        "/usr/share/base-passwd/group.master": "root:*:0:\ndaemon:*:1:\nsudo:*:27:\nshadow:*:42:\n",
        "/usr/share/zoneinfo/UTC": "TZif2 UTC\n",
        "/usr/share/zoneinfo/Europe/Lisbon": "TZif2 Lisbon\n",
        "/etc/skel/.profile": "umask 022\n",
    }  # fmt: skip
    essential = {"Essential": "yes", "Priority": "required"}
    recipes = [
        Recipe("base-files", base, architecture="all", modes={"/root": 0o700},
               fields={**essential, "Multi-Arch": "foreign"},
               scripts={"conffiles": "/etc/debian_version\n"}),
        Recipe("dash", {"/usr/bin/dash": "dash\n", "/usr/bin/sh": ("symlink", "dash")},
               fields={**essential, "Pre-Depends": "base-files"}),
        Recipe("coreutils", {"/bin/nullauth": "nullauth\n", "/bin/uname": "uname\n"},
               fields=essential),
        # Newer than any that the real gnumach of some day says it breaks.
        Recipe("hurd", hurd, "1:0.9.git29991231-1", fields={**essential, "Depends": "dash"},
               scripts={"conffiles": "/etc/hurd/rc.conf\n",
                        "postinst": "#!/bin/sh\nexit 0\n",
                        "preinst": "#!/bin/sh\nexit 0\n",
                        "triggers": "interest-noawait /hurd\nactivate ldconfig\n"}),
    ]  # fmt: skip
    if python:
        library = f"/usr/lib/python3.{MINOR}"
        recipes += [
            Recipe("python3", {
                f"/usr/bin/python3.{MINOR}": "python\n",
                "/usr/bin/python3": ("symlink", f"python3.{MINOR}"),
                f"{library}/os.py": "", f"{library}/asyncio/__init__.py": "",
            }, fields={"Depends": "hurd"}),
            Recipe("python3-cffi-backend", {
                f"/usr/lib/python3/dist-packages/_cffi_backend.cpython-3{MINOR}-i386-gnu.so": "so\n"
            }, fields={"Depends": "python3", "Multi-Arch": "same"}),
        ]  # fmt: skip
    return recipes


PACKAGES = ("hurd", "python3", "python3-cffi-backend")
"""The packages of ``stand_ins`` that need to be asked for; the others are essential."""
