"""A build from beginning to end: source → root tree → drover and settings → nodes → disk → check.

Each step takes what the one before it made.  Nothing is kept between them but the cache, and the
output appears in its place when it is whole and has passed the check.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from image.accounts import Accounts, apply_users
from image.cache import Cache
from image.check import check_image
from image.disk import write_disk
from image.errors import ConfigurationError, ImageError
from image.install import Installed, install_drover
from image.iso import write_iso
from image.menu import CONFIGURATION, Cpu, Driver, MenuSettings, disk_driver, make_menu
from image.nodes import add_system_nodes
from image.output import refuse_if_in_use
from image.progress import SILENT, Progress
from image.run import find_tool
from image.second_stage import add_second_stage
from image.settings import Configuration, DebianSource, DirectorySource, Format, Network
from image.sources.package import Package
from image.system import add_extra_files, write_system_files
from image.tree import Node, Tree

_CPUS: Final[Mapping[str, Cpu]] = {"hurd-i386": "i386", "hurd-amd64": "amd64"}
_ROOT_DEVICES: Final[Mapping[Driver, str]] = {"kernel": "/dev/hd0s1", "rumpdisk": "/dev/wd0s1"}
# What is missing is said before packages are downloaded.
_TOOLS: Final[Mapping[Format, tuple[str, ...]]] = {
    "raw": ("grub-mkimage", "e2fsck"),
    "qcow2": ("grub-mkimage", "e2fsck", "qemu-img"),
    "iso": ("grub-mkimage", "e2fsck", "xorriso"),
}


@dataclass(frozen=True)
class Result:
    """What a build made; ``size`` is in bytes, ``seconds`` is how long it took."""

    output: Path
    format: str
    size: int
    files: int
    translators: int
    packages: tuple[str, ...]
    """Names and versions, for roots from packages."""
    warnings: tuple[str, ...]
    epoch: int
    seconds: float


def build_image(configuration: Configuration, cache: Cache, progress: Progress = SILENT) -> Result:
    """Build the image that a configuration describes; raises ImageError with one clear message."""
    begun = time.monotonic()
    _check_output(configuration.output)
    for tool in _TOOLS[configuration.format]:
        find_tool(tool)
    tree, packages = read_source(configuration, cache, progress)
    epoch = configuration.epoch
    if epoch is None:
        epoch = int(time.time())
    warnings: list[str] = []
    with progress.step("Setting up the system") as step:
        driver = complete_tree(tree, packages, configuration, cache, epoch, warnings)
        step.say(f"{len(tree)} files")
    report = _write(tree, configuration, driver, epoch, progress)
    warnings += report
    for warning in warnings:
        progress.warn(warning)
    return Result(
        output=configuration.output,
        format=configuration.format,
        size=configuration.output.stat().st_size,
        files=len(tree),
        translators=sum(1 for node in tree.values() if node.translator),
        packages=tuple(sorted(f"{one.name} {one.version}" for one in packages)),
        warnings=tuple(warnings),
        epoch=epoch,
        seconds=time.monotonic() - begun,
    )


def read_source(
    configuration: Configuration, cache: Cache, progress: Progress = SILENT
) -> tuple[Tree, Sequence[Package]]:
    """Return the root tree of a configuration's source, and the packages that are to be set up."""
    source = configuration.source
    if isinstance(source, DebianSource):
        from image.sources.debian import read_packages

        return read_packages(source, configuration.architecture, cache, progress)
    if isinstance(source, DirectorySource):
        from image.sources.directory import read_directory

        return read_directory(source.path, source.owners, progress), ()
    from image.sources.tarball import read_tarball

    return read_tarball(source.path, cache, progress), ()


