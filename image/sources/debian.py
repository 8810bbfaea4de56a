"""A root tree from Debian packages, without running anything of theirs.

Packages are unpacked into the tree as dpkg would do it and recorded in its database as unpacked;
the service ``second-stage`` (`image.second_stage`) configures them on the first boot.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from image.cache import Cache, digest, explained, remove
from image.errors import ArchiveError, TreeError
from image.progress import SILENT, Progress, Step
from image.settings import DebianSource
from image.sources import package as packages
from image.sources.archive import Archive, Download, source_lines
from image.sources.database import write_database
from image.sources.package import Package
from image.sources.unpacking import Unpacker
from image.tree import Node, Tree

# Directories that a merged /usr has as symbolic links.
_MERGED: Final = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libo32", "/libx32")
_PRIORITIES: Final = {
    "required": ("required",),
    "important": ("required", "important"),
    "standard": ("required", "important", "standard"),
}


def read_packages(
    source: DebianSource, architecture: str, cache: Cache, progress: Progress = SILENT
) -> tuple[Tree, list[Package]]:
    """Return the tree that the packages of a source make, and these in the order to configure.

    ``architecture`` is what Debian calls it.  Raises ArchiveError for archives that cannot be
    reached or trusted, packages that are not there, contradict each other or are corrupt, and
    files that two packages have which do not allow for each other.
    """
    _check(source)
    archive = Archive(source, architecture, cache)
    with cache.lock("lists"):
        if source.update:
            with progress.step("Updating the package lists"):
                archive.update()
        with progress.step("Choosing packages") as step:
            wanted = _resolve(archive, source, cache)
            step.say(f"{len(wanted)} packages")
    with explained("unpacking packages"):
        found = _fetch(archive, wanted, cache, progress)
        with progress.step("Merging packages") as step:
            tree = _merge(found, source)
            step.say(f"{len(tree)} files")
    mtime = max((member.node.mtime for one in found for member in one.members), default=0)
    _base_files(tree, mtime)
    write_database(tree, found, archive.architectures, mtime)
    _sources_list(tree, source, mtime)
    return tree, configuration_order(found)


def _check(source: DebianSource) -> None:
    for keyring in source.keyrings:
        if not keyring.is_file():
            hint = ""
            if keyring.name.startswith("debian-ports"):
                hint = "; install the Debian package debian-ports-archive-keyring"
            raise ArchiveError(f"keyring {keyring}: no such file{hint}")
    for one in source.archives:
        if one.url.startswith("file:") and not Path(one.url[5:]).is_dir():
            raise ArchiveError(f"archive {one.url}: cannot be reached (no such directory)")


def _resolve(archive: Archive, source: DebianSource, cache: Cache) -> list[Download]:
    requests = [*_patterns(source, archive.architectures[0]), *source.packages]

    def make(aside: Path) -> None:
        chosen = archive.resolve(requests)
        aside.write_text("".join(f"{d.uri} {d.file} {d.size} {d.sha256}\n" for d in chosen))

    entry = cache.get("resolved", digest([archive.state(), *requests]), make)
    rows = (line.split(" ") for line in entry.read_text().splitlines())
    return [Download(uri, file, int(size), sha256) for uri, file, size, sha256 in rows]


def _patterns(source: DebianSource, architecture: str) -> list[str]:
    """Return the patterns of apt for the packages of the variant."""
    if source.variant == "none":
        return []
    patterns = ["?essential"]
    patterns += [f"?priority({name})" for name in _PRIORITIES.get(source.variant, ())]
    # Those of foreign architectures would come as well.
    return [f"?and(?architecture({architecture}),{pattern})" for pattern in patterns]


def _fetch(
    archive: Archive, wanted: Sequence[Download], cache: Cache, progress: Progress
) -> list[Package]:
    """Return the packages, after getting those that are not in the cache."""
    keys = {one: f"{one.sha256}-{packages.FORMAT}" for one in wanted}

    def entry(one: Download) -> Path:
        return cache.directory / "packages" / keys[one]

    if not all(entry(one).exists() for one in wanted):
        # One build at a time: what another one gets meanwhile need not be got again.
        with cache.lock("downloads") as place:
            missing = [one for one in wanted if not entry(one).exists()]
            directory = place / "new"
            remove(directory)  # left by a build that was killed
            directory.mkdir()
            try:
                _get(archive, missing, keys, directory, cache, progress)
            finally:
                remove(directory)
    return [packages.load(entry(one)) for one in wanted]


def _get(
    archive: Archive,
    missing: Sequence[Download],
    keys: Mapping[Download, str],
    directory: Path,
    cache: Cache,
    progress: Progress,
) -> None:
    """Download packages into ``directory`` and unpack them into the cache."""
    if not missing:
        return
    total = sum(one.size for one in missing)
    with progress.step("Downloading", total) as step:
        archive.download(missing, directory, step)
        step.say(f"{len(missing)} packages, {total / 1e6:.1f} MB")
    with progress.step("Unpacking", total) as step:
        for one in missing:
            _unpack(one, keys[one], directory, cache, step)


def _unpack(one: Download, key: str, directory: Path, cache: Cache, step: Step) -> None:
    file = directory / one.file
    cache.get("packages", key, lambda aside: packages.unpack(file, aside))
    file.unlink()
    step.advance(one.size)


def _merge(found: Iterable[Package], source: DebianSource) -> Tree:
    """Unpack packages into a new tree."""
    # base-files first: it has the modes of the directories that all others have, too.
    ordered = sorted(found, key=lambda one: (one.name != "base-files", one.name, one.architecture))
    tree = Tree()
    unpacker = Unpacker(tree, keep_directories=True)
    for path, node in _merged_usr(ordered):
        unpacker.place(f"/{node.target}/.")
        unpacker.put(path, node)
    owners: dict[str, Package] = {}
    for package in ordered:
        for member in package.members:
            try:
                _put(unpacker, owners, package, member.path, member.node, source.overwrite)
            except TreeError as error:
                raise ArchiveError(f"package {package.name}: {error}") from error
    return tree


def _merged_usr(found: Iterable[Package]) -> Iterable[tuple[str, Node]]:
    """Yield the links from the root to /usr, if that is what these packages are for."""
    links: dict[str, Node] = {}
    merged = False
    for package in found:
        merged = merged or package.name in ("usrmerge", "usr-is-merged")
        for member in package.members:
            if member.path in _MERGED and member.node.kind == "symlink":
                links[member.path] = member.node
    if merged:
        for path in ("/bin", "/sbin", "/lib"):
            links.setdefault(path, Node("symlink", 0o777, target=f"usr{path}"))
    return sorted(links.items())


def _put(
    unpacker: Unpacker,
    owners: dict[str, Package],
    package: Package,
    path: str,
    node: Node,
    overwrite: bool,
) -> None:
    place = unpacker.place(path)
    if node.kind == "directory" and not node.link:
        unpacker.put(path, node)
        return
    other = owners.get(place)
    if other is not None and other is not package:
        same = _same(unpacker.tree[place], node)
        if other.name in package.related("Replaces"):
            pass
        elif package.name in other.related("Replaces"):
            return
        elif not same and not overwrite:
            raise ArchiveError(
                f"file {path}: in package {other.name} and in package {package.name}, and neither "
                "replaces the other (source.overwrite takes the last one's)"
            )
    unpacker.put(path, node)
    owners[place] = package


def _same(one: Node, other: Node) -> bool:
    """Whether two files are the same, as those of one package for two architectures must be."""
    if replace(one, content=None, mtime=0) != replace(other, content=None, mtime=0):
        return False
    contents = [
        node.content.read_bytes() if isinstance(node.content, Path) else node.content
        for node in (one, other)
    ]
    return contents[0] == contents[1]


def configuration_order(found: Sequence[Package]) -> list[Package]:
    """Return packages so that each comes after what it needs; circles are cut somewhere.

    Those that everything may need without saying so come first, as far as that is possible.
    """
    providers: dict[str, list[Package]] = {}
    for package in found:
        for name in package.provided:
            providers.setdefault(name, []).append(package)
    first = ("base-passwd", "base-files")
    ordered: dict[tuple[str, str], Package] = {}
    waiting: set[tuple[str, str]] = set()

    def visit(package: Package) -> None:
        key = (package.name, package.architecture)
        if key in ordered or key in waiting:
            return
        waiting.add(key)
        for field in ("Pre-Depends", "Depends"):
            for name in sorted(package.related(field)):
                for provider in providers.get(name, ()):
                    visit(provider)
        ordered[key] = package

    def rank(package: Package) -> tuple[bool, bool, str]:
        return (package.name not in first, not package.essential, package.name)

    for package in sorted(found, key=rank):
        visit(package)
    return list(ordered.values())


def _base_files(tree: Tree, mtime: int) -> None:
    """Make what scripts that do not run here would have made and nothing can do without."""
    for name in ("passwd", "group"):
        master = tree.get(f"/usr/share/base-passwd/{name}.master")
        if f"/etc/{name}" not in tree and master is not None:
            tree.add(f"/etc/{name}", replace(master, mode=0o644, mtime=mtime))
    for path, mode in (("/root", 0o700), ("/tmp", 0o1777), ("/var/tmp", 0o1777), ("/home", 0o755)):
        if path not in tree:
            tree.add(path, Node("directory", mode, mtime=mtime))


def _sources_list(tree: Tree, source: DebianSource, mtime: int) -> None:
    """Let the system get packages from where these came, if it can reach that."""
    remote = [one for one in source.archives if not one.url.startswith(("file:", "copy:"))]
    if not remote or "/etc/apt/sources.list" in tree:
        return
    keyrings = []
    for keyring in source.keyrings:
        path = f"/etc/apt/keyrings/{keyring.name}"
        with explained(str(keyring)):
            content = keyring.read_bytes()
        tree.add(path, Node("file", 0o644, mtime=mtime, content=content))
        keyrings.append(Path(path))
    there = replace(source, archives=tuple(remote), keyrings=tuple(keyrings))
    text = "".join(f"{line}\n" for line in source_lines(there))
    tree.add("/etc/apt/sources.list", Node("file", 0o644, mtime=mtime, content=text.encode()))
