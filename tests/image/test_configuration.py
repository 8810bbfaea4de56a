"""Configurations: what may be in them, what beats what, and what mistakes are answered with."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from image.build_options import read_options
from image.command import make_parser
from image.configuration import check_values, read_values
from image.errors import ConfigurationError, ExitCode
from image.keys import KEYS
from image.settings import (
    Configuration,
    DebianSource,
    DirectorySource,
    Network,
    PackageArchive,
    TarballSource,
)

URL = "http://example.org/debian"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f ann@box"


class Desk:
    """A directory with files, in which configurations are read."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.environment: dict[str, str] = {}
        self.site = directory / "site.toml"

    def file(self, name: str, text: str = "") -> Path:
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def read(self, text: str, source: bool = True) -> Configuration:
        start = f"source.archive = '{URL}'\n" if source else ""
        file = self.file("image.toml", start + text)
        found = read_values(file, environment=self.environment, site=self.site)
        return check_values(found, self.environment)

    def refusal(self, text: str, source: bool = True) -> str:
        with pytest.raises(ConfigurationError) as caught:
            self.read(text, source)
        assert caught.value.exit_code == ExitCode.USAGE
        return str(caught.value).replace(f"{self.directory}/", "")


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.chdir(tmp_path)
    for name in ("DROVER_ARCHIVE", "DROVER_KEYRING", "SOURCE_DATE_EPOCH"):
        monkeypatch.delenv(name, raising=False)
    return Desk(tmp_path)


def test_an_archive_is_all_that_must_be_said(desk: Desk) -> None:
    found = desk.read("")
    source = found.source
    assert isinstance(source, DebianSource)
    assert source.archives == (PackageArchive(URL, ("unstable",), ("main",)),)
    assert {"hurd", "gnumach-image-1-486", "python3-cffi-backend"} <= set(source.packages)
    assert (found.hostname, found.architecture, found.format) == ("hurd", "hurd-i386", "raw")
    assert found.output == Path("hurd.img")
    assert found.root.password is None


def test_everything_can_be_said(desk: Desk) -> None:
    desk.file("services/web.scm")
    desk.file("motd", "hello\n")
    desk.file("id.pub", f"# a comment\n{KEY}\n")
    desk.file("secret", "sesame\nignored\n")
    desk.file("archive.gpg")
    found = desk.read(
        f"""
        architecture = "hurd-amd64"
        hostname = "box.example.org"
        timezone = "Europe/Lisbon"
        console = "vga"
        bytecode = "require"
        packages = ["openssh-server", "hurd"]
        services = ["services/web.scm"]
        [source]
        archive = ["{URL}", "https://two.example.org/ports sid main contrib"]
        suites = ["testing"]
        keyring = "archive.gpg"
        variant = "essential"
        packages = ["hurd", "gnumach-image-1-amd64"]
        foreign-architectures = ["amd64"]
        recommends = true
        [image]
        output = "out/disk.qcow2"
        size = "2G"
        label = "box"
        kernel-arguments = ["fastboot"]
        [network]
        address = "10.0.2.15/24"
        gateway = "10.0.2.2"
        nameservers = "10.0.2.3"
        [root]
        password-file = "secret"
        ssh-keys = ["id.pub", "{KEY}"]
        [[user]]
        name = "ann"
        password-hash = "$6$salt$0123456789abcdef"
        uid = 1234
        groups = ["sudo"]
        [[file]]
        target = "/etc/motd"
        source = "motd"
        mode = "0600"
        [[file]]
        target = "/etc/issue"
        text = "Hurd\\n"
        owner = "ann"
        """,
        source=False,
    )
    assert isinstance(found.source, DebianSource)
    assert found.source.archives == (
        PackageArchive(URL, ("testing",), ("main",)),
        PackageArchive("https://two.example.org/ports", ("sid",), ("main", "contrib")),
    )
    assert found.source.keyrings == (desk.directory / "archive.gpg",)
    assert found.source.packages == ("hurd", "gnumach-image-1-amd64", "openssh-server")
    assert found.services == (desk.directory / "services/web.scm",)
    assert (found.output, found.format) == (desk.directory / "out/disk.qcow2", "qcow2")
    assert found.size == 2 << 30
    assert found.network == Network(
        "static", "/dev/eth0", "10.0.2.15", "255.255.255.0", "10.0.2.2", ("10.0.2.3",)
    )
    assert found.root.password is not None
    assert re.fullmatch(r"\$6\$[./0-9A-Za-z]{16}\$[./0-9A-Za-z]{86}", found.root.password)
    assert found.root.ssh_keys == (KEY, KEY)
    assert found.users[0].uid == 1234
    assert [one.mode for one in found.files] == [0o600, None]
    assert found.files[1].content == b"Hurd\n"


