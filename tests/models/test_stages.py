"""The stages of hand-made networks, and (nightly) of common ones."""

from typing import Any

import keras
import pytest
from keraunos.models import Optimizer
from keraunos.models.phases import Phase
from keraunos.models.stages import find_stages
from keraunos.models.unfreezing import FrozenBackbone

layers = keras.layers


def stages_of(model: keras.Model) -> dict[str, list[str]]:
    """The names of the layers of each stage."""
    found = find_stages(model)
    assert found is not None
    held = [id(w) for stage in found for layer in stage.layers for w in layer.weights]
    assert sorted(held) == sorted(id(weight) for weight in model.weights)
    return {stage.name: [layer.name for layer in stage.layers] for stage in found}


def conv(name: str, strides: int = 1, channels: int = 2) -> keras.Layer:
    return layers.Conv2D(channels, 3, strides, "same", name=name)


def residual(maps: Any, name: str, strides: int) -> Any:
    shortcut = layers.MaxPooling2D(1, strides)(maps) if strides > 1 else maps
    inner = conv(f"{name}_1_conv")(maps)
    inner = conv(f"{name}_2_conv", strides)(inner)
    return layers.Add()([shortcut, inner])


def test_block_that_downsamples_at_its_end_stays_whole() -> None:
    inputs = keras.Input((33, 33, 3))
    maps = layers.Normalization(name="inputs")(inputs)
    maps = conv("conv1_conv", 2)(layers.ZeroPadding2D(2)(maps))
    maps = layers.MaxPooling2D()(maps)
    for stage, halves in ((2, True), (3, True), (4, False)):
        maps = residual(maps, f"conv{stage}_block1", 1)
        maps = residual(maps, f"conv{stage}_block2", 2 if halves else 1)
    maps = layers.BatchNormalization(name="post_bn")(maps)
    found = stages_of(keras.Model(inputs, maps))
    assert list(found) == ["conv1", "conv2", "conv3", "conv4"]
    assert found["conv1"] == ["inputs", "conv1_conv"]
    assert len(found["conv2"]) == len(found["conv3"]) == 4
    assert found["conv4"][-1] == "post_bn"


def excited(maps: Any, name: str) -> Any:
    """Squeeze and excitation, whose layers see a map of one pixel."""
    squeezed = layers.GlobalAveragePooling2D(keepdims=True)(maps)
    return layers.Multiply()([maps, layers.Conv2D(2, 1, name=f"{name}_se")(squeezed)])


def test_stages_follow_the_resolution_without_name_prefixes() -> None:
    inputs = keras.Input((64, 64, 3))
    maps = excited(conv("first", 2)(inputs), "first")
    maps = conv("narrow", 2)(conv("wide")(maps))
    maps = excited(conv("last", 2)(maps), "last")
    pooled = layers.GlobalAveragePooling2D()(maps)
    hidden = layers.Dense(3, name="hidden")(layers.BatchNormalization(name="bn")(pooled))
    model = keras.Model(inputs, layers.Dense(2, name="classes")(hidden))
    assert stages_of(model) == {
        "stem": ["first", "first_se", "wide"],
        "narrow": ["narrow"],
        "last": ["last", "last_se"],
        "head": ["bn", "hidden", "classes"],
    }


class Block(layers.Layer):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.attention = layers.MultiHeadAttention(1, 2)
        self.dense = layers.Dense(4)

    def build(self, shape: Any) -> None:
        self.attention.build(shape, shape)
        self.dense.build(shape)

    def call(self, tokens: Any) -> Any:
        return tokens + self.dense(self.attention(tokens, tokens))


class Encoder(layers.Layer):
    """Contains its blocks like the transformers of KerasHub."""

    def __init__(self, blocks: int, **options: Any) -> None:
        super().__init__(**options)
        self.blocks = [Block(name=f"block_{number}") for number in range(blocks)]
        self.norm = layers.LayerNormalization(name="norm")

    def build(self, shape: Any) -> None:
        for each in (*self.blocks, self.norm):
            each.build(shape)

    def call(self, tokens: Any) -> Any:
        for block in self.blocks:
            tokens = block(tokens)
        return self.norm(tokens)


def test_blocks_within_a_layer_are_stages_even_in_a_nested_model() -> None:
    inputs = keras.Input((16, 16, 3))
    patches = layers.Conv2D(4, 8, 8, name="patches")(inputs)
    tokens = layers.Reshape((-1, 4))(patches)
    backbone = keras.Model(inputs, Encoder(3, name="encoder")(tokens), name="vit")
    expected = {
        "stem": ["patches"],
        "block_0": ["block_0"],
        "block_1": ["block_1"],
        "block_2": ["block_2", "norm"],
    }
    assert stages_of(backbone) == expected
    images = keras.Input((16, 16, 3))
    pooled = layers.GlobalAveragePooling1D()(backbone(layers.Rescaling(2.0)(images)))
    model = keras.Model(images, layers.Dense(2, name="classes")(pooled))
    assert stages_of(model) == {**expected, "head": ["classes"]}


