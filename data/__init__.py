"""Pictures in: list, check, split, draw, augment. Knows nothing of the trainer."""

from .augmentation import Augmentation
from .image_data import ImageData, unlabelled_split
from .image_split import ImageSplit, TrainingSplit

__all__ = [
    "Augmentation",
    "ImageData",
    "ImageSplit",
    "TrainingSplit",
    "unlabelled_split",
]