def test_a_path_is_a_directory_or_a_tarball(desk: Desk) -> None:
    desk.file("root/etc/motd")
    desk.file("root.tar.xz")
    found = desk.read("source.path = 'root'\nsource.owners = 'root'", source=False)
    assert found.source == DirectorySource(desk.directory / "root", "root")
    found = desk.read("source.path = 'root.tar.xz'", source=False)
    assert found.source == TarballSource(desk.directory / "root.tar.xz")


def test_the_ports_have_their_suites_and_their_keys(desk: Desk) -> None:
    source = desk.read("source.archive = 'http://example.org/debian-ports'", source=False).source
    assert isinstance(source, DebianSource)
    assert source.archives[0].suites == ("unstable", "unreleased")
    assert source.keyrings[0].name == "debian-ports-archive-keyring.gpg"


def test_the_site_the_environment_and_the_file_go_before_one_another(desk: Desk) -> None:
    desk.site.write_text(
        "hostname = 'site'\ntimezone = 'Europe/Lisbon'\nsource.archive = 'file:/1'"
    )
    assert desk.read("", source=False).hostname == "site"
    desk.environment["DROVER_ARCHIVE"] = "file:/2"
    found = desk.read("hostname = 'file'", source=False)
    assert (found.hostname, found.timezone) == ("file", "Europe/Lisbon")
    assert isinstance(found.source, DebianSource)
    assert found.source.archives[0].url == "file:/2"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hostname = 3", "image.toml:2: hostname: must be text, not a number"),
        ("hostname = 'a b'", "image.toml:2: hostname: 'a b' is not a host name"),
        ("\n\nhost-name = 'x'", "image.toml:4: host-name: unknown key; did you mean hostname?"),
        ("archive = 'x'", "image.toml:2: archive: unknown key; did you mean source.archive?"),
        ("[image]\nformt = 'raw'",
         "image.toml:3: image.formt: unknown key; did you mean image.format"),
        ("[network]\nmethod = 'bootp'", "network.method: 'bootp' is not one of dhcp, static, none"),
        ("[network]\nmethod = 'static'", "network.address: required with network.method 'static'"),
        ("[network]\naddress = '10.0.2.300/24'", "image.toml:3: network.address: '10.0.2.300/24'"),
        ("[network]\naddress = '10.0.2.15'", "network.address: '10.0.2.15': add /BITS"),
        ("[network]\naddress = '10.0.2.15/24'\ngateway = '10.0.3.2'",
         "image.toml:4: network.gateway: 10.0.3.2 is not in 10.0.2.0/24"),
        ("[network]\nmethod = 'dhcp'\naddress = '10.0.2.15/24'",
         "image.toml:4: network.address: has no use with method dhcp"),
        ("image.size = '2 potatoes'", "image.size: '2 potatoes' is not a size, such as 2G"),
        ("image.size = 100", "image.size: 100 is less than 8M"),
        ("image.label = 'more than sixteen letters'", "is longer than 16 bytes"),
        ("image.kernel-arguments = ['a b']", "'a b' is not one word without quotes"),
        ("image.kernel-arguments = ['-f']", "'-f' makes /hurd/startup only pretend to reboot"),
        ("timezone = '../etc/passwd'", "'../etc/passwd' is not the name of a time zone"),
        ("packages = ['Not A Package']", "packages: 'Not A Package' is not a package name"),
        ("services = ['gone.scm']", "gone.scm: no such file"),
        ("source.keyring = 'gone.gpg'", "source.keyring: gone.gpg: no such file"),
        ("[root]\npassword = 'a'\npassword-hash = '!'",
         "image.toml:4: root.password-hash: image.toml:3: root.password sets the password already"),
        ("[root]\npassword-hash = 'sesame'", "is not the hash of a password"),
        ("[root]\nssh-keys = ['ssh-ed25519 broken']", "is not a public key of OpenSSH"),
        ("[[user]]\nname = 'ann'\n[[user]]\nname = 'ann'",
         "image.toml:5: user[2].name: there are two users ann"),
        ("[[user]]\nname = 'ann'\nshel = '/bin/sh'", "image.toml:4: user[1].shel: unknown key; did "
         "you mean shell?"),
        ("[[user]]\nname = 'Ann'", "image.toml:3: user[1].name: 'Ann' is not a user name"),
        ("[[user]]\nname = 'root'", "user[1].name: root has a table of its own: [root]"),
        ("[[user]]\nuid = 1000", "this user has no name"),
        ("user = 'ann'", "image.toml:2: user: must be tables: [[user]]"),
        ("[[file]]\ntarget = 'etc/motd'\ntext = ''", "'etc/motd' is not an absolute path"),
        ("[[file]]\ntarget = '/etc/../x'\ntext = ''", "is not an absolute path without . and .."),
        ("[[file]]\ntarget = '/etc/motd'", "exactly one of source and text is needed"),
        ("[[file]]\ntext = 'x'", "image.toml:3: file[1].text: this file has no target"),
        ("[[file]]\ntarget = '/x'\ntext = ''\nmode = 'rw'", "file[1].mode: 'rw' is not a mode"),
        ("hostname = ", "image.toml:2: Invalid value"),
        ("[network\n", "image.toml:2:9: Expected ']'"),
        ("a = 'x", "image.toml:2: Expected "),
    ],
)  # fmt: skip
def test_mistakes_are_named_with_their_place(desk: Desk, text: str, message: str) -> None:
    assert message in desk.refusal(text)


