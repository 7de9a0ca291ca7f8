"""Small frozen backbones, in place of those of keras.applications."""

from typing import Any

import keras
from keras.applications.mobilenet_v2 import preprocess_input
from keraunos import Module

SIZE = 32
_SHRUNK = (
    "EfficientNetB0",
    "EfficientNetV2B0",
    "MobileNetV2",
    "MobileNetV3Large",
    "ResNet50",
)
__all__ = ["SIZE", "Small", "preprocess_input", "shrink_networks", "tiny_network"]


class Small(Module):
    """A convolutional backbone of two blocks, and a head with dropout."""

    def __init__(
        self,
        optimizer: Any = lambda: keras.optimizers.Adam(0.01),
        dropout: float = 0.2,
    ) -> None:
        self.optimizer = optimizer
        self.dropout = dropout

    def build(self) -> keras.Model:
        layers = keras.layers
        backbone = keras.Sequential(
            [
                keras.Input((SIZE, SIZE, 3)),
                layers.Rescaling(1 / 255),
                layers.Conv2D(4, 3, 4, name="block1_conv"),
                layers.BatchNormalization(name="block1_bn"),
                layers.Conv2D(6, 3, 2, activation="relu", name="block2_conv"),
                layers.BatchNormalization(name="block2_bn"),
            ],
            name="backbone",
        )
        backbone.trainable = False
        images = keras.Input((SIZE, SIZE, 3))
        maps = backbone(images, training=False)
        pooled = layers.GlobalAveragePooling2D(name="features")(maps)
        dropped = layers.Dropout(self.dropout)(pooled)
        outputs = layers.Dense(3, "softmax", name="head")(dropped)
        return self._compile(keras.Model(images, outputs), self.optimizer())

    def _compile(self, model: keras.Model, optimizer: Any) -> keras.Model:
        model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model


def tiny_network(include_top: bool, weights: None, input_shape: Any) -> keras.Model:
    """Three layers in place of a network of keras.applications, whose traces take seconds.

    Its preprocessing is the one in this module.
    """
    layers = keras.layers
    inputs = keras.Input(input_shape)
    maps = layers.Conv2D(8, 3, 4, name="conv")(inputs)
    normalized = layers.BatchNormalization(name="bn")(maps)
    return keras.Model(inputs, layers.ReLU(name="relu")(normalized), name="tiny")


def shrink_networks() -> None:
    """Puts a network of five small stages in place of larger ones, in this process."""
    for name in _SHRUNK:
        setattr(keras.applications, name, _staged_network)


def _staged_network(include_top: bool, weights: None, input_shape: Any) -> keras.Model:
    layers = keras.layers
    inputs = keras.Input(input_shape)
    maps = layers.Conv2D(8, 3, 4, name="conv1_conv")(inputs)
    for stage in (2, 3, 4, 5):
        maps = layers.Conv2D(8, 3, 2, "same", name=f"conv{stage}_block1_conv")(maps)
        maps = layers.BatchNormalization(name=f"conv{stage}_block1_bn")(maps)
        maps = layers.ReLU(name=f"conv{stage}_block1_out")(maps)
    return keras.Model(inputs, maps, name="staged")
