"""Learning rates and weight decay that differ from layer to layer."""

import functools
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keraunos.configs.optimizer import optimizer_names
from keraunos.core.errors import ConfigError
from keraunos.models import Optimizer
from keraunos.models.layer_decay import rate_multipliers
from keraunos.models.optimizer import build_optimizer_of
from keraunos.models.weight_decay import spared_variables

layers = keras.layers
RATE, DECAY = 0.02, 0.5
OPTIONS = {"weight_decay": 0.1, "clipvalue": 0.7}


def network() -> keras.Model:
    keras.utils.set_random_seed(0)
    parts = [layers.Dense(3, name="a"), layers.BatchNormalization(name="n")]
    return keras.Sequential([keras.Input((4,)), *parts, layers.Dense(2, name="head")])


def step(model: keras.Model, random: Any = None) -> None:
    """An update with random gradients."""
    random = random or np.random.default_rng(0)
    variables = model.trainable_variables
    gradients = [random.normal(size=each.shape).astype("f") for each in variables]
    tensors = [keras.ops.convert_to_tensor(each) for each in gradients]
    model.optimizer.apply(tensors, variables)


@functools.cache
def trained(name: str, steps: int = 2, **options: Any) -> dict[str, Any]:
    """The weights of the network after some updates, by layer and name."""
    model, random = network(), np.random.default_rng(0)
    model.compile(Optimizer(name, **options).build(), "mse")
    build_optimizer_of(model)
    for _ in range(steps):
        step(model, random)
    variables = model.trainable_variables
    return {"/".join(each.path.split("/")[-2:]): each.numpy() for each in variables}


@pytest.mark.feature("layer-wise learning rates")
@pytest.mark.parametrize(
    "name",
    [
        name if name == "adamw" else pytest.param(name, marks=pytest.mark.nightly)
        for name in optimizer_names()
    ],
)
def test_each_layer_trains_as_with_its_own_learning_rate(name: str) -> None:
    found = trained(name, learning_rate=RATE, layer_decay=DECAY, **OPTIONS)
    for rate, own in ((RATE, ("head",)), (RATE * DECAY, ("a", "n"))):
        expected = trained(name, learning_rate=rate, **OPTIONS)
        for path in expected:
            if path.startswith(own):
                np.testing.assert_array_equal(found[path], expected[path], path)


def test_global_norm_is_clipped_before_layer_decay() -> None:
    options = {"learning_rate": RATE, "global_clipnorm": 0.3}
    found = trained("sgd", layer_decay=DECAY, **options)
    plain = trained("sgd", **options)
    for path, before in trained("sgd", 0).items():
        part = 1.0 if path.startswith("head") else DECAY
        moved, expected = found[path] - before, part * (plain[path] - before)
        np.testing.assert_allclose(moved, expected, rtol=1e-3, atol=1e-7)


@pytest.mark.feature("selective weight decay")
def test_only_biases_and_norms_are_excluded_from_weight_decay() -> None:
    options = {"learning_rate": RATE, **OPTIONS}
    spared = trained("adamw", exclude_from_weight_decay="biases_and_norms", **options)
    with_decay = trained("adamw", **options)
    without = trained("adamw", **options | {"weight_decay": 0.0})
    for path in spared:
        expected = with_decay if path.endswith("kernel") else without
        np.testing.assert_array_equal(spared[path], expected[path], path)
    assert not np.array_equal(with_decay["n/gamma"], without["n/gamma"])


def test_embeddings_are_excluded_from_weight_decay_only_on_request() -> None:
    inputs = keras.Input((3,), dtype="int32")
    tokens = layers.Embedding(5, 4, name="positions")(inputs)
    tokens = layers.MultiHeadAttention(2, 2, name="attention")(tokens, tokens)
    model = keras.Model(inputs, layers.GroupNormalization(2)(tokens))

    def spared(exclusion: Any) -> list[str]:
        found = spared_variables(model, exclusion)
        pairs = zip(model.trainable_variables, found, strict=True)
        return [each.name for each, is_spared in pairs if is_spared]

    assert spared("none") == []
    norms = ["bias"] * 4 + ["gamma", "beta"]  # those of attention have two dimensions
    assert spared("biases_and_norms") == norms
    assert spared("biases_norms_and_embeddings") == ["embeddings", *norms]


def test_frozen_layers_count_toward_the_distance_from_the_head() -> None:
    dense = layers.Dense
    held = dense(3, name="held", trainable=False)
    parts = [dense(3), held, dense(3), dense(2)]
    model = keras.Sequential([keras.Input((4,)), *parts])
    expected = [0.125, 0.125, 0.5, 0.5, 1.0, 1.0]
    assert rate_multipliers(model, 0.5) == expected
    held.trainable = True
    assert rate_multipliers(model, 0.5)[2:4] == [0.25, 0.25]


class Own(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.dense = layers.Dense(2)

    def call(self, inputs: Any) -> Any:
        return self.dense(inputs)


def test_unknown_layer_order_is_rejected_only_with_layer_decay() -> None:
    model = Own()
    model(np.zeros((1, 3)))
    with pytest.raises(ConfigError, match=r"order of the layers.*layer_decay=0.9.*own"):
        rate_multipliers(model, 0.9)
    assert rate_multipliers(model, 1.0) == [1.0, 1.0]
    options = {"weight_decay": 0.1, "exclude_from_weight_decay": "biases_and_norms"}
    model.compile(Optimizer("sgd", **options).build(), "mse")
    build_optimizer_of(model)
    assert model.optimizer.spared == (False, True)


def test_optimizer_keeps_its_name_and_round_trips_through_its_config() -> None:
    options = {"layer_decay": 0.5, "exclude_from_weight_decay": "biases_and_norms"}
    model = network()
    model.compile(Optimizer("adamw", **options).build(), "mse")
    with pytest.raises(ConfigError, match="must know the model"):
        model.optimizer.build(model.trainable_variables)
    build_optimizer_of(model)
    made = keras.optimizers.deserialize(keras.optimizers.serialize(model.optimizer))
    assert type(made).__name__ == "AdamW"
    assert isinstance(made, keras.optimizers.AdamW)
    made.build(model.trainable_variables)
    np.testing.assert_equal(made.get_config(), model.optimizer.get_config())
    assert made.multipliers == (0.5, 0.5, 0.5, 0.5, 1.0, 1.0)
    assert made.spared == (False, True, True, True, False, True)


@pytest.mark.nightly
def test_reloaded_compiled_model_continues_identically(tmp_path: Path) -> None:
    model = network()
    options = {"layer_decay": 0.5, "exclude_from_weight_decay": "biases_and_norms"}
    model.compile(Optimizer("adamw", **options).build(), "mse")
    build_optimizer_of(model)
    step(model)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.optimizer.multipliers == model.optimizer.multipliers
    for each in (model, loaded):
        step(each)
    for ours, theirs in zip(model.weights, loaded.weights, strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


def test_optimizer_without_layerwise_options_is_that_of_keras() -> None:
    for options in ({}, {"layer_decay": None}, {"exclude_from_weight_decay": "none"}):
        assert type(Optimizer("adam", **options).build()) is keras.optimizers.Adam


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"layer_decay": 0.0}, r"`optimizer.layer_decay` must be .*0.0"),
        ({"layer_decay": 1.5}, r"`optimizer.layer_decay` must be .*1.5"),
        ({"exclude_from_weight_decay": "norms"}, "exclude_from_weight_decay` must be"),
        ({"exclude_from_weight_decay": "biases_and_norms"}, "needs a `weight_decay`"),
    ],
)
def test_invalid_options_are_rejected(options: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        Optimizer("adam", **options)