def test_without_an_archive_it_is_said_where_to_name_one(desk: Desk) -> None:
    message = desk.refusal("", source=False)
    for word in ("source.archive", "--archive", "DROVER_ARCHIVE", "/etc/drover/image.toml"):
        assert word in message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("source.archive = 'example.org'", "'example.org' does not begin with http://"),
        ("source.path = 'gone'", "image.toml:1: source.path: gone: no such file or directory"),
        ("source.path = 'root'\nsource.type = 'tarball'", "is a directory, not a tarball"),
        ("source.type = 'tarball'", "source.path: required for a tarball"),
        ("source.path = 'root'\npackages = ['hurd']", "image.toml:2: packages: only a root from"),
        ("source.path = 'root'\ninit = 'native'\nservices = ['a.scm']", "services: only drover"),
    ],
)
def test_mistakes_about_the_source_are_named(desk: Desk, text: str, message: str) -> None:
    desk.file("root/etc/motd")
    desk.file("a.scm")
    assert message in desk.refusal(text, source=False)


def test_a_time_that_is_none_is_named(desk: Desk) -> None:
    desk.environment["SOURCE_DATE_EPOCH"] = "yesterday"
    assert desk.refusal("").startswith("SOURCE_DATE_EPOCH: 'yesterday' is not a number")


