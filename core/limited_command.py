"""Runs a user's command with a time limit."""

import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence

from .processes import describe_exit
from .secret import TOKEN_VARIABLE

_MOST_SHOWN = 300


def run_limited(
    command: Sequence[str],
    text: str,
    variables: Mapping[str, str],
    timeout_seconds: float,
) -> str | None:
    """Runs a program without a shell, in its own session.

    Args:
        command: The program and its arguments.
        text: Its standard input.
        variables: Environment variables in addition to those of this process, except the
            secret of workers.
        timeout_seconds: Time after which it is killed, with all processes it has started.

    Returns:
        What went wrong, or None.

    Example:
        >>> run_limited(["cat"], "hello", {}, 10.0)
        >>> run_limited(["false"], "", {}, 10.0)
        'it ended with code 1'
    """
    environment = {k: v for k, v in os.environ.items() if k != TOKEN_VARIABLE}
    with tempfile.TemporaryFile() as errors, tempfile.TemporaryFile() as given:
        given.write(text.encode())
        given.seek(0)
        try:
            process = subprocess.Popen(
                list(command),
                stdin=given,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                env={**environment, **variables},
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            return f"it can't be run ({error})"
        try:
            code = process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return f"it took longer than {timeout_seconds:g} seconds and was killed"
        if code == 0:
            return None
        errors.seek(0)
        shown = errors.read(_MOST_SHOWN).decode(errors="replace").strip()
        return f"it {describe_exit(code)}" + (f": {shown}" if shown else "")
