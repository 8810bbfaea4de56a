"""GRUB's menu: the words that reach the kernel, which kernel, and what is missing."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image.errors import ConfigurationError, TreeError
from image.menu import (
    BootModule,
    MenuEntry,
    MenuSettings,
    find_kernel,
    live_entries,
    make_menu,
    menu_entries,
    quote,
    read_menu,
    unquoted_words,
    write_menu,
)
from image.tree import Node, Tree
from tests.image.disks import system_tree
from tests.image.guests import require

FILE = Node("file", content=b"x")
AMD64 = MenuSettings(cpu="amd64")
words = st.text(
    st.characters(exclude_characters="\n\r\0", exclude_categories=["Cs", "Cc"]), min_size=1
)


def check_syntax(text: str) -> None:
    """GRUB's own reader has nothing to say against it."""
    require("grub-script-check")
    result = subprocess.run(
        ["grub-script-check"], input=text, capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stderr) == (0, "")


def test_an_i386_system_has_two_modules_and_the_first_has_the_privileges() -> None:
    usual, single, other = menu_entries(system_tree(), MenuSettings(words=("fastboot",)))
    assert usual.kernel == "/boot/gnumach.gz"
    assert usual.words == ("root=device:hd0s1", "console=com0", "fastboot")
    assert usual.modules == (
        BootModule("/hurd/ext2fs.static", (
            "ext2fs", "--multiboot-command-line=${kernel-command-line}",
            "--host-priv-port=${host-port}", "--device-master-port=${device-port}",
            "--exec-server-task=${exec-task}", "-T", "typed", "${root}",
            "$(task-create)", "$(task-resume)",
        )),
        BootModule("/hurd/exec.static", ("exec", "$(exec-task=task-create)")),
    )  # fmt: skip
    assert single.words == (*usual.words, "single")
    assert other.modules[-1] == BootModule(
        "/lib/ld.so.1", ("exec", "/hurd/exec", "$(exec-task=task-create)")
    )


def test_an_amd64_system_starts_a_chain_of_drivers() -> None:
    usual = menu_entries(system_tree(AMD64), AMD64)[0]
    assert usual.words == ("root=part:1:device:wd0", "console=com0")
    labels = [module.words[0] for module in usual.modules]
    assert labels == ["pci-arbiter", "acpi", "rumpdisk", "ext2fs", "exec"]
    resumed = [one.words[0] for one in usual.modules if "$(task-resume)" in one.words]
    privileged = [
        one.words[0] for one in usual.modules if "--host-priv-port=${host-port}" in one.words
    ]
    assert resumed == privileged == ["pci-arbiter"]
    text = " ".join(word for module in usual.modules for word in module.words)
    for task in ("acpi-task", "disk-task", "fs-task", "exec-task"):
        assert f"${{{task}}}" in text and f"$({task}=task-create)" in text


def test_rumpdisk_on_i386_keeps_the_kernels_drivers_off() -> None:
    settings = MenuSettings(driver="rumpdisk")
    tree = system_tree(AMD64)
    assert menu_entries(tree, settings)[0].words[-2:] == ("noide", "noahci")
    with pytest.raises(ConfigurationError, match="driver: an amd64 kernel has no disk drivers"):
        menu_entries(tree, MenuSettings(cpu="amd64", driver="kernel"))


def test_grub_understands_the_menu_and_expands_none_of_its_words() -> None:
    for settings in (
        MenuSettings(),
        AMD64,
        MenuSettings(console="vga"),
        MenuSettings(title="it's"),
    ):
        tree = system_tree(settings)
        text = make_menu(tree, settings)
        check_syntax(text)
        assert unquoted_words(text) == []
        assert read_menu(text) == menu_entries(tree, settings)
        assert ("serial --unit=0" in text) == (settings.console == "com0")


def test_a_system_in_memory_has_its_root_as_a_module() -> None:
    entry = live_entries(system_tree(), MenuSettings(), "/boot/root.ext2")[0]
    assert entry.words[0] == "root=device:rd0"
    assert entry.modules[0] == BootModule("/boot/root.ext2", ("root.ext2", "$(ramdisk-create)"))


