"""Checks how many training examples the classes have, for losses that depend on it."""

from collections.abc import Sequence

import numpy as np

from ..configs import ModelConfig
from ..core.errors import ConfigError, message


def counts_for_loss(
    config: ModelConfig, num_classes: int, class_counts: Sequence[int] | None
) -> list[int] | None:
    """The counts that a loss depends on; None for all other losses.

    Args:
        config: Names the loss.
        num_classes: The number of classes.
        class_counts: Training examples of each class, if they are given.

    Raises:
        ConfigError: The loss needs counts, and these are none.
    """
    if not config.counts_classes:
        return None
    counts = np.asarray([] if class_counts is None else class_counts)
    is_whole = counts.shape == (num_classes,) and np.issubdtype(counts.dtype, np.integer)
    if not is_whole or (counts < 1).any():
        raise ConfigError(
            message(
                f"The loss {config.loss} must know the number of training images of each "
                f"of the {num_classes} classes, at least 1.",
                "Give class_counts=data.train.class_counts; leave out classes without "
                "training images, or choose another loss.",
                class_counts=None if class_counts is None else counts.tolist(),
            )
        )
    return [int(count) for count in counts]
