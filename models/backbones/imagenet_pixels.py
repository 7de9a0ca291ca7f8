"""Scales images as torchvision and timm do for networks trained on ImageNet."""

from typing import Any

import keras

MEAN = (0.485, 0.456, 0.406)  # of red, green and blue in [0, 1]
DEVIATION = (0.229, 0.224, 0.225)


def imagenet_pixels(images: Any) -> Any:
    """Standardizes RGB in [0, 255] with the mean and deviation of ImageNet."""
    scale = [1 / (255 * each) for each in DEVIATION]
    offset = [-mean / each for mean, each in zip(MEAN, DEVIATION, strict=True)]
    return keras.layers.Rescaling(scale, offset, dtype="float32")(images)
