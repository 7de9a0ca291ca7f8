"""A process that reads image files for another, and shares memory for pixels with it.

    python -m keraunos.data.files.decoding_process CONNECTION MEMORY

The arguments are two file descriptors: a connection for requests and answers, and a memory
file for the pixels. The process ends when the other end of the connection is closed.
"""

import os
import signal
import subprocess
import sys
import weakref
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, Pipe
from typing import Any

import numpy as np

from ...core.processes import describe_exit
from .decode import Pixels
from .pixel_rules import PixelRules
from .read_file import File, Inspection, inspect_files, read_into, try_read_into

# The requesting process handles the signals that are sent to the whole process group.
_IGNORED = ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2")


class ProcessLostError(Exception):
    """A process no longer answers; the message says how it ended."""


class DecodingProcess:
    """Reads image files in a process of its own.

    The process ends when this object is deleted, or when the parent process ends.

    Raises:
        OSError: The process can't be started.
    """

    def __init__(self) -> None:
        self._memory = os.memfd_create("keraunos-pixels")
        self._connection, theirs = Pipe()
        files = (theirs.fileno(), self._memory)
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, *map(str, files)],
            pass_fds=files,
            stdin=subprocess.DEVNULL,
        )
        theirs.close()
        weakref.finalize(self, _end, self._process, self._connection, self._memory)

    def read_into(self, pixels: Pixels, files: Sequence[File], rules: PixelRules) -> None:
        """See `read_file.read_into`.

        Raises:
            ProcessLostError: The process has ended.
            DataError: A file was changed or removed since it was inspected.
        """
        self._ask(_read_pixels, files, pixels.shape, rules)
        self._fetch(pixels)

    def try_read_into(
        self, pixels: Pixels, paths: Sequence[str], rules: PixelRules
    ) -> list[str]:
        """See `read_file.try_read_into`.

        Raises:
            ProcessLostError: The process has ended.
        """
        problems: list[str] = self._ask(_try_to_read_pixels, paths, pixels.shape, rules)
        self._fetch(pixels)
        return problems

    def inspect_files(
        self, paths: Sequence[str], full: bool, rules: PixelRules
    ) -> list[Inspection]:
        """See `read_file.inspect_files`.

        Raises:
            ProcessLostError: The process has ended.
        """
        found: list[Inspection] = self._ask(_inspect_files, paths, full, rules)
        return found

    def _fetch(self, pixels: Pixels) -> None:
        if os.preadv(self._memory, [pixels.data], 0) != pixels.nbytes:
            raise ProcessLostError("hands out too few pixels")

    def _ask(self, work: Callable[..., Any], *arguments: Any) -> Any:
        try:
            self._connection.send((work.__name__, arguments))
            error, answer = self._connection.recv()
        except (EOFError, OSError):
            self._process.kill()
            raise ProcessLostError(describe_exit(self._process.wait())) from None
        if error is not None:
            raise error
        return answer


def _end(process: "subprocess.Popen[bytes]", connection: Connection, memory: int) -> None:
    process.kill()  # it has no state to save
    process.wait()
    connection.close()
    os.close(memory)


def _read_pixels(
    memory: int, files: Sequence[File], shape: tuple[int, ...], rules: PixelRules
) -> None:
    pixels = np.empty(shape, np.uint8)
    read_into(pixels, files, rules)
    os.pwrite(memory, pixels.data, 0)


def _try_to_read_pixels(
    memory: int, paths: Sequence[str], shape: tuple[int, ...], rules: PixelRules
) -> list[str]:
    pixels = np.empty(shape, np.uint8)
    problems = try_read_into(pixels, paths, rules)
    os.pwrite(memory, pixels.data, 0)
    return problems


def _inspect_files(memory: int, *arguments: Any) -> list[Inspection]:
    del memory  # inspecting returns no pixels
    return inspect_files(*arguments)


_WORK = {
    work.__name__: work for work in (_read_pixels, _try_to_read_pixels, _inspect_files)
}


def _answer(memory: int, name: str, arguments: tuple[Any, ...]) -> tuple[Any, Any]:
    """Returns the error, or None and the result."""
    try:
        return None, _WORK[name](memory, *arguments)
    except Exception as error:
        return error, None


def main() -> None:
    """Answers until the other end of the connection is closed."""
    for name in _IGNORED:
        signal.signal(signal.Signals[name], signal.SIG_IGN)
    connection, memory = Connection(int(sys.argv[1])), int(sys.argv[2])
    try:
        while True:
            connection.send(_answer(memory, *connection.recv()))
    except (EOFError, OSError):
        os._exit(0)


if __name__ == "__main__":
    main()
