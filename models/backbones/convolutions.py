"""Convolutions with BatchNorm, padded as in TensorFlow or PyTorch."""

from dataclasses import dataclass
from typing import Any

import keras


@dataclass(frozen=True)
class Convolutions:
    """Applies convolutions without bias, followed by BatchNorm, to feature maps.

    The layers of `stem` are named `stem_conv` and `stem_bn`, and `stem_pad` for separate
    padding.

    Attributes:
        epsilon: Epsilon of BatchNorm.
        momentum: Momentum of BatchNorm, in Keras's definition.
        is_symmetric: Whether strided convolutions pad both sides equally, as in PyTorch;
            otherwise odd padding adds more at the end, as in TensorFlow.
    """

    epsilon: float
    momentum: float
    is_symmetric: bool

    def dense(
        self, maps: Any, name: str, filters: int, kernel: int = 1, stride: int = 1
    ) -> Any:
        """Applies a convolution over all channels."""
        maps, padding = self._padded(maps, name, kernel, stride)
        layer = keras.layers.Conv2D(
            filters, kernel, stride, padding, use_bias=False, name=f"{name}_conv"
        )
        return self._normalized(layer(maps), name)

    def depthwise(self, maps: Any, name: str, kernel: int, stride: int) -> Any:
        """Applies a depthwise convolution."""
        maps, padding = self._padded(maps, name, kernel, stride)
        layer = keras.layers.DepthwiseConv2D(
            kernel, stride, padding, use_bias=False, name=f"{name}_conv"
        )
        return self._normalized(layer(maps), name)

    def _padded(self, maps: Any, name: str, kernel: int, stride: int) -> tuple[Any, str]:
        """Pads maps if needed; returns them and the padding mode of the convolution."""
        if stride == 1 or kernel == 1 or not self.is_symmetric:
            return maps, "same"
        layer = keras.layers.ZeroPadding2D(kernel // 2, name=f"{name}_pad")
        return layer(maps), "valid"

    def _normalized(self, maps: Any, name: str) -> Any:
        layer = keras.layers.BatchNormalization(
            momentum=self.momentum, epsilon=self.epsilon, name=f"{name}_bn"
        )
        return layer(maps)


def convolution_names(name: str, convolution: str, norm: str) -> dict[str, str]:
    """Returns the PyTorch names of the two layers with weights."""
    return {f"{name}_conv": convolution, f"{name}_bn": norm}
