"""Image data: listing, checking, splitting, batching and augmentation.

Names are resolved on first use, so that checking images does not load TensorFlow.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .augmentation import Augmentation as Augmentation
    from .image_data import ImageData as ImageData
    from .image_split import ImageSplit as ImageSplit
    from .training_split import TrainingSplit as TrainingSplit

_HOMES = {
    "Augmentation": "augmentation",
    "ImageData": "image_data",
    "ImageSplit": "image_split",
    "TrainingSplit": "training_split",
}

__all__ = [*sorted(_HOMES)]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
