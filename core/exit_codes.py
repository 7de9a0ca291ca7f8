"""The exit codes of the command line, for programs of users."""

import contextlib
import sys
from collections.abc import Iterator
from types import TracebackType

from .cluster import names_workers
from .console import PlainConsole
from .errors import KeraunosError, WorkerError

# Whether an interrupted fit ends the process: of each open block, the innermost last.
_ends_process: list[bool] = []


@contextlib.contextmanager
def exit_codes() -> Iterator[None]:
    """Ends the process as the command `keraunos` would, on an error or an interruption.

    Schedulers can then tell a lost worker, which is started again, from an error that would
    occur again, and a fit that was interrupted from one that is finished. Other exceptions
    pass. A program that several workers run needs no such block after `init_workers`.

    Raises:
        SystemExit: With the exit code of the error, whose message is on standard error; or
            with 128 + signal, once the state of the fit is saved. See `docs/exit-codes.md`.

    Example:
        >>> from keraunos import WorkerError
        >>> try:
        ...     with exit_codes():
        ...         raise WorkerError("worker 1 is gone")
        ... except SystemExit as end:
        ...     print(end.code)
        6
    """
    try:
        with _interruptions_end_process(True):
            yield
    except KeraunosError as error:
        _write(error)
        raise SystemExit(error.exit_code) from error


@contextlib.contextmanager
def interruptions_returned() -> Iterator[None]:
    """Lets an interrupted fit return its result, which the block then reports."""
    with _interruptions_end_process(False):
        yield


def end_if_interrupted(exit_code: int) -> None:
    """Ends the process after an interrupted fit, where its exit code is read by others.

    This is so within `exit_codes`, and in a worker of a cluster. Otherwise, its program
    would continue as if it had trained to the end, and no scheduler would restart it.

    Args:
        exit_code: Exit code of the fit: 128 + signal, or 0 if there was no signal.

    Raises:
        SystemExit: With this exit code.
    """
    in_worker = names_workers() and not _is_interactive()
    if exit_code and (_ends_process[-1] if _ends_process else in_worker):
        raise SystemExit(exit_code)


def exit_with_code_of_error() -> None:
    """Ends the process with the exit code of an uncaught error of Keraunos, from now on.

    Python's own is 1 for all. Nothing changes in an interactive session.
    """
    if sys.excepthook is not _end_process and not _is_interactive():
        _previous_hooks[:] = [sys.excepthook]
        sys.excepthook = _end_process


_previous_hooks = [sys.__excepthook__]


def _end_process(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    if isinstance(error, WorkerError):  # it happened elsewhere
        _write(error)
    else:
        _previous_hooks[0](kind, error, trace)
    if isinstance(error, KeraunosError):
        raise SystemExit(error.exit_code)


@contextlib.contextmanager
def _interruptions_end_process(ends: bool) -> Iterator[None]:
    _ends_process.append(ends)
    try:
        yield
    finally:
        _ends_process.pop()


def _write(error: KeraunosError) -> None:
    PlainConsole(file=sys.stderr).notify(f"error: {error}")


def _is_interactive() -> bool:
    return "ps1" in vars(sys)
