"""Protocols of data whose images can be shown."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt


@runtime_checkable
class ShowsImages(Protocol):
    """Data that can show its images."""

    def sample_images(self) -> tuple[npt.NDArray[np.uint8], Sequence[str]]:
        """Some training images of each class, and their class names."""

    def augmented_images(self) -> npt.NDArray[np.uint8]:
        """One training image: the original, then augmented versions."""


@runtime_checkable
class ShowsValidation(Protocol):
    """Data that can show its validation images."""

    def validation_images(self, places: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
        """The validation images at these places, in the order of the predictions."""
