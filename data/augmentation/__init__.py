"""Augmentation of training images."""

from .augment import augment
from .augmentation import AUGMENTATION_VERSION, Augmentation

__all__ = ["AUGMENTATION_VERSION", "Augmentation", "augment"]
