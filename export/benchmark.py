"""Measures latency and throughput of models for several batch sizes, side by side."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from .latency import Timings, time_side_by_side
from .portable.model import Model

Images = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Subject:
    """A model to benchmark.

    Attributes:
        name: Name in the table.
        format: Format of the export, or `run`.
        model: The model.
        device: The device that it runs on.
    """

    name: str
    format: str
    model: Model
    device: str = "CPU"


@dataclass(frozen=True)
class Row:
    """The speed of a model with a batch size.

    Attributes:
        model: Name of the model.
        format: Format of the export, or `run`.
        device: The device that it runs on.
        batch_size: Images per call.
        p50_ms: Median time of a call in milliseconds.
        p99_ms: 99th percentile of the time of a call in milliseconds; None for fewer than
            100 calls.
        images_per_second: Throughput over all calls.
        calls: Number of timed calls.
        decode_ms: Median time to decode an image file for this model in milliseconds,
            which is not part of the other times.
    """

    model: str
    format: str
    device: str
    batch_size: int
    p50_ms: float
    p99_ms: float | None
    images_per_second: float
    calls: int
    decode_ms: float


def benchmark(
    subjects: Sequence[Subject],
    batch_sizes: Sequence[int],
    contents: Sequence[bytes],
    seconds: float,
) -> list[Row]:
    """Times models in alternation.

    Args:
        subjects: The models.
        batch_sizes: Images per call.
        contents: Bytes of at least one image file; the decoded images fill the batches.
        seconds: Time in seconds for each model and batch size, and for decoding.

    Returns:
        A row for each model and batch size.

    Raises:
        UndecodableError: A file can't be decoded.
    """
    readers = {_reading(each.model): each.model for each in subjects}
    calls: list[Callable[[], object]] = [
        partial(_decode_next, model, itertools.cycle(contents))
        for model in readers.values()
    ]
    cells = list(itertools.product(subjects, batch_sizes))
    pixels = {
        key: np.stack([model.decode(each) for each in contents])
        for key, model in readers.items()
    }
    for subject, size in cells:
        images = np.resize(pixels[_reading(subject.model)], (size, *_shape(subject.model)))
        columns = subject.model.columns
        beside = None if columns is None else columns.typical_cells(size)
        calls.append(partial(subject.model.answers, images, beside))
    timings = time_side_by_side(calls, seconds)
    decoding = dict(zip(readers, timings, strict=False))
    return [
        _row(subject, size, timing, decoding[_reading(subject.model)])
        for (subject, size), timing in zip(cells, timings[len(readers) :], strict=True)
    ]


def _reading(model: Model) -> tuple[object, ...]:
    """Returns the settings that decoding depends on; models with equal ones share times."""
    return model.image_size, model.description.rules


def _shape(model: Model) -> tuple[int, int, int]:
    return model.image_size, model.image_size, 3


def _decode_next(model: Model, contents: "itertools.cycle[bytes]") -> object:
    return model.decode(next(contents))


def _row(subject: Subject, size: int, timings: Timings, decoding: Timings) -> Row:
    return Row(
        subject.name,
        subject.format,
        subject.device,
        size,
        timings.p50_ms,
        timings.p99_ms,
        size * timings.calls_per_second,
        len(timings.seconds),
        decoding.p50_ms,
    )
