"""Two frozen parts share features only if they are the same."""

from typing import Any

import keras
import pytest
from keraunos.features.fingerprint import fingerprint_of
from keraunos.models import FrozenPart

layers = keras.layers


def fingerprint(
    scale: Any = 2.0,
    activation: str = "relu",
    strides: int = 1,
    bias: float = 0.0,
    epsilon: float = 1e-3,
    dtype: str = "float32",
    swapped: bool = False,
    inner_activation: str = "relu",
    name: str | None = None,
) -> str:
    keras.utils.set_random_seed(0)
    inner_inputs = keras.Input((6, 6, 3))
    inner = keras.Model(inner_inputs, layers.Activation(inner_activation)(inner_inputs))
    inputs = keras.Input((6, 6, 3))
    convolution = layers.Conv2D(
        3, 3, strides, padding="same", activation=activation, name=name, dtype=dtype
    )
    maps = convolution(inner(inputs * scale))
    maps = layers.BatchNormalization(epsilon=epsilon)(maps)
    pooled = [layers.GlobalMaxPooling2D()(maps), layers.GlobalAveragePooling2D()(maps)]
    outputs = layers.Subtract()(pooled[::-1] if swapped else pooled)
    model = keras.Model(inputs, outputs)
    convolution.bias.assign([bias, 0.0, 0.0])
    model.trainable = False
    return fingerprint_of(FrozenPart(model))


def test_rebuilt_part_has_the_same_fingerprint_whatever_its_layer_names() -> None:
    assert fingerprint() == fingerprint() == fingerprint(name="another")


@pytest.mark.parametrize(
    "change",
    [
        {"scale": 3.0},
        {"activation": "tanh"},
        {"strides": 2},
        {"bias": 1e-6},
        {"epsilon": 1e-4},
        {"dtype": "mixed_bfloat16"},
        {"swapped": True},
        {"inner_activation": "sigmoid"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_difference_changes_the_fingerprint(change: dict[str, Any]) -> None:
    assert fingerprint(**change) != fingerprint()