def test_hashes_are_the_same_where_builds_are_to_be(desk: Desk) -> None:
    text = "[root]\npassword = 'sesame'\n[[user]]\nname = 'ann'\npassword = 'sesame'"
    assert desk.read(text).root.password != desk.read(text).root.password
    desk.environment["SOURCE_DATE_EPOCH"] = "1700000000"
    first, second = desk.read(text), desk.read(text)
    assert first.root.password == second.root.password
    assert first.root.password != first.users[0].password
    other = desk.read(text.replace("'sesame'", "'other'", 1))
    assert other.root.password is not None
    assert first.root.password is not None
    # The salt says nothing of the password.
    assert other.root.password.split("$")[2] == first.root.password.split("$")[2]


def options(desk: Desk, *words: str, file: str | None = None) -> Configuration:
    arguments = list(words)
    if file is not None:
        arguments.append(str(desk.file("image.toml", file)))
    return read_options(make_parser("build").parse_args(arguments))


def test_options_beat_the_file(desk: Desk) -> None:
    desk.file("root/x")
    found = options(
        desk, "--hostname", "option", "--from", "root", "-o", "x.iso", "--root-password=",
        "--network", "10.1.0.5/16,10.1.0.1", "--set", "console='vga'", "--set", "timezone=UTC",
        file=f"hostname = 'file'\npackages = ['x1']\n[source]\narchive = '{URL}'\n"
        "[root]\npassword-hash = '!'\n[network]\nmethod = 'dhcp'\n",
    )  # fmt: skip
    assert (found.hostname, found.console, found.format) == ("option", "vga", "iso")
    assert isinstance(found.source, DirectorySource)
    assert found.root.password == ""
    assert found.network.address == "10.1.0.5"


def test_options_that_can_be_repeated_add_to_the_file(desk: Desk) -> None:
    desk.file("one.scm")
    desk.file("here/two.scm")
    found = options(
        desk, "--archive", URL, "--package", "p2", "--package", "p3", "--service", "here/two.scm",
        "--user", "bob:pass:word", "--file", "one.scm:/etc/x:0600", "--root-ssh-key", KEY,
        "--kernel-argument", "single",
        file="packages = ['p1']\nservices = ['one.scm']\n[[user]]\nname = 'ann'\n",
    )  # fmt: skip
    assert isinstance(found.source, DebianSource)
    assert found.source.packages[-3:] == ("p1", "p2", "p3")
    assert [path.name for path in found.services] == ["one.scm", "two.scm"]
    assert [user.name for user in found.users] == ["ann", "bob"]
    assert (found.files[0].target, found.files[0].mode) == ("/etc/x", 0o600)
    assert found.root.ssh_keys == (KEY,)
    assert found.kernel_arguments == ("single",)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--set", "hostnme=x"], "--set hostnme: unknown key; did you mean hostname?"),
        (["--set", "hostname"], "--set: 'hostname' is not KEY=VALUE"),
        (["--set", "user=[]"], "--set user: is a list of tables: use --user"),
        (["--size", "big"], "--size: 'big' is not a size"),
        (["--from", "gone"], "--from: gone: no such file or directory"),
        (["--file", "x"], "--file: 'x' is not FILE:TARGET"),
        (["--archive", URL, "--user", "Ann"], "--user: 'Ann' is not a user name"),
        (["--archive", URL, "--network", "here"], "--network: 'here' is not an IPv4 address"),
        (["--archive", URL, "--format", "vdi"], "--format: 'vdi' is not one of raw, qcow2, iso"),
        (["gone.toml"], "gone.toml: No such file or directory"),
    ],
)
def test_mistakes_in_options_are_named(desk: Desk, words: list[str], message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        options(desk, "--archive", URL, *words)
    assert message in str(caught.value).replace(f"{desk.directory}/", "")


def test_every_key_that_is_no_table_can_be_set(desk: Desk) -> None:
    for key in KEYS:
        if key in ("user", "file"):
            continue
        with pytest.raises(ConfigurationError, match=f"--set {key}"):
            options(desk, "--archive", URL, "--set", f"{key}={{a = 1}}")
