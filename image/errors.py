"""What can go wrong while an image is built, looked at or booted, and the exit status of each.

Every error is one message that names the offending thing; `hurd-image` prints it and ends with the
error's `exit_code`.  Whatever else reaches the user as a traceback is a bug.
"""

from __future__ import annotations

from typing import ClassVar


class ExitCode:
    """The exit statuses of `hurd-image`, in one place."""

    FINE: ClassVar[int] = 0
    FAILED: ClassVar[int] = 1  # a build, a check or a command in the virtual machine failed
    USAGE: ClassVar[int] = 2  # options or configuration
    MISSING_TOOL: ClassVar[int] = 3
    NO_SPACE: ClassVar[int] = 4  # on the builder's disk, or in the filesystem of the image
    ARCHIVE: ClassVar[int] = 5  # a package archive: unreachable, unsigned, corrupt
    IN_USE: ClassVar[int] = 6
    NOT_AN_IMAGE: ClassVar[int] = 7
    INTERRUPTED: ClassVar[int] = 130  # as a shell says it of SIGINT


class ImageError(Exception):
    """Base of all; its text is what the user reads."""

    exit_code: ClassVar[int] = ExitCode.FAILED


class MissingTool(ImageError):
    """A program of the builder's machine is not there."""

    exit_code = ExitCode.MISSING_TOOL

    def __init__(self, tool: str, debian_package: str) -> None:
        super().__init__(f"{tool}: not found; install the Debian package {debian_package}")
        self.tool = tool
        self.debian_package = debian_package


class ToolFailed(ImageError):
    """A program ended with an error; `output` is what it said (its last lines are in the text)."""

    def __init__(self, tool: str, status: int, output: str) -> None:
        how = f"was ended by signal {-status}" if status < 0 else f"failed with status {status}"
        said = "\n".join(output.strip().splitlines()[-12:])
        super().__init__(f"{tool} {how}" + (f":\n{said}" if said else ""))
        self.tool = tool
        self.status = status
        self.output = output


class ConfigurationError(ImageError):
    """A key of the configuration, or an option, has a value that cannot be used."""

    exit_code = ExitCode.USAGE

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(f"{key}: {problem}" if key else problem)
        self.key = key


class TreeError(ImageError):
    """The root tree contradicts itself, or holds what the image's filesystem cannot."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.path = path


class NoSpace(ImageError):
    """The image's filesystem or the builder's disk is too small; the text has the figures."""

    exit_code = ExitCode.NO_SPACE


class ArchiveError(ImageError):
    """A package archive cannot be reached or is not signed, or a package is corrupt."""

    exit_code = ExitCode.ARCHIVE


class ImageInUse(ImageError):
    """Another program, such as a virtual machine, has the image open."""

    exit_code = ExitCode.IN_USE

    def __init__(self, path: object) -> None:
        super().__init__(f"{path}: in use by another program (a virtual machine that runs it?)")


class NotAnImage(ImageError):
    """A file is no disk image, or is damaged; the text says what was not found."""

    exit_code = ExitCode.NOT_AN_IMAGE


class CheckFailed(ImageError):
    """The self-check found faults in a finished image; the text lists them."""