def complete_tree(
    tree: Tree,
    packages: Sequence[Package],
    configuration: Configuration,
    cache: Cache,
    epoch: int,
    warnings: list[str],
) -> Driver:
    """Make a source's tree the root of a bootable system; return the driver of its disks."""
    menu = menu_settings(configuration)
    live = configuration.format == "iso"
    # In memory, the root is a disk of the kernel's own.
    driver: Driver = "kernel" if live else disk_driver(menu)
    root = "/dev/rd0" if live else _ROOT_DEVICES[driver]
    accounts = apply_users(tree, [configuration.root, *configuration.users], epoch)
    write_system_files(tree, configuration, root, epoch)
    installed: Installed | None = None
    if configuration.init == "drover":
        installed = install_drover(tree, configuration, cache, epoch)
    remaining, bundle = (installed.compile, installed.bundle) if installed else (None, None)
    add_second_stage(tree, packages, remaining, epoch, service=installed is not None, bundle=bundle)
    add_extra_files(tree, configuration.files, accounts, epoch)
    add_system_nodes(tree, driver, epoch=epoch, translators=_network(configuration.network))
    if not live:
        text = make_menu(tree, menu)
        tree.add(CONFIGURATION, Node("file", 0o644, mtime=epoch, content=text.encode()))
    warnings += _advice(accounts, installed)
    return driver


def menu_settings(configuration: Configuration) -> MenuSettings:
    """Return what GRUB's menu of the image says."""
    return MenuSettings(
        cpu=_CPUS[configuration.architecture],
        console="com0" if configuration.console == "serial" else "vga",
        words=configuration.kernel_arguments,
    )


def _advice(accounts: Accounts, installed: Installed | None) -> list[str]:
    found = []
    if not accounts.login_possible():
        found.append("nobody can log in: no login has a password or an SSH key (root.password)")
    if installed is not None and installed.compile is not None:
        found.append(
            f"drover will be compiled on the first boot: no python3.{installed.python.minor} here"
        )
    return found


def _network(network: Network) -> dict[str, tuple[str, ...]]:
    """Return the records of the network's servers, whose arguments are their configuration."""
    if network.method != "static":
        return {}
    words = ["-i", network.interface, "-a", network.address, "-m", network.netmask]
    if network.gateway:
        words += ["-g", network.gateway]
    return {
        "/servers/socket/2": ("/hurd/pfinet", "-6", "/servers/socket/26", *words),
        "/servers/socket/26": ("/hurd/pfinet", "-4", "/servers/socket/2", *words),
    }


def _check_output(output: Path) -> None:
    """Find out before the work what would spoil its end."""
    if not output.parent.is_dir():
        raise ConfigurationError("image.output", f"{output.parent}: no such directory")
    if output.is_dir():
        raise ConfigurationError("image.output", f"{output}: is a directory")
    if not os.access(output.resolve().parent, os.W_OK | os.X_OK):
        raise ConfigurationError("image.output", f"{output.parent}: no file can be made there")
    with suppress(FileNotFoundError, PermissionError):
        refuse_if_in_use(output)


def _write(
    tree: Tree, configuration: Configuration, driver: Driver, epoch: int, progress: Progress
) -> tuple[str, ...]:
    warnings: tuple[str, ...] = ()

    def check(path: Path) -> None:
        nonlocal warnings
        report = check_image(path, tree, driver, partitioned=configuration.format != "iso")
        report.raise_problems()
        warnings = report.warnings

    try:
        total = sum(node.size for node in tree.values())
    except OSError as error:
        raise ImageError(f"{error.filename}: {error.strerror}") from error
    output, size, label = configuration.output, configuration.size, configuration.label
    with progress.step(f"Writing {output.name}", total) as step:
        if configuration.format == "iso":
            menu = menu_settings(configuration)
            write_iso(
                tree, output, menu,
                epoch=epoch, size=size, label=label, advance=step.advance, check=check,
            )  # fmt: skip
        else:
            write_disk(
                tree, output,
                epoch=epoch, size=size, label=label, advance=step.advance, check=check,
                image_format=configuration.format,
            )  # fmt: skip
        step.say(f"{output.stat().st_size / 1e6:.0f} MB")
    return _grouped(warnings)


def _grouped(warnings: Sequence[str]) -> tuple[str, ...]:
    """Return warnings with those that say the same of many files made one."""
    files: dict[str, list[str]] = {}
    for warning in warnings:
        path, _, said = warning.partition(": ")
        files.setdefault(said, []).append(path)
    return tuple(
        f"{said} ({paths[0]}" + (f" and {len(paths) - 1} more)" if len(paths) > 1 else ")")
        for said, paths in files.items()
    )
