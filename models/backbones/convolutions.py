"""Convolutions with BatchNorm, padded as their authors' library does."""

from dataclasses import dataclass
from typing import Any

import keras


@dataclass(frozen=True)
class Convolutions:
    """Applies convolutions without bias, each with BatchNorm, to feature maps.

    A layer called `stem` becomes `stem_conv` and `stem_bn`, and `stem_pad` where the
    padding is its own layer.

    Attributes:
        epsilon: Of BatchNorm.
        momentum: Of BatchNorm, as Keras counts it.
        is_symmetric: Whether those with a stride pad both sides alike, as PyTorch does;
            else the far side gets more where the padding is odd, as in TensorFlow.
    """

    epsilon: float
    momentum: float
    is_symmetric: bool

    def dense(
        self, maps: Any, name: str, filters: int, kernel: int = 1, stride: int = 1
    ) -> Any:
        """A convolution over all channels."""
        maps, padding = self._padded(maps, name, kernel, stride)
        layer = keras.layers.Conv2D(
            filters, kernel, stride, padding, use_bias=False, name=f"{name}_conv"
        )
        return self._normalized(layer(maps), name)

    def depthwise(self, maps: Any, name: str, kernel: int, stride: int) -> Any:
        """A convolution of each channel alone."""
        maps, padding = self._padded(maps, name, kernel, stride)
        layer = keras.layers.DepthwiseConv2D(
            kernel, stride, padding, use_bias=False, name=f"{name}_conv"
        )
        return self._normalized(layer(maps), name)

    def _padded(self, maps: Any, name: str, kernel: int, stride: int) -> tuple[Any, str]:
        """The maps, and what the convolution still has to pad."""
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
    """What PyTorch calls the two layers that have weights."""
    return {f"{name}_conv": convolution, f"{name}_bn": norm}