@given(st.lists(words, min_size=1), words, words)
def test_words_survive_writing_and_reading(some: list[str], title: str, kernel: str) -> None:
    entry = MenuEntry(title, kernel, tuple(some), (BootModule(kernel, tuple(some)),))
    text = write_menu([entry], MenuSettings())
    assert read_menu(text) == [entry]
    assert unquoted_words(text) == []


@given(words)
def test_a_shell_reads_quoted_words_as_they_are(word: str) -> None:
    # GRUB's quotes are those of a shell for these words.
    import shlex

    assert shlex.split(quote(word)) == [word]


@pytest.mark.parametrize("word", ["${root}", "a${b}c", "$(task-create)", '"${x}"', "$x"])
def test_unquoted_dollars_are_found(word: str) -> None:
    text = f"menuentry 'x' {{\n multiboot /k root=x\n module /m m {word} '$(ok)' \\$no # $no\n}}\n"
    assert len(unquoted_words(text)) == 1
    assert len(read_menu(text)[0].modules[0].words) == 4


def test_the_newest_ordinary_kernel_is_taken() -> None:
    tree = Tree()
    for name in ("1.8-486-dbg.gz", "1.8-xen-486.gz", "1.7-486.gz"):
        tree.add(f"/boot/gnumach-{name}", FILE)
    assert find_kernel(tree) == "/boot/gnumach-1.7-486.gz"
    tree.add("/boot/gnumach-1.10-486.gz", FILE)
    tree.add("/boot/gnumach-1.10-486-smp.gz", FILE)
    tree.add("/boot/gnumach-1.8-486.gz", FILE)
    assert find_kernel(tree) == "/boot/gnumach-1.10-486.gz"
    assert find_kernel(tree, "/boot/gnumach-1.8-486.gz") == "/boot/gnumach-1.8-486.gz"
    tree.add("/boot/gnumach.gz", Node("symlink", target="nowhere"))
    assert find_kernel(tree) == "/boot/gnumach-1.10-486.gz"
    tree.add("/boot/gnumach.gz", Node("symlink", target="gnumach-1.8-486.gz"))
    assert find_kernel(tree) == "/boot/gnumach.gz"


def test_what_a_tree_lacks_is_named() -> None:
    with pytest.raises(TreeError, match="no kernel in the root tree"):
        make_menu(Tree(), MenuSettings())
    with pytest.raises(TreeError, match="/boot/mine: the kernel is not in the root tree"):
        make_menu(Tree(), MenuSettings(kernel="/boot/mine"))
    tree = Tree({"/boot/gnumach": FILE})
    with pytest.raises(TreeError, match=r"/hurd/ext2fs\.static: a boot module is not in"):
        make_menu(tree, MenuSettings())
    tree.add("/hurd/ext2fs.static", FILE)
    with pytest.raises(TreeError, match=r"/hurd/exec\.static: .* nor are /lib/ld\.so\.1"):
        make_menu(tree, MenuSettings())
    tree.add("/hurd/exec", FILE)
    tree.add("/lib/ld.so.1", FILE)
    assert menu_entries(tree, MenuSettings())[0].modules[-1].path == "/lib/ld.so.1"


@pytest.mark.parametrize("word", ["two words", "a'b", 'a"b', "a\\b", "", "a\nb"])
def test_words_that_the_kernel_cannot_take_are_refused(word: str) -> None:
    with pytest.raises(ConfigurationError, match="kernel_arguments: "):
        make_menu(system_tree(), MenuSettings(words=(word,)))


@pytest.mark.parametrize("console", ["com9", "tty", ""])
def test_consoles_that_do_not_exist_are_refused(console: str) -> None:
    with pytest.raises(ConfigurationError, match="console: "):
        make_menu(system_tree(), MenuSettings(console=console))


def test_menus_of_others_are_read() -> None:
    text = Path(__file__).with_name("grub-other.cfg").read_text()
    first, second = read_menu(text)
    assert first.title == "GNU/Hurd, with Mach 1.8"
    assert first.words == ("root=part:2:device:hd0", "console=com0")
    assert first.modules[1].words == ("exec", "/hurd/exec", "$(exec-task=task-create)")
    assert second.modules == ()
