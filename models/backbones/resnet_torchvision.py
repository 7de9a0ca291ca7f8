"""ResNet50 as in torchvision and timm, for their published weights.

It is the network of He et al. (2016), "Deep residual learning for image recognition", but
strides in the 3x3 convolution of a block instead of the 1x1 before it ("v1.5"). ResNet50 in
keras.applications strides as in the paper, has biases, another epsilon and other
preprocessing, so that their weights are not interchangeable.
"""

from typing import Any

import keras

from ..weights import TorchLayout
from .contract import Backbone
from .convolutions import Convolutions, convolution_names
from .imagenet_pixels import imagenet_pixels

NAME = "resnet50_torchvision"
BLOCKS = (3, 4, 6, 3)  # blocks per stage
CONVOLUTIONS = Convolutions(epsilon=1e-5, momentum=0.9, is_symmetric=True)


def build(image_size: int) -> Backbone:
    """Builds the network with random weights.

    Layers have the names of ResNet50 in keras.applications: `conv5_block1_2_conv`.

    Args:
        image_size: Height and width of its inputs in pixels.
    """
    images = keras.Input((image_size, image_size, 3))
    maps = CONVOLUTIONS.dense(images, "conv1", 64, kernel=7, stride=2)
    maps = keras.layers.ReLU(name="conv1_relu")(maps)
    maps = keras.layers.ZeroPadding2D(1, name="pool1_pad")(maps)
    maps = keras.layers.MaxPooling2D(3, 2, name="pool1_pool")(maps)
    for stage, blocks in enumerate(BLOCKS):
        for block in range(blocks):
            stride = 2 if stage > 0 and block == 0 else 1
            maps = _block(maps, _name(stage, block), 64 * 2**stage, stride, block == 0)
    network = keras.Model(images, maps, name=NAME)
    return Backbone(NAME, network, imagenet_pixels, (_layout(),))


def _block(maps: Any, name: str, filters: int, stride: int, projects: bool) -> Any:
    """Applies a bottleneck block, whose output has `4 * filters` channels."""
    shortcut = maps
    if projects:
        shortcut = CONVOLUTIONS.dense(maps, f"{name}_0", 4 * filters, stride=stride)
    maps = CONVOLUTIONS.dense(maps, f"{name}_1", filters)
    maps = keras.layers.ReLU(name=f"{name}_1_relu")(maps)
    maps = CONVOLUTIONS.dense(maps, f"{name}_2", filters, kernel=3, stride=stride)
    maps = keras.layers.ReLU(name=f"{name}_2_relu")(maps)
    maps = CONVOLUTIONS.dense(maps, f"{name}_3", 4 * filters)
    maps = keras.layers.Add(name=f"{name}_add")([shortcut, maps])
    return keras.layers.ReLU(name=f"{name}_out")(maps)


def _name(stage: int, block: int) -> str:
    return f"conv{stage + 2}_block{block + 1}"


def _layout() -> TorchLayout:
    names = convolution_names("conv1", "conv1", "bn1")
    for stage, blocks in enumerate(BLOCKS):
        for block in range(blocks):
            here, there = _name(stage, block), f"layer{stage + 1}.{block}"
            for part in (1, 2, 3):
                names |= convolution_names(
                    f"{here}_{part}", f"{there}.conv{part}", f"{there}.bn{part}"
                )
        first, projection = _name(stage, 0), f"layer{stage + 1}.0.downsample"
        names |= convolution_names(f"{first}_0", f"{projection}.0", f"{projection}.1")
    return TorchLayout(names, head="fc")
