"""Protocols of data that can provide images to show."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt


@runtime_checkable
class ShowsImages(Protocol):
    """Data that can provide training images."""

    def sample_images(self) -> tuple[npt.NDArray[np.uint8], Sequence[str]]:
        """Returns some training images of each class, and their class names."""

    def augmented_images(self) -> npt.NDArray[np.uint8]:
        """Returns a training image, followed by augmented versions of it."""


@runtime_checkable
class ShowsValidation(Protocol):
    """Data that can provide validation images."""

    def validation_images(self, places: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
        """Returns the validation images at positions `(n,)` among the predictions."""
