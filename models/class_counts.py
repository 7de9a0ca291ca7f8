"""Checks the class counts for losses that depend on them."""

from collections.abc import Sequence

import numpy as np

from ..configs import ModelConfig
from ..core.errors import ConfigError, message


def counts_for_loss(
    config: ModelConfig, num_classes: int, class_counts: Sequence[int] | None
) -> list[int] | None:
    """Returns the class counts for a loss that depends on them, otherwise None.

    Args:
        config: The section `model`, with the loss.
        num_classes: The number of classes.
        class_counts: Number of training examples of each class, or None.

    Raises:
        ConfigError: The loss needs class counts, and these are missing or invalid.
    """
    if not config.counts_classes:
        return None
    counts = np.asarray([] if class_counts is None else class_counts)
    is_whole = counts.shape == (num_classes,) and np.issubdtype(counts.dtype, np.integer)
    if not is_whole or (counts < 1).any():
        raise ConfigError(
            message(
                f"The loss {config.loss} needs the number of training images, at least 1, "
                f"of each of the {num_classes} classes.",
                "Pass class_counts=data.train.class_counts; leave out classes without "
                "training images, or choose another loss.",
                class_counts=None if class_counts is None else counts.tolist(),
            )
        )
    return [int(count) for count in counts]
