"""Replay a stranger's first hour: what README.md says, to the letter, in an empty Debian.

The root directory is what ``mmdebstrap --variant=minbase`` makes, with a clone of the last commit
in it and nothing else.  Every command of README.md's first sections is run there in the order of
the page, as root of namespaces of its own; the page may ask for nothing that is not on it.  Needs
root, mmdebstrap, Debian's archive and PyPI; takes a few minutes longer than the tests do.

    python3 -m tests.first_hour [--suite trixie] [--certificates FILE] [--only TEXT] [--keep]

Exit status: 0 if every command succeeded in time, 1 if one did not, 2 if the root cannot be made.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
CLONE = "/srv/drover"
# The sections whose indented lines are commands, and the minutes that these may take.
SECTIONS = ("Try it", "Install")
LIMITS = {"scripts/demo": 2.0, "scripts/test": 15.0}
OTHERS_LIMIT = 5.0
# How this machine reaches the archives of packages is no part of the page.
SETTINGS = ("/etc/apt/apt.conf.d", "/etc/resolv.conf")
PASSED_ON = re.compile(r"PIP_(EXTRA_)?INDEX_URL$|PIP_DEFAULT_TIMEOUT$|(https?|no)_proxy$", re.I)
CERTIFICATES = "/root/certificates.pem"

_ENTER = r"""
set -eu
root=$1; shift
mount --make-rprivate /
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount --rbind /sys "$root/sys"
for path; do
    if [ -d "$path" ]; then mkdir -p "$root$path"; else : >>"$root$path"; fi
    mount --bind "$path" "$root$path"
done
# The shell stays, as PID 1 that reaps orphans.
exec chroot "$root" /bin/bash -c "cd $CLONE && $COMMAND; exit \$?" </dev/null
"""


def commands(page: str) -> list[str]:
    """The commands of README.md, in its order."""
    found = []
    for title in SECTIONS:
        match = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
        if match is None:
            raise ValueError(f"README.md has no section {title!r}")
        found += [line.strip() for line in re.findall(r"^    .+$", match[1], re.MULTILINE)]
    return found


def example(page: str) -> str:
    """The example at the top of README.md, as what a shell does with the installed commands."""
    head = page[: page.index("\n## ")]
    configuration = re.search(r"^    (\(.*?)^\S", head, re.MULTILINE | re.DOTALL)
    typed = re.findall(r"^    \$ (.+)\n(?:    ([^$ ].*)\n)?", head, re.MULTILINE)
    if configuration is None or not typed:
        raise ValueError("README.md has no example")
    # The daemon needs its moment, which somebody who types leaves it.
    lines = ["set -e", "cd /tmp", "PATH=/opt/drover/bin:$PATH"]
    lines += [f"printf %s {shlex.quote(configuration[1])} > web.scm"]
    for command, printed in typed:
        lines.append(f'test "$({command})" = {shlex.quote(printed)}' if printed else command)
        if command.endswith("&"):
            lines.append(
                "timeout 10 sh -c 'until test -S /run/shepherd/socket; do sleep 0.1; done'"
            )
    return "\n".join([*lines, "herd status web", "herd stop root"])


def make_root(root: Path, suite: str) -> None:
    """An empty Debian with a clone of the last commit; raises CalledProcessError."""
    subprocess.run(["mmdebstrap", "--quiet", "--variant=minbase", suite, str(root)], check=True)
    clone = root / CLONE.lstrip("/")
    subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", REPOSITORY, clone], check=True)


def run(root: Path, command: str) -> tuple[int, float]:
    """Run a command in the root; its exit status and the seconds it took."""
    environment = {name: value for name, value in os.environ.items() if PASSED_ON.match(name)}
    environment |= {"HOME": "/root", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "TERM": "dumb"}
    environment |= {"CLONE": CLONE, "COMMAND": command}
    if (root / CERTIFICATES.lstrip("/")).exists():
        environment |= {"PIP_CERT": CERTIFICATES, "SSL_CERT_FILE": CERTIFICATES}
    shared = [path for path in SETTINGS if Path(path).exists()]
    enter = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", _ENTER, "sh"]
    began = time.monotonic()
    done = subprocess.run([*enter, root, *shared], env=environment, check=False)
    return done.returncode, time.monotonic() - began


def replay(root: Path, only: str) -> int:
    """Run the page's commands that contain ``only``; how many failed or took too long."""
    failed = 0
    page = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    steps = [(command, command) for command in commands(page)]
    for name, command in [*steps, ("the example, installed", example(page))]:
        if only not in name:
            continue
        print(f"first hour: {name}", flush=True)
        status, seconds = run(root, command)
        limit = LIMITS.get(shlex.split(command)[0], OTHERS_LIMIT) * 60
        late = f", more than {limit:.0f} s" if seconds > limit else ""
        print(f"first hour: {name}: status {status}, {seconds:.0f} s{late}", flush=True)
        failed += status != 0 or bool(late)
    return failed


def main() -> int:
    """Make the root, run the page."""
    parser = argparse.ArgumentParser(
        prog="python3 -m tests.first_hour",
        description="Run every command of README.md, in its order, in an empty Debian.",
    )
    parser.add_argument("--suite", default="trixie", help="a release of Debian (trixie)")
    parser.add_argument("--certificates", help="of the authorities that this network trusts too")
    parser.add_argument("--only", default="", help="run the commands with this text only")
    parser.add_argument("--keep", action="store_true", help="leave the root where it is")
    options = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="drover-first-hour.", dir="/var/tmp"))
    root.chmod(0o755)
    try:
        make_root(root, options.suite)
        if options.certificates:
            shutil.copy(options.certificates, root / CERTIFICATES.lstrip("/"))
        return 1 if replay(root, options.only) else 0
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"first hour: the root cannot be made: {error}", file=sys.stderr)
        return 2
    finally:
        if options.keep:
            print(f"first hour: the root is {root}")
        else:
            shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
