"""The logins of an image: users, passwords, keys."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from image.accounts import apply_users
from image.errors import ConfigurationError
from image.settings import Configuration, DirectorySource, User
from image.tree import Tree
from tests.image.trees import content, tree_of

TIME = 1_750_000_000
NOWHERE = Configuration(source=DirectorySource(Path("/nonexistent")))


def test_logins_are_made(tmp_path: Path) -> None:
    tree = tree_of({
        "/etc/passwd": "root:*:0:0:root:/root:/bin/bash\nann:x:1000:1000::/home/ann:/bin/sh\n",
        "/etc/group": "root:*:0:\nshadow:*:42:\nsudo:*:27:carl\n",
        "/etc/skel/.profile": "umask 022\n",
        "/bin/bash": "bash",
    })  # fmt: skip
    users = [
        User("root", "$6$root$hash"),
        User("bob", "$6$bob$hash", ("ssh-ed25519 AAAA bob",), groups=("sudo",), home="/home/bob"),
    ]
    apply_users(tree, users, TIME)
    passwd = content(tree, "/etc/passwd").decode().splitlines()
    assert passwd[0] == "root:x:0:0:root:/root:/bin/bash"
    assert passwd[2] == "bob:x:1001:1001::/home/bob:/bin/bash"
    assert content(tree, "/etc/group").decode() == (
        "root:*:0:\nshadow:*:42:\nsudo:*:27:carl,bob\nbob:x:1001:\n"
    )
    day = TIME // 86400
    shadow = content(tree, "/etc/shadow").decode().splitlines()
    assert shadow[0] == f"root:$6$root$hash:{day}:0:99999:7:::"
    assert shadow[1].startswith("ann:*:")
    assert (tree["/etc/shadow"].mode, tree["/etc/shadow"].gid) == (0o640, 42)
    home = tree["/home/bob"]
    assert (home.mode, home.uid, home.gid) == (0o700, 1001, 1001)
    assert tree["/home/bob/.profile"].uid == 1001
    keys = tree["/home/bob/.ssh/authorized_keys"]
    assert (keys.mode, keys.uid, keys.content) == (0o600, 1001, b"ssh-ed25519 AAAA bob\n")
    assert tree["/home/bob/.ssh"].mode == 0o700


def test_a_tree_without_any_logins_gets_roots() -> None:
    tree = tree_of({"/bin/sh": "sh"})
    accounts = apply_users(tree, [User("root", "")], TIME)
    assert content(tree, "/etc/passwd") == b"root:x:0:0:root:/root:/bin/sh\n"
    assert content(tree, "/etc/shadow").startswith(b"root::")
    assert accounts.login_possible()


def test_whether_anybody_can_log_in_is_known() -> None:
    locked = User("root")
    assert not apply_users(Tree(), [locked], TIME).login_possible()
    key = ("ssh-ed25519 AAAA",)
    assert apply_users(Tree(), [replace(locked, ssh_keys=key)], TIME).login_possible()


@pytest.mark.parametrize(
    ("user", "message"),
    [
        (User("bob", groups=("sodu",)), "user.groups: bob: there is no group sodu"),
        (User("bob", uid=1000), "user.uid: bob: 1000 belongs to another user"),
        (User("bob", shell="/bin/fish"), "user.shell: /bin/fish is not in the image"),
    ],
)
def test_logins_that_contradict_the_image_are_named(user: User, message: str) -> None:
    tree = tree_of({"/etc/passwd": "ann:x:1000:1000::/home/ann:/bin/sh\n", "/bin/sh": "sh"})
    with pytest.raises(ConfigurationError) as caught:
        apply_users(tree, [user], TIME)
    assert str(caught.value) == message
