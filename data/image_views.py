"""Views of images for test-time augmentation."""

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ..core.errors import ConfigError, message
from ..strategies import Position, Replicas
from .augmentation import Augmentation
from .batches import Readable, read_batches
from .order import Draws


class Viewed(Readable, Protocol):
    """A split in order, of which views can be made."""

    image_size: int

    @property
    def content_numbers(self) -> npt.NDArray[np.uint64]:
        """`(images,)`: a number for each image, from its content."""

    def prepare(self, part: dict[str, tf.Tensor]) -> tuple[Any, Any, Any]:
        """Turns a part of a batch into model inputs."""


class ImageViews:
    """The images of a split in order; epoch n is their view n, from 1 on.

    View 0 is the split itself. View n is drawn from the seed, the content of the image and
    n. It depends neither on other images nor on the batch size or the number of replicas,
    and copies have the same views.

    Args:
        split: The images.
        strength: Strength of the augmentation, above 0.
        seed: Seed of the run.

    Raises:
        ConfigError: The strength is 0.
    """

    is_endless = True

    def __init__(self, split: Viewed, strength: float, seed: int) -> None:
        if strength == 0:
            raise ConfigError(
                message(
                    "Test-time augmentation needs augmentation.strength above 0: with 0, "
                    "all views of an image are identical.",
                    "Test without `tta`, or a model that was trained with augmentation.",
                    strength=strength,
                )
            )
        self.batch_size = split.batch_size
        self.num_batches = split.num_batches
        self._split = split
        self._augmentation = Augmentation(strength)  # without a limit of views
        self._seed = seed
        self._contents = split.content_numbers

    def settings(self) -> dict[str, Any]:
        """Returns the settings that determine the views."""
        return {**self._augmentation.settings(), "seed": self._seed}

    def draws(self, epoch: int) -> Draws:
        """Returns every image once, in order, with the number of the view."""
        rows = self._split.draws(0).rows
        return Draws(rows, np.full(len(rows), epoch, np.int64))

    def arrays(self, draws: Draws) -> dict[str, npt.NDArray[Any]]:
        """Returns the arrays of a part of a batch."""
        drawn = self._augmentation.draw(
            self._seed, self._contents[draws.rows], draws.numbers, self._split.image_size
        )
        return self._split.arrays(draws) | drawn

    def batches(self, position: Position, replicas: Replicas) -> tf.data.Dataset:
        """See `ImageSplit.batches`; the epoch of the position is the view."""
        return read_batches(self, position, replicas)

    def prepare(self, part: dict[str, tf.Tensor]) -> tuple[Any, Any, Any]:
        """See `ImageSplit.prepare`."""
        return self._split.prepare(part)
