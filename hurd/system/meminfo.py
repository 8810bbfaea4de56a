"""Memory and swap as /proc tells them, on Linux and (once it is there) on the Hurd."""

from __future__ import annotations

from hurd.system.machine import Memory
from hurd.system.mounts import unescaped


def memory(path: str = "/proc/meminfo") -> Memory | None:
    """The sizes; None without that file, or if it says too little."""
    sizes: dict[str, int] = {}
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            for line in file:
                name, _, rest = line.decode("ascii", "replace").partition(":")
                number = rest.split()[:1]
                if number and number[0].isdecimal():
                    sizes[name] = int(number[0]) * 1024
    except OSError:
        return None
    if "MemTotal" not in sizes or "MemFree" not in sizes:
        return None
    free = sizes["MemFree"] + sizes.get("Buffers", 0) + sizes.get("Cached", 0)
    return Memory(
        sizes["MemTotal"],
        sizes.get("MemAvailable", free),
        sizes.get("SwapTotal", 0),
        sizes.get("SwapFree", 0),
    )


def swap_devices(path: str = "/proc/swaps") -> list[str]:
    """What is paged to, in the kernel's order."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            lines = file.readlines()[1:]
    except OSError:
        return []
    return [unescaped(line.split()[0]) for line in lines if line.strip()]
