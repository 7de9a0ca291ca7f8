"""Writes several models as one `.keras` file that returns the mean of their outputs."""

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from ..core.errors import ConfigError, message
from ..core.files import replacing
from ..models.ensemble import ensemble_model
from .description import Description, require_own_place, write_description
from .keras_file import TOLERANCE, Images, answers_of_saved, predict_in_batches


def export_ensemble(
    models: Sequence[keras.Model],
    images: Images,
    output: Path,
    description: Description,
) -> float:
    """Writes an ensemble, and describes it.

    The file is loaded again, as others load it, and asked about images; only a file whose
    answers are the mean of those of the members, to 1e-5, gets its name.

    Args:
        models: The members, two or more; they stay as they are.
        images: `(images, height, width, 3)` real images, uint8, at least one.
        output: A name that ends with `.keras`.
        description: Of the ensemble.

    Returns:
        The largest difference of a probability.

    Raises:
        ConfigError: There is something else in its place, the models do not fit together,
            or the ensemble does not answer as it should.
    """
    require_own_place(output)
    ensemble = ensemble_model(models)
    each = [predict_in_batches(model, images) for model in models]
    wanted = np.mean(each, axis=0, dtype=np.float64)
    with replacing(output) as temporary:
        found = answers_of_saved(ensemble, temporary, images)
        difference = float(np.abs(found - wanted).max())
        if not difference <= TOLERANCE:  # NaN included
            raise ConfigError(
                message(
                    "An ensemble must answer like the mean of its members, to "
                    f"{TOLERANCE:g}; nothing was written.",
                    "Do the models answer the same twice?",
                    largest_difference=difference,
                )
            )
    write_description(output, description)
    return difference
