"""The exit codes of the command line, for programs of users."""

import contextlib
import sys
from collections.abc import Iterator

from .console import PlainConsole
from .errors import KeraunosError


@contextlib.contextmanager
def exit_codes() -> Iterator[None]:
    """Ends the process on an error of Keraunos as the command `keraunos` would.

    Schedulers can then tell a lost worker, which is started again, from an error that would
    occur again. Other exceptions pass.

    Raises:
        SystemExit: With the exit code of the error, whose message is on standard error; see
            `docs/exit-codes.md`.

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
        yield
    except KeraunosError as error:
        PlainConsole(file=sys.stderr).notify(f"error: {error}")
        raise SystemExit(error.exit_code) from error
