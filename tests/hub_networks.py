"""Tiny networks of KerasHub, written as presets."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras

SIZE = 32
SCALE, OFFSET = [0.01, 0.0125, 0.02], [-1.0, -1.5, -2.0]
_OF_TOKENS = {
    "image_shape": (SIZE, SIZE, 3),
    "patch_size": 8,
    "num_layers": 2,
    "num_heads": 2,
    "hidden_dim": 16,
    "dropout_rate": 0.5,
}


def networks() -> dict[str, Callable[[Any], Any]]:
    """Each with every dropout that it has at a rate of one half."""
    return {
        "vit": lambda hub: hub.ViTBackbone(**_OF_TOKENS, mlp_dim=32, attention_dropout=0.5),
        "deit": lambda hub: hub.DeiTBackbone(
            **_OF_TOKENS, intermediate_dim=32, attention_dropout=0.5
        ),
        "dinov2": lambda hub: hub.DINOV2Backbone(
            **_OF_TOKENS,
            intermediate_dim=32,
            position_embedding_shape=(SIZE, SIZE),
            num_register_tokens=1,
            drop_path_rate=0.5,
        ),
        "swin": lambda hub: hub.SwinTransformerBackbone(
            image_shape=(SIZE, SIZE, 3),
            patch_size=4,
            embed_dim=16,
            depths=(2, 2),
            num_heads=(2, 4),
            window_size=4,
            dropout_rate=0.5,
            attention_dropout=0.5,
            drop_path=0.5,
        ),
        "resnet": lambda hub: hub.ResNetBackbone(
            input_conv_filters=[64],
            input_conv_kernel_sizes=[3],
            stackwise_num_filters=[64, 16],
            stackwise_num_blocks=[1, 1],
            stackwise_num_strides=[1, 2],
            block_type="basic_block",
        ),
        "mit": lambda hub: hub.MiTBackbone(
            image_shape=(SIZE, SIZE, 3),
            num_layers=2,
            hidden_dims=[8, 16],
            layerwise_depths=[1, 1],
            layerwise_num_heads=[1, 2],
            layerwise_sr_ratios=[2, 1],
            layerwise_patch_sizes=[7, 3],
            layerwise_strides=[4, 2],
            max_drop_path_rate=0.5,
        ),
    }


def write_preset(name: str, directory: Path, has_converter: bool = True) -> Path:
    """Writes the preset of one of `networks`."""
    import keras_hub

    keras.utils.set_random_seed(0)
    networks()[name](keras_hub.models).save_to_preset(str(directory))
    if has_converter:
        converter = keras_hub.layers.ImageConverter((SIZE, SIZE), SCALE, OFFSET)
        converter.save_to_preset(str(directory))
    return directory
