"""Measures an int8 export before it is kept."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from ...core.errors import ConfigError, message
from ...core.machine import processor, usable_cores
from ...data.image_split import ImageSplit
from ..export_model import Exporter
from ..latency import time_side_by_side
from ..parity import TOLERANCE, check_parity
from ..portable.model import Model
from .judgement import Floats, QuantizedPredictions

LATENCY_SECONDS = 2.0
# Between this process and that of `predict.py`: summing floats in another order can change
# a rounded value by one.
_OWN_TOLERANCE = 0.01
_BATCH = 32


def require_faithful(float32: Model, exporter: Exporter) -> None:
    """Checks that the float32 file, which is quantized, has the outputs of the model.

    Raises:
        ConfigError: Its outputs differ from those of the model.
    """
    found = _ask(float32, exporter.images.pixels)
    difference = float(np.abs(found - exporter.probabilities).max())
    if not difference <= TOLERANCE:  # NaN included
        raise ConfigError(
            message(
                "The outputs of the float model for quantization must equal those of the "
                f"original within {TOLERANCE:g}; nothing was written.",
                "Export it without --int8 to learn more.",
                largest_difference=difference,
            )
        )


def require_the_same_on_its_own(int8: Model, directory: Path, exporter: Exporter) -> None:
    """Checks that an export predicts the same for image files as for decoded images.

    Scores are measured on images that the run decodes; `predict.py` decodes them itself.

    Raises:
        ConfigError: The predictions differ.
    """
    own = _ask(int8, exporter.images.pixels)
    with exporter.images.reference(own) as reference:
        parity = check_parity(directory, reference, _OWN_TOLERANCE)
    if not parity.has_passed:
        raise ConfigError(
            message(
                "The `predict.py` of an export must predict the same for image files as "
                "the export for their pixels; nothing was written.",
                largest_difference=parity.largest_difference,
                agreement=parity.agreement,
            )
        )


def ask_both(exporter: Exporter, int8: Model) -> QuantizedPredictions:
    """Predicts all images of the split with the model and its export."""
    split = exporter.images.split
    rows: list[tuple[Floats, Floats]] = []
    for start in range(0, len(split.labels), _BATCH):
        places = np.arange(start, min(start + _BATCH, len(split.labels)))
        images = split.images(places)
        rows.append((exporter.predict(images), int8.answers(images).probabilities))
    float32, integers = (np.concatenate(side) for side in zip(*rows, strict=True))
    groups = split.groups if isinstance(split, ImageSplit) else None
    return QuantizedPredictions(
        exporter.images.split_name,
        list(split.names),
        int8.classes,
        split.labels,
        float32,
        integers,
        groups,
    )


def measure_latency(float32: Model, int8: Model, seconds: float) -> dict[str, Any]:
    """Measures the latency of both models for one image, alternating between them.

    Args:
        float32: The float32 model.
        int8: The int8 model.
        seconds: Time to measure each.

    Returns:
        JSON values: `batch_size`, `p50_ms` and the number of `calls` of each, `processor`
        and `threads`.
    """
    size = int8.image_size
    image = np.random.default_rng(0).integers(0, 256, (1, size, size, 3), np.uint8)
    timings = time_side_by_side(
        [lambda: float32.answers(image), lambda: int8.answers(image)], seconds
    )
    p50_ms = [each.p50_ms for each in timings]
    return {
        "batch_size": 1,
        "p50_ms": dict(zip(("float32", "int8"), p50_ms, strict=True)),
        "calls": [len(each.seconds) for each in timings],
        "processor": processor(),
        "threads": usable_cores(),
    }


def size_of_model(directory: Path, files: Iterable[str] | None = None) -> int:
    """Returns the total size of the files of a model, in bytes.

    Args:
        directory: Directory of the files.
        files: Their names; by default all files in the directory.
    """
    if files is None:
        return sum(each.stat().st_size for each in directory.rglob("*") if each.is_file())
    return sum((directory / name).stat().st_size for name in files)


def _ask(model: Model, images: Any) -> Floats:
    starts = range(0, len(images), _BATCH)
    return np.concatenate(
        [model.answers(images[start : start + _BATCH]).probabilities for start in starts]
    )
