"""Writes a model as a `.keras` file that is checked before it has its name."""

import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from ..core.errors import ConfigError, message
from ..core.files import replacing
from ..evaluation.calibration.scaling import Correction
from .corrected import corrected_models
from .description import Description, require_own_place, write_description

Images = npt.NDArray[np.uint8]

TOLERANCE = 1e-5  # of a probability
_BATCH = 32


def export_as_it_is(source: Path, output: Path, description: Description) -> None:
    """Copies the `.keras` file of a run, byte by byte, and describes it.

    Raises:
        ConfigError: There is something else in its place.
    """
    require_own_place(output)
    with replacing(output) as temporary:
        shutil.copyfile(source, temporary)
    write_description(output, description)


def export_calibrated(
    model: keras.Model,
    images: Images,
    output: Path,
    description: Description,
) -> float:
    """Writes a copy of a model whose outputs are corrected, and describes it.

    The file is loaded again, as others load it, and asked about images; only a file whose
    answers are the corrected probabilities of the model, to 1e-5, gets its name.

    Args:
        model: Stays as it is.
        images: `(images, height, width, 3)` real images, uint8, at least one.
        output: A name that ends with `.keras`.
        description: With the correction.

    Returns:
        The largest difference of a probability.

    Raises:
        ConfigError: There is something else in its place, the model can't be corrected, or
            the copy does not answer as it should.
    """
    require_own_place(output)
    if description.correction is None:
        raise ConfigError(message("There must be a correction to export.", correction=None))
    with replacing(output) as temporary:
        difference = _write_one_that_agrees(
            model, description.correction, images, temporary
        )
    write_description(output, description)
    return difference


def _write_one_that_agrees(
    model: keras.Model, correction: Correction, images: Images, file: Path
) -> float:
    wanted = correction.apply(predict_in_batches(model, images))
    differences = []
    shape: Any = images.shape[1:]
    for copy in corrected_models(model, correction, shape):
        found = answers_of_saved(copy, file, images)
        differences.append(float(np.abs(found - wanted).max()))
        if differences[-1] <= TOLERANCE:
            return differences[-1]
    raise ConfigError(
        message(
            f"A calibrated copy must answer like the model, corrected, to {TOLERANCE:g}; "
            "nothing was written.",
            "Does the model answer the same twice? Else export it without --calibrated.",
            largest_differences=differences,
        )
    )


def answers_of_saved(
    model: keras.Model, file: Path, images: Images
) -> npt.NDArray[np.float32]:
    """Writes a model, loads it as others do, and returns its outputs for images."""
    model.save(file)
    loaded = keras.models.load_model(file, compile=False, safe_mode=True)
    return predict_in_batches(loaded, images)


def predict_in_batches(model: keras.Model, images: Images) -> npt.NDArray[np.float32]:
    """Outputs for images of the size that a model takes: `(images, classes)`."""
    batches = [
        model.predict_on_batch(images[at : at + _BATCH].astype(np.float32))
        for at in range(0, len(images), _BATCH)
    ]
    return np.concatenate(batches)