def test_bare_attention_starts_a_block_at_its_norm() -> None:
    tokens = inputs = keras.Input((5, 4))
    tokens = layers.Dense(4, name="embed")(tokens)
    for n in range(2):
        normal = layers.LayerNormalization(name=f"a{n}")(tokens)
        tokens += layers.MultiHeadAttention(1, 2, name=f"b{n}")(normal, normal)
        tokens += layers.Dense(4, name=f"d{n}")(
            layers.LayerNormalization(name=f"c{n}")(tokens)
        )
    assert stages_of(keras.Model(inputs, tokens)) == {
        "stem": ["embed"],
        "a0": ["a0", "b0", "c0", "d0"],
        "a1": ["a1", "b1", "c1", "d1"],
    }


def test_other_networks_are_divided_by_prefix_or_kernel() -> None:
    dense = layers.Dense
    named = [dense(2, name="part1_a"), dense(2, name="part1_b"), dense(2, name="part2_a")]
    model = keras.Sequential([keras.Input((3,)), *named, dense(2, name="out")])
    assert stages_of(model) == {
        "part1": ["part1_a", "part1_b"],
        "part2": ["part2_a"],
        "head": ["out"],
    }
    inputs = keras.Input((3,))
    left = dense(2, name="left")(layers.Normalization(name="norm")(inputs))
    right = dense(2, name="after_right")(dense(2, name="right")(inputs))
    both = layers.BatchNormalization(name="bn")(layers.Concatenate()([left, right]))
    model = keras.Model(inputs, dense(2, name="out")(both))
    found = stages_of(model)
    assert {name: set(each) for name, each in found.items()} == {
        "stem": {"norm", "left", "right"},
        "after_right": {"after_right", "bn"},
        "head": {"out"},
    }


class Own(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.dense = layers.Dense(3)

    def call(self, inputs: Any) -> Any:
        return self.dense(inputs)


def test_unknown_layer_order_yields_no_stages() -> None:
    inputs = keras.Input((3,))
    own, shared = Own(), layers.Dense(3)
    around = keras.Model(inputs, layers.Dense(2)(own(inputs)))
    twice = keras.Model(inputs, shared(shared(inputs)))
    assert [find_stages(each) for each in (own, around, twice)] == [None] * 3


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("name", "stages"),
    [
        ("ResNet50", "conv1 conv2 conv3 conv4 conv5"),
        ("ResNet50V2", "conv1 conv2 conv3 conv4 conv5"),
        ("DenseNet121", "conv1 conv2 conv3 conv4 conv5"),
        ("MobileNetV2", "stem block_1 block_3 block_6 block_13"),
        ("EfficientNetB0", "block1 block2 block3 block4 block6"),
        ("EfficientNetV2B0", "block1 block2 block3 block4 block6"),
        ("VGG16", "block1 block2 block3 block4 block5"),
        (
            "MobileNetV3Small",
            "stem expanded_conv_depthwise expanded_conv_1 expanded_conv_3 expanded_conv_8",
        ),
        ("ConvNeXtTiny", " ".join(f"convnext_tiny_stage_{n}" for n in range(4))),
        ("InceptionV3", "stem conv2d_3 conv2d_8 conv2d_29 conv2d_75"),
    ],
)
def test_networks_of_keras_have_a_stage_for_each_resolution(name: str, stages: str) -> None:
    keras.backend.clear_session()  # names without a prefix are counted
    constructor = getattr(keras.applications, name)
    network = constructor(include_top=False, weights=None, input_shape=(96, 96, 3))
    assert list(stages_of(network)) == stages.split()


@pytest.mark.nightly
def test_blocks_of_keras_hub_are_stages_that_can_be_unfrozen() -> None:
    models = pytest.importorskip("keras_hub").models
    vit = models.ViTBackbone(
        image_shape=(32, 32, 3),
        patch_size=8,
        num_layers=3,
        num_heads=2,
        hidden_dim=8,
        mlp_dim=16,
    )
    blocks = [f"transformer_block_{number}" for number in (1, 2, 3)]
    assert list(stages_of(vit)) == ["stem", *blocks]
    swin = models.SwinTransformerBackbone(
        image_shape=(64, 64, 3),
        embed_dim=8,
        depths=[1, 2],
        num_heads=[1, 2],
        window_size=4,
    )
    assert len(stages_of(swin)) == 1 + 3

    vit.trainable = False
    inputs = keras.Input((32, 32, 3))
    pooled = layers.GlobalAveragePooling1D()(vit(inputs, training=False))
    model = keras.Model(inputs, layers.Dense(2, name="head")(pooled))
    model.compile(Optimizer("adamw", layer_decay=0.5).build(), "mse")
    (last,) = FrozenBackbone(model).last_stages(1)
    Phase(last, 0.1).apply(model)
    of_block = len(vit.get_layer("vit_encoder").encoder_layers[2].weights)
    assert model.optimizer.multipliers == (0.5,) * (of_block + 2) + (1.0, 1.0)
