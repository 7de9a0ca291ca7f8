"""Small transformers, with tokens and positions, train the same on two replicas."""

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
import pytest
import tensorflow as tf
from engine import Engine
from keras import layers, ops

pytestmark = pytest.mark.slow

WORDS, LENGTH, WIDTH, SIDE = 13, 6, 4, 8
ROWS = 13


class Embedded(layers.Layer):
    """Tokens and their positions; padding is masked."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens = layers.Embedding(WORDS, WIDTH)
        self.positions = layers.Embedding(LENGTH, WIDTH)

    def call(self, words: Any) -> Any:
        return self.tokens(words) + self.positions(ops.arange(ops.shape(words)[-1]))

    def compute_mask(self, words: Any, mask: Any = None) -> Any:
        return ops.not_equal(words, 0)


class Patches(layers.Layer):
    """Cuts images into patches, and adds their positions."""

    def __init__(self) -> None:
        super().__init__()
        self.count = (SIDE // 4) ** 2
        self.projection = layers.Dense(WIDTH)
        self.positions = layers.Embedding(self.count, WIDTH)

    def call(self, images: Any) -> Any:
        patches = ops.image.extract_patches(images, size=4)
        flat = ops.reshape(patches, (ops.shape(images)[0], self.count, 4 * 4 * 3))
        places = ops.expand_dims(ops.arange(self.count), axis=0)
        return self.projection(flat) + self.positions(places)


def block(values: Any, others: Any = None, causal: bool = False) -> Any:
    attention = layers.MultiHeadAttention(2, WIDTH)
    others = values if others is None else others
    hidden = layers.LayerNormalization()(
        values + attention(values, others, use_causal_mask=causal)
    )
    return layers.LayerNormalization()(hidden + layers.Dense(WIDTH, "gelu")(hidden))


def language_model() -> keras.Model:
    words = keras.Input((LENGTH,), dtype="int32")
    hidden = block(Embedded()(words), causal=True)
    model = keras.Model(words, [layers.Dense(WORDS)(hidden), hidden])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.01), loss=[loss, None])
    return model


def translation() -> keras.Model:
    source = keras.Input((None,), dtype="int32", name="source")
    target = keras.Input((None,), dtype="int32", name="target")
    encoded = block(Embedded()(source))
    decoded = block(block(Embedded()(target), causal=True), encoded)
    model = keras.Model([source, target], layers.Dense(WORDS, "softmax")(decoded))
    optimizer = keras.optimizers.RMSprop(0.01, clipnorm=0.1)
    model.compile(
        optimizer,
        loss=keras.losses.SparseCategoricalCrossentropy(ignore_class=0),
        metrics=["accuracy"],
    )
    return model


def vision() -> keras.Model:
    images = keras.Input((SIDE, SIDE, 3))
    hidden = layers.Flatten()(block(Patches()(images)))
    model = keras.Model(images, layers.Dense(3)(hidden))
    model.compile(
        keras.optimizers.AdamW(0.01, weight_decay=1e-4, global_clipnorm=0.2),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


def sentences(seed: int) -> np.ndarray:
    """Sentences of different lengths, padded with zeros."""
    random = np.random.default_rng(seed)
    words = random.integers(1, WORDS, (ROWS, LENGTH))
    words[np.arange(LENGTH) >= random.integers(2, LENGTH + 1, (ROWS, 1))] = 0
    return words.astype("int32")


def images() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(3)
    return random.random((ROWS, SIDE, SIDE, 3)), random.integers(0, 3, ROWS)


class Example(NamedTuple):
    build: Callable[[], keras.Model]
    elements: Callable[[], Any]


EXAMPLES = {
    "language model": Example(language_model, lambda: (sentences(0), sentences(1))),
    "translation": Example(
        translation, lambda: ((sentences(0), sentences(1)), sentences(2))
    ),
    "vision": Example(vision, images),
}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("language model", marks=pytest.mark.nightly),
        pytest.param("translation", marks=pytest.mark.nightly),
        pytest.param("vision", marks=pytest.mark.nightly),
    ],
)
def test_transformer_trains_the_same_on_one_and_two_replicas(
    name: str, float64: None
) -> None:
    example = EXAMPLES[name]
    dataset = tf.data.Dataset.from_tensor_slices(example.elements()).batch(5)
    (expected, weights), (history, others) = (
        Engine(example.build, dataset, count).train(dataset) for count in (1, 2)
    )
    for ours, theirs in zip(history, expected, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-10)
    for ours, theirs in zip(others, weights, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-10)
