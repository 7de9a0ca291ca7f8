"""Reads image files in parallel: in threads or, with many CPUs, in processes.

A fifth to a quarter of the time for an image is spent in Python under the global
interpreter lock, so more than four threads wait for each other. Processes have no such
limit.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain, islice
from types import TracebackType
from typing import Protocol, Self, TypeVar

import numpy as np

from ...core.console import notify
from ...core.environment import number_of, usable_cpus
from .decode import Pixels
from .decoding_process import DecodingProcess, ProcessLostError
from .pixel_rules import PixelRules
from .read_file import File, Inspection, inspect_files, read_into, try_read_into

PROCESSES_VARIABLE = "KERAUNOS_DECODING_PROCESSES"
CPUS_FOR_THREADS = 4  # more can't be kept busy by threads
FILES_FOR_THREADS = 2000  # fewer are read before processes would have started

AT_ONCE = 4  # files per request, to save overhead

_MOST_PROCESSES = 64

Item = TypeVar("Item")
Result = TypeVar("Result")


class Reader(Protocol):
    """Reads image files one after another; see `read_file`."""

    def read_into(self, pixels: Pixels, files: Sequence[File], rules: PixelRules) -> None:
        """Decodes files that were inspected."""

    def try_read_into(
        self, pixels: Pixels, paths: Sequence[str], rules: PixelRules
    ) -> list[str]:
        """Decodes files that were not inspected."""

    def inspect_files(
        self, paths: Sequence[str], full: bool, rules: PixelRules
    ) -> list[Inspection]:
        """Hashes files, and checks that each can be decoded."""


class _InThisProcess:
    read_into = staticmethod(read_into)
    try_read_into = staticmethod(try_read_into)
    inspect_files = staticmethod(inspect_files)


class ParallelReader:
    """Reads image files in parallel.

    Each of its threads reads in this process or, if that is faster, in a process of its
    own. The results are the same. A thread whose process is lost continues in this one.

    Args:
        num_files: Number of files to read.
    """

    def __init__(self, num_files: int) -> None:
        self._processes = num_processes(num_files)
        self._num_threads = self._processes or usable_cpus()
        self._own = threading.local()
        self._threads = ThreadPoolExecutor(
            self._num_threads,
            thread_name_prefix="keraunos-decoding",
            initializer=_start,
            initargs=(self._own, self._processes > 0),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._threads.shutdown(cancel_futures=True)

    def inspect(
        self, paths: Sequence[str], full: bool, rules: PixelRules
    ) -> Iterator[Inspection]:
        """Inspects files in order; see `read_file.inspect_files`."""

        def inspect_some(reader: Reader, part: slice) -> list[Inspection]:
            return reader.inspect_files(paths[part], full, rules)

        return chain.from_iterable(self.map(inspect_some, _parts(len(paths), AT_ONCE)))

    def read(self, files: Sequence[File], size: int, rules: PixelRules) -> Iterator[Pixels]:
        """Decodes files in order to `(size, size, 3)` RGB, uint8.

        Raises:
            DataError: A file was changed or removed since it was inspected.
        """

        def read_some(reader: Reader, part: slice) -> Pixels:
            pixels = np.empty((len(files[part]), size, size, 3), np.uint8)
            reader.read_into(pixels, files[part], rules)
            return pixels

        return chain.from_iterable(self.map(read_some, _parts(len(files), AT_ONCE)))

    def read_batch(self, files: Sequence[File], size: int, rules: PixelRules) -> Pixels:
        """Decodes files as `read` does, into one array `(files, size, size, 3)`.

        Without processes, the calling thread decodes, because several batches are read at
        once in any case.
        """
        images = np.empty((len(files), size, size, 3), np.uint8)
        if not self._processes:
            read_into(images, files, rules)
            return images

        def read_some(reader: Reader, part: slice) -> None:
            reader.read_into(images[part], files[part], rules)

        parts = _parts(len(files), -(-len(files) // self._num_threads))
        deque(self.map(read_some, parts), maxlen=0)
        return images

    def map(
        self,
        work: Callable[[Reader, Item], Result],
        items: Iterable[Item],
        at_least: int = 0,
    ) -> Iterator[Result]:
        """Maps items in order over threads, with a bounded number of pending results.

        Args:
            work: Function of a reader and an item.
            items: Any number of items, consumed lazily.
            at_least: Minimum number of results to compute ahead.
        """
        remaining = iter(items)
        waiting: list[Future[Result]] = [
            self._threads.submit(self._run_with_fallback, work, item)
            for item in islice(remaining, max(2 * self._num_threads, at_least))
        ]
        while waiting:
            yield waiting.pop(0).result()
            waiting += [
                self._threads.submit(self._run_with_fallback, work, item)
                for item in islice(remaining, 1)
            ]

    def _run_with_fallback(
        self, work: Callable[[Reader, Item], Result], item: Item
    ) -> Result:
        try:
            return work(self._own.reader, item)
        except ProcessLostError as error:
            notify(f"a decoding process {error}; its files are decoded in this process")
            self._own.reader = _InThisProcess
            return work(self._own.reader, item)


def _parts(total: int, size: int) -> list[slice]:
    return [slice(first, first + size) for first in range(0, total, max(size, 1))]


def num_processes(num_files: int) -> int:
    """Returns the number of processes that read the files; 0 for threads of this one.

    Raises:
        ConfigError: $KERAUNOS_DECODING_PROCESSES is not a number.
    """
    cpus = usable_cpus()
    pays = cpus > CPUS_FOR_THREADS and num_files >= FILES_FOR_THREADS
    default = min(cpus, _MOST_PROCESSES) if pays else 0
    return int(
        number_of(PROCESSES_VARIABLE, default, "processes", at_most=1024, is_whole=True)
    )


def _start(own: threading.local, in_process: bool) -> None:
    own.reader = _InThisProcess
    if in_process:
        try:
            own.reader = DecodingProcess()
        except OSError as error:
            notify(f"a decoding process can't be started ({error.strerror})")
