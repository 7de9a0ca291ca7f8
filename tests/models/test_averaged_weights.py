import keras
import numpy as np
import pytest
import tensorflow as tf
from keraunos.core.errors import ConfigError
from keraunos.models.averaged_weights import AveragedWeights
from keraunos.models.keras_internals import averages_of

STRATEGY = tf.distribute.get_strategy()


def model_with(optimizer: keras.optimizers.Optimizer) -> keras.Model:
    """A model whose weights and averages are numbers whose sums are not exact."""
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.compile(optimizer)
    optimizer.build(model.trainable_variables)
    random = np.random.default_rng(0)
    for pair in averages_of(optimizer):
        for variable in pair:
            variable.assign(random.normal(size=variable.shape, scale=1e-3) ** 3)
    return model


def values(variables) -> list[np.ndarray]:
    return [np.array(each.numpy()) for each in variables]


@pytest.mark.parametrize("is_scaled", [False, True])
def test_weights_and_averages_are_swapped_bit_identically(is_scaled):
    inner = keras.optimizers.SGD(use_ema=True)
    optimizer = keras.optimizers.LossScaleOptimizer(inner) if is_scaled else inner
    model = model_with(optimizer)
    weights, averages = zip(*averages_of(optimizer), strict=True)
    before = values(weights), values(averages)
    swap = AveragedWeights(model, STRATEGY)
    with swap.in_model(), swap.in_model():
        exchanged = values(averages), values(weights)
        outputs = model(np.ones((1, 3), "float32")).numpy()
    after = values(weights), values(averages)
    kernel, bias = before[1]
    np.testing.assert_allclose(outputs[0], kernel.sum(axis=0) + bias, rtol=1e-5)
    for found in (exchanged, after):
        for group, expected in zip(found, before, strict=True):
            np.testing.assert_equal(group, expected)


def test_weights_are_swapped_back_after_an_error():
    model = model_with(keras.optimizers.SGD(use_ema=True))
    before = values(model.weights)
    swap = AveragedWeights(model, STRATEGY)
    with pytest.raises(KeyError), swap.in_model():
        raise KeyError
    np.testing.assert_equal(values(model.weights), before)


def test_averages_start_as_the_weights():
    optimizer = keras.optimizers.SGD(use_ema=True)
    model = model_with(optimizer)
    AveragedWeights(model, STRATEGY).start()
    weights, averages = zip(*averages_of(optimizer), strict=True)
    np.testing.assert_equal(values(averages), values(weights))


def test_optimizer_without_averages_is_rejected():
    with pytest.raises(ConfigError, match=r"Set optimizer\.use_ema=true"):
        AveragedWeights(model_with(keras.optimizers.SGD()), STRATEGY)
