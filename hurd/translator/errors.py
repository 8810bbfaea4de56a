"""What goes wrong with translators: an error, and the node or program that it is about."""

from __future__ import annotations

from hurd.errors import HurdError, HurdUnavailable


class TranslatorError(HurdError):
    """A routine failed for `subject`, the node or the program that a message has to name.

    `errno`, `routine` and `strerror` are those of the call; `str` is "SUBJECT: REASON".
    """

    def __init__(self, code: int, routine: str, text: str | None, subject: str) -> None:
        super().__init__(code, routine, text)
        self.subject = subject
        # What users of OSError look for.
        self.filename = subject

    @classmethod
    def about(cls, subject: str, error: HurdError) -> TranslatorError:
        """The error `error`, said of `subject`."""
        text = str(error) if isinstance(error, HurdUnavailable) else error.strerror
        return cls(error.errno, error.routine, text, subject)

    def __str__(self) -> str:
        return f"{self.subject}: {self.strerror}"

    def __reduce__(self) -> tuple[type[TranslatorError], tuple[int, str, str, str]]:  # type: ignore[override]
        return type(self), (self.errno, self.routine, self.strerror, self.subject)


class Naming:
    """A `with` in which any other error of the Hurd is said of `subject`."""

    __slots__ = ("subject",)

    def __init__(self, subject: str) -> None:
        self.subject = subject

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, HurdError) and not isinstance(error, TranslatorError):
            raise TranslatorError.about(self.subject, error) from error


class NoRecordError(TranslatorError):
    """A node that has no passive translator was to be started from its record."""
