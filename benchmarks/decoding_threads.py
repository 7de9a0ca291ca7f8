"""Measures how much decoding threads block each other; used by `input_pipeline.py`.

Python runs one thread at a time. Pillow releases the GIL while it decodes and resizes in C,
and so does hashing; the rest of the work for an image can't run in two threads at once.
"""

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from PIL import Image

MOST_FILES = 64
THREADS = (1, 2, 4, 8, 16)
ROUNDS = 5

Work = Callable[..., Any]


def contention(folder: Path, size: int) -> dict[str, Any]:
    """Measures Python milliseconds per image, and images per second by number of threads.

    To simulate one CPU per thread, work in C is replaced by sleeping equally long.
    """
    from keraunos.data.files.pixel_rules import DEFAULT_RULES
    from keraunos.data.files.read_file import read_into

    paths = sorted(folder.glob("*/*.jpg"))[:MOST_FILES]
    files = [(str(path), hashlib.sha256(path.read_bytes()).digest()) for path in paths]
    pixels = np.empty((len(files), size, size, 3), np.uint8)

    def read_all() -> None:
        read_into(pixels, files, DEFAULT_RULES)

    read_all()
    in_python, in_c = min(_divided(read_all) for _ in range(ROUNDS))
    with _replaced(lambda work: _slept(work, in_c / len(files), size)):
        rates = {str(n): _repetitions(n, read_all) * len(files) for n in THREADS}
    return {"in_python_ms": 1000 * in_python / len(files), "images_per_second": rates}


def _divided(work: Callable[[], None]) -> tuple[float, float]:
    """Returns CPU seconds spent in Python and in C."""
    in_c: list[float] = []
    with _replaced(lambda each: _timed(each, in_c)):
        start = time.thread_time()
        work()
        return time.thread_time() - start - sum(in_c), sum(in_c)


@contextmanager
def _replaced(replace: Callable[[Work], Work]) -> Iterator[None]:
    """Patches `decode`, `resize` and `sha256` with functions derived from them."""
    from keraunos.data.files import read_file

    private: Any = Image
    make_decoder = private._getdecoder

    def decoder(*arguments: Any) -> Any:
        made = make_decoder(*arguments)
        return _Decoder(made, replace(made.decode))

    with (
        patch.object(Image, "_getdecoder", decoder),
        patch.object(Image.Image, "resize", replace(Image.Image.resize)),
        patch.object(read_file, "sha256", replace(hashlib.sha256)),
    ):
        yield


class _Decoder:
    """A decoder of Pillow with another `decode`."""

    def __init__(self, decoder: Any, decode: Work) -> None:
        self._decoder = decoder
        self.decode = decode

    def __getattr__(self, name: str) -> Any:
        return getattr(self._decoder, name)


def _timed(work: Work, seconds: list[float]) -> Work:
    def measured(*arguments: Any) -> Any:
        start = time.thread_time()
        try:
            return work(*arguments)
        finally:
            seconds.append(time.thread_time() - start)

    return measured


def _slept(work: Work, seconds: float, size: int) -> Work:
    """Replaces decoding by sleeping and resizing by nothing; keeps hashing."""
    small = Image.new("RGB", (size, size))

    def sleep(_: bytes) -> tuple[int, int]:
        time.sleep(seconds)
        return -1, 0  # everything is decoded without an error

    others: dict[Work, Work] = {Image.Image.resize: lambda *_: small, hashlib.sha256: work}
    return others.get(work, sleep)


def _repetitions(count: int, work: Callable[[], None]) -> float:
    """Returns how often threads together complete some work per second."""
    threads = [threading.Thread(target=work) for _ in range(count)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return count / (time.perf_counter() - start)
