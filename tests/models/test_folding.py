"""Folding of batch normalization into convolutions."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import replicas
from keras import layers
from keraunos.models.folding import Unchanged, find_pairs, folded

ALONE = tf.distribute.get_strategy()
SHAPES = {1: (9, 5), 2: (9, 8, 5), 3: (5, 6, 4, 3)}


def randomized(model: keras.Model) -> keras.Model:
    """The model with random weights and statistics, which differ in each channel."""
    random = np.random.default_rng(len(model.weights))
    for variable in model.weights:
        variable.assign(random.uniform(0.5, 1.5, variable.shape) * random.choice([-1, 1]))
    for layer in model._flatten_layers():
        if isinstance(layer, layers.BatchNormalization):
            layer.moving_variance.assign(random.uniform(0.5, 2, layer.moving_mean.shape))
    return model


def inputs_of(model: keras.Model) -> Any:
    return np.random.default_rng(1).normal(size=(3, *model.input_shape[1:])).astype("f")


def outputs(model: keras.Model, of: keras.Model | None = None) -> Any:
    return keras.ops.convert_to_numpy(model(inputs_of(of or model), training=False))


def normalizations(model: keras.Model) -> int:
    every = list(model._flatten_layers())
    return sum(isinstance(layer, layers.BatchNormalization) for layer in every)


def chain(*parts: keras.Layer, rank: int = 2) -> keras.Model:
    tensor = start = keras.Input(SHAPES[rank])
    for part in parts:
        tensor = part(tensor)
    return randomized(keras.Model(start, tensor))


@pytest.mark.parametrize(
    ("make", "rank"),
    [
        (lambda: layers.Conv1D(4, 3), 1),
        (lambda: layers.Conv2D(6, 3, strides=2, padding="same", use_bias=False), 2),
        (lambda: layers.Conv2D(10, 3, groups=5), 2),
        (lambda: layers.Conv3D(2, 2, dilation_rate=2), 3),
        (lambda: layers.DepthwiseConv1D(3), 1),
        (lambda: layers.DepthwiseConv2D(3, depth_multiplier=2, use_bias=False), 2),
        (lambda: layers.Dense(7), 2),
    ],
    ids=["1D", "strides", "groups", "3D", "depthwise 1D", "depthwise 2D", "dense"],
)
@pytest.mark.parametrize("options", [{}, {"scale": False, "center": False}])
def test_folded_layer_returns_the_same(
    make: Callable[[], keras.Layer], rank: int, options: dict[str, bool]
) -> None:
    norm = layers.BatchNormalization(epsilon=0.01, **options)
    model = chain(make(), norm, layers.ReLU(), rank=rank)
    copy = folded(model, ALONE)
    assert normalizations(copy) == 0
    np.testing.assert_allclose(outputs(copy), outputs(model), rtol=1e-4, atol=1e-5)


def test_copy_has_the_current_weights() -> None:
    model = chain(layers.Conv2D(4, 3), layers.BatchNormalization())
    before = outputs(folded(model, ALONE))
    model.layers[1].kernel.assign(2 * model.layers[1].kernel)
    model.layers[2].moving_mean.assign(model.layers[2].moving_mean + 1)
    copy = folded(model, ALONE)
    assert np.abs(outputs(copy) - before).max() > 0.1
    np.testing.assert_allclose(outputs(copy), outputs(model), rtol=1e-4, atol=1e-5)


def test_model_itself_does_not_change() -> None:
    model = chain(layers.Conv2D(4, 3), layers.BatchNormalization(), layers.Flatten())
    weights, expected = [each.numpy() for each in model.weights], outputs(model)
    names, counted = [each.name for each in model.layers], model.count_params()
    folded(model, ALONE)
    assert [each.name for each in model.layers] == names
    assert model.count_params() == counted
    for variable, weight in zip(model.weights, weights, strict=True):
        np.testing.assert_array_equal(variable, weight)
    np.testing.assert_array_equal(outputs(model), expected)


def saved_arrays(model: keras.Model, path: Path) -> list[str]:
    model.save_weights(path)
    found: list[str] = []
    with h5py.File(path) as file:
        file.visititems(lambda name, item: found.append(name) if item else None)
    return found


def test_copy_is_not_saved_with_the_model(tmp_path: Path) -> None:
    inner = block(keras.Input(SHAPES[2]))
    outer = randomized(keras.Sequential([keras.Input(SHAPES[2]), inner, layers.Flatten()]))
    before = saved_arrays(outer, tmp_path / "before.weights.h5")
    assert folded(inner, ALONE) is not inner
    assert saved_arrays(outer, tmp_path / "after.weights.h5") == before


def test_unregistered_loss_of_a_nested_model_does_not_matter() -> None:
    inner, start = block(keras.Input(SHAPES[2])), keras.Input(SHAPES[2])
    inner.compile("adam", loss=lambda labels, outputs: labels - outputs)
    model = randomized(keras.Model(start, inner(start)))
    np.testing.assert_allclose(
        outputs(folded(model, ALONE)), outputs(model), rtol=1e-4, atol=1e-5
    )


@pytest.mark.filterwarnings("error:.*does not support masking")
def test_mask_passes_through_the_copy() -> None:
    model = chain(
        layers.Masking(),
        layers.Dense(4),
        layers.BatchNormalization(),
        layers.GlobalAveragePooling1D(),
        rank=1,
    )
    images = inputs_of(model)
    images[:, 5:] = 0
    found, expected = (each(images) for each in (folded(model, ALONE), model))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def with_branch() -> keras.Model:
    start = keras.Input(SHAPES[2])
    tensor = layers.Conv2D(5, 3, padding="same")(start)
    return keras.Model(start, layers.BatchNormalization()(tensor) + tensor)


def with_two_outputs() -> keras.Model:
    start = keras.Input(SHAPES[2])
    tensor = layers.Conv2D(5, 3)(start)
    return keras.Model(start, [layers.BatchNormalization()(tensor), tensor])


def with_shared_convolution() -> keras.Model:
    start = keras.Input(SHAPES[2])
    shared = layers.Conv2D(5, 3, padding="same")
    once = layers.BatchNormalization()(shared(start))
    return keras.Model(start, layers.BatchNormalization()(shared(once)))


def with_batch_statistics() -> keras.Model:
    start = keras.Input(SHAPES[2])
    tensor = layers.Conv2D(5, 3)(start)
    return keras.Model(start, layers.BatchNormalization()(tensor, training=True))


class Own(layers.Conv2D):
    """May do anything."""


@pytest.mark.parametrize(
    "build",
    [
        with_branch,
        with_two_outputs,
        with_shared_convolution,
        with_batch_statistics,
        lambda: chain(layers.Conv2D(4, 3, activation="relu"), layers.BatchNormalization()),
        lambda: chain(layers.Conv2D(4, 3), layers.BatchNormalization(axis=1)),
        lambda: chain(layers.BatchNormalization(), layers.Conv2D(4, 3)),
        lambda: chain(Own(4, 3), layers.BatchNormalization()),
        lambda: chain(layers.Conv2D(4, 3, dtype="float64"), layers.BatchNormalization()),
        *(
            lambda policy=policy: chain(
                layers.Conv2D(4, 3, dtype=policy), layers.BatchNormalization(dtype=policy)
            )
            for policy in ("mixed_float16", "mixed_bfloat16", "bfloat16")
        ),
    ],
)
def test_model_with_nothing_to_fold_is_returned_itself(
    build: Callable[[], keras.Model],
) -> None:
    model = build()
    assert find_pairs(model) == {}
    assert folded(model, ALONE) is model


@pytest.mark.parametrize("is_enabled", [True, False])
def test_nothing_is_folded_on_a_gpu_that_rounds_to_tf32(
    is_enabled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = chain(layers.Conv2D(4, 3), layers.BatchNormalization())
    config = tf.config.experimental
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: [kind])
    monkeypatch.setattr(config, "tensor_float_32_execution_enabled", lambda: is_enabled)
    assert (folded(model, ALONE) is model) == is_enabled


def block(start: Any) -> keras.Model:
    tensor = layers.BatchNormalization()(layers.Conv2D(5, 3, padding="same")(start))
    return keras.Model(start, layers.ReLU()(tensor))


def nested_twice() -> keras.Model:
    start, inner = keras.Input(SHAPES[2]), block(keras.Input(SHAPES[2]))
    return randomized(keras.Model(start, inner(inner(start))))


def nested_in_sequential() -> keras.Model:
    inner = keras.Sequential([layers.Conv2D(4, 3), layers.BatchNormalization()])
    return randomized(keras.Sequential([keras.Input(SHAPES[2]), inner, layers.Flatten()]))


@pytest.mark.parametrize("build", [nested_twice, nested_in_sequential])
def test_models_within_models_are_folded(build: Callable[[], keras.Model]) -> None:
    model = build()
    copy = folded(model, ALONE)
    assert normalizations(copy) < normalizations(model)
    np.testing.assert_allclose(outputs(copy), outputs(model), rtol=1e-4, atol=1e-5)


def test_layer_that_is_also_used_without_normalization_is_not_folded() -> None:
    """It is in two graphs: in one of them before batch normalization, in one alone."""
    start, inner_start = keras.Input(SHAPES[2]), keras.Input(SHAPES[2])
    shared = layers.Conv2D(5, 3, padding="same")
    inner = keras.Model(inner_start, layers.BatchNormalization()(shared(inner_start)))
    model = keras.Model(start, inner(shared(start)))
    assert folded(model, ALONE) is model


def test_replacement_takes_the_arguments_of_batch_normalization() -> None:
    assert Unchanged()(tf.ones(2), training=True, mask=None).numpy().tolist() == [1, 1]


@pytest.mark.slow
def test_replicas_share_a_copy() -> None:
    strategy = replicas(2)
    with strategy.scope():
        model = chain(layers.Conv2D(4, 3), layers.BatchNormalization())
    copy = folded(model, strategy)
    found = strategy.run(lambda: copy(inputs_of(model), training=False))
    for part in strategy.experimental_local_results(found):
        np.testing.assert_allclose(part, outputs(model), rtol=1e-4, atol=1e-5)


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("name", "pairs"),
    [("ResNet50", 53), ("MobileNetV2", 52), ("EfficientNetB0", 49), ("DenseNet121", 59)],
)
def test_networks_of_keras(name: str, pairs: int) -> None:
    options = {"include_top": False, "weights": None, "pooling": "avg"}
    model = getattr(keras.applications, name)(input_shape=(64, 64, 3), **options)
    assert len(find_pairs(model)) == pairs
    expected, found = outputs(model), outputs(folded(model, ALONE))
    assert np.abs(found - expected).max() <= 1e-5 * np.abs(expected).max()
