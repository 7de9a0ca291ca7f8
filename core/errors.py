"""The errors of Keraunos and their exit codes.

Every message follows one format: what was expected, what was received, what to do.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from .redaction import redacted
from .suggestion import Suggestion

LONGEST = 500  # maximum number of characters of a value in a message


class KeraunosError(Exception):
    """Base class of all errors that Keraunos raises deliberately.

    Args:
        text: The message.
        *suggestions: Settings that avoid the error, for the end of the message.

    Attributes:
        exit_code: Exit status of the command line for this kind of error.
        suggestions: The suggested settings.
        names_arguments: Whether the message suggests arguments in Python. By default, and
            in logs, it suggests settings as on the command line and in YAML.
    """

    exit_code = 1
    names_arguments = False

    def __init__(self, text: str = "", *suggestions: Suggestion) -> None:
        super().__init__(text, *suggestions)
        self.suggestions = suggestions

    def __str__(self) -> str:
        """Returns the message and its suggestions, each on its own line after a list."""
        text = str(self.args[0])
        words = [
            each.as_arguments() if self.names_arguments else each.as_settings()
            for each in self.suggestions
        ]
        return ("\n" if "\n" in text else " ").join([text, *words])


class ConfigError(KeraunosError, ValueError):
    """A request can't be carried out: an invalid setting, device, path or weight file."""

    exit_code = 2


class DataError(KeraunosError, ValueError):
    """The images or their labels would spoil the run."""

    exit_code = 3


class CheckpointError(KeraunosError, RuntimeError):
    """A checkpoint can't be written, or none can be read."""

    exit_code = 4


class DivergedError(KeraunosError, ArithmeticError):
    """The loss or a gradient is no longer a finite number."""

    exit_code = 5


class WorkerError(KeraunosError, RuntimeError):
    """Another worker was lost or has never connected; checkpoints are intact."""

    exit_code = 6


class OutOfMemoryError(KeraunosError, MemoryError):
    """A device or the machine is out of memory."""

    exit_code = 7


class SearchError(KeraunosError, RuntimeError):
    """Every trial of a search failed."""

    exit_code = 8


class SelfTestError(KeraunosError, RuntimeError):
    """A check of the self-test failed on this machine."""

    exit_code = 9


@contextlib.contextmanager
def suggesting_arguments(are_arguments: bool = True) -> Iterator[None]:
    """Lets errors that pass suggest arguments in Python, or settings as typed.

    The outermost decides: what the user called.

    Args:
        are_arguments: Whether the user called a function of Python.

    Example:
        >>> with suggesting_arguments():
        ...     raise DataError("Bad.", Suggestion("Try", {"data.on_leak": "drop"}, "."))
        Traceback (most recent call last):
        keraunos.core.errors.DataError: Bad. Try on_leak="drop".
    """
    try:
        yield
    except KeraunosError as error:
        error.names_arguments = are_arguments
        raise


def message(expected: str, remedy: str = "", /, **received: object) -> str:
    """Formats an error message in the form that all errors of Keraunos share.

    Args:
        expected: What was expected, as a full sentence.
        remedy: What to do about it, as a full sentence.
        **received: The offending values by name.

    Returns:
        The three parts in one line.

    Example:
        >>> message("`epochs` must be at least 1.", "Try epochs=10.", epochs=0)
        '`epochs` must be at least 1. Received: epochs=0. Try epochs=10.'
    """
    values = ", ".join(
        f"{name}={_short_repr(redacted(value, name))}" for name, value in received.items()
    )
    parts = [expected, f"Received: {values}." if received else "", remedy]
    return " ".join(part for part in parts if part)


def unusable_run_dir(directory: Path, wanted: str, why: str) -> ConfigError:
    """Returns the error for a directory that can't be used for a run or a search.

    Args:
        directory: The value of `run_dir`.
        wanted: What it may contain, such as `"a run to resume"`.
        why: What is wrong with it.
    """
    return ConfigError(
        message(
            f"`run_dir` must be new, empty or {wanted}; {why}.",
            "Choose another name, or leave run_dir out to get a new one.",
            run_dir=str(directory),
        )
    )


def reason_of(error: Exception) -> str:
    """Returns the reason for an error, as the operating system describes it if possible.

    Example:
        >>> reason_of(FileNotFoundError(2, "No such file or directory", "a.csv"))
        'No such file or directory'
        >>> reason_of(ValueError("it is empty"))
        'it is empty'
    """
    return (isinstance(error, OSError) and error.strerror) or str(error)


def _short_repr(value: object) -> str:
    """Returns the repr of a value, shortened if it is long."""
    try:
        text = repr(value)
    except ValueError:  # a whole number with more digits than Python writes
        return f"<{type(value).__name__}>"
    return shortened(text)


def shortened(text: str) -> str:
    """Returns text, shortened if it is long."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}... ({len(text)} characters)"
