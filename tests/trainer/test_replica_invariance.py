"""The number of replicas does not change the result of training (design, invariant 1)."""

import functools
from collections.abc import Callable, Container, Iterable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from compiled_models import CASES, Case, compiled, weighted, with_batch_norm
from engine import Engine

BATCH_SIZE = 4
SIZES = range(1, 2 * BATCH_SIZE + 2)
Optimizers = dict[str, Callable[..., keras.optimizers.Optimizer]]

OPTIMIZERS: Optimizers = {
    "SGD": lambda **options: keras.optimizers.SGD(0.05, momentum=0.9, **options),
    "Adam": lambda **options: keras.optimizers.Adam(0.01, **options),
    "AdamW": lambda **options: keras.optimizers.AdamW(0.01, **options),
}
OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "accumulation": {"gradient_accumulation_steps": 3},
    "global_clipnorm": {"global_clipnorm": 0.1},
    "EMA": {"use_ema": True, "ema_momentum": 0.8, "ema_overwrite_frequency": 2},
    "clipnorm": {"clipnorm": 0.05},
    "clipvalue": {"clipvalue": 0.01},
}
# AdamW extends Adam, and all optimizers share their options.
COMBINATIONS = [
    *(("SGD", option) for option in OPTIONS),
    ("Adam", "plain"),
    *(("AdamW", option) for option in OPTIONS if option not in ("clipnorm", "clipvalue")),
]
FAST = {"BatchNorm"}
# Other cases test the same with another reduction, or another way to name a loss.
VARIANTS = {
    "a loss by name",
    "reduction mean_with_sample_weight",
    "reduction sum_over_batch_size",
}


def epochs_of(size: int) -> int:
    """Two where one batch is full and the last is not, and otherwise one."""
    return 2 if size % BATCH_SIZE == 1 and size > 1 else 1


@pytest.fixture(scope="module")
def engine() -> Callable[[str, int], Engine]:
    """Trains a compiled model on this many replicas; each is traced once for all tests."""
    return functools.cache(
        lambda name, count: Engine(CASES[name].build, CASES[name].dataset(1), count)
    )


def batches_of_all_sizes(case: Case) -> tf.data.Dataset:
    """Batches of 8, 1, 7, 2, 6, 3, 5, 4 and 8 examples."""
    sizes = [8, 1, 7, 2, 6, 3, 5, 4, 8]
    flat = tf.data.Dataset.from_tensor_slices(case.elements(sum(sizes)))
    starts = np.cumsum([0, *sizes[:-1]])
    parts = [flat.skip(s).take(n).batch(n) for s, n in zip(starts, sizes, strict=True)]
    whole = parts[0]
    for part in parts[1:]:
        whole = whole.concatenate(part)
    return whole


def nightly(values: Iterable[str], but: Container[str] = ()) -> list[Any]:
    """Parameters, all nightly except the given ones."""
    mark = pytest.mark.nightly
    return [v if v in but else pytest.param(v, marks=mark) for v in values]


def _layer(name: str) -> pytest.MarkDecorator:
    return pytest.mark.nightly if name in VARIANTS else pytest.mark.slow


@pytest.mark.parametrize(
    "name",
    [name if name in FAST else pytest.param(name, marks=_layer(name)) for name in CASES],
)
def test_two_replicas_equal_one(name: str, engine: Any, float64: None) -> None:
    dataset = batches_of_all_sizes(CASES[name])
    expected = engine(name, 1).train(dataset)
    assert_same(engine(name, 2).train(dataset), expected)


@pytest.mark.slow
@pytest.mark.parametrize("name", nightly(CASES, but={"BatchNorm"}))
def test_four_replicas_equal_one(name: str, engine: Any, float64: None) -> None:
    dataset = batches_of_all_sizes(CASES[name])
    expected = engine(name, 1).train(dataset)
    assert_same(engine(name, 4).train(dataset), expected)


@pytest.mark.slow
@pytest.mark.parametrize("count", [2, pytest.param(4, marks=pytest.mark.nightly)])
@pytest.mark.parametrize("name", nightly(CASES, but=FAST))
def test_replicas_equal_one_for_every_dataset_size(
    name: str, count: int, engine: Any, float64: None
) -> None:
    for size in SIZES:
        dataset = CASES[name].dataset(size)
        epochs = epochs_of(size)
        expected = engine(name, 1).train(dataset, epochs)
        assert_same(engine(name, count).train(dataset, epochs), expected)


@pytest.fixture(scope="module")
def optimized() -> Callable[..., Engine]:
    """Trains with an optimizer and an option on this many replicas."""

    @functools.cache
    def made(optimizer: str, option: str, count: int, steps: int = 16) -> Engine:
        def build() -> keras.Model:
            return with_optimizer(OPTIMIZERS[optimizer](**OPTIONS[option]))

        dataset = Case(build, weighted).dataset(1, BATCH_SIZE)
        return Engine(build, dataset, count, steps)

    return made


@pytest.mark.feature("gradient accumulation", "gradient clipping")
@pytest.mark.slow
@pytest.mark.parametrize(
    "option",
    [
        "accumulation",
        "global_clipnorm",
        pytest.param("EMA", marks=pytest.mark.nightly),
        pytest.param("clipvalue", marks=pytest.mark.nightly),
    ],
)
def test_optimizer_options_apply_to_sums_over_replicas(
    option: str, optimized: Any, float64: None
) -> None:
    dataset = batches_of_all_sizes(Case(keras.Model, weighted))
    expected = optimized("SGD", option, 1).train(dataset)
    assert_same(optimized("SGD", option, 2).train(dataset), expected)
    plain = optimized("SGD", "plain", 1).train(dataset)
    assert float(np.abs(plain[1][0] - expected[1][0]).max()) > 1e-4


@pytest.mark.nightly
@pytest.mark.parametrize(("optimizer", "option"), COMBINATIONS)
def test_replicas_equal_one_for_every_optimizer_and_dataset_size(
    optimizer: str, option: str, optimized: Any, float64: None
) -> None:
    one, *others = (
        optimized(optimizer, option, count, steps)
        for count, steps in ((1, 16), (2, 16), (4, 1))
    )
    for size in SIZES:
        dataset = Case(keras.Model, weighted).dataset(size, BATCH_SIZE)
        epochs = 2 if option == "accumulation" else epochs_of(size)
        expected = one.train(dataset, epochs)
        for engine in others:
            assert_same(engine.train(dataset, epochs), expected)


@pytest.mark.nightly
def test_float32_weights_agree_in_norm_on_four_replicas() -> None:
    case = Case(with_batch_norm, CASES["BatchNorm"].elements)
    dataset = batches_of_all_sizes(case)
    (_, one), (_, four) = (
        Engine(case.build, dataset, count).train(dataset) for count in (1, 4)
    )
    # All weights in one: the bias before a BatchNorm has no gradient but rounding.
    first, second = (np.concatenate([w.ravel() for w in each]) for each in (one, four))
    assert np.linalg.norm(first - second) <= 1e-5 * np.linalg.norm(first)


def with_optimizer(optimizer: keras.optimizers.Optimizer) -> keras.Model:
    """A regularized model with weighted examples and BatchNorm."""
    model = compiled("sparse_categorical_crossentropy", kernel_regularizer="l2")
    inputs = model.inputs[0]
    hidden = keras.layers.BatchNormalization()(model.layers[1](inputs))
    normalized = keras.Model(inputs, model.layers[2](hidden))
    normalized.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return normalized


def assert_same(got: tuple[Any, Any], expected: tuple[Any, Any]) -> None:
    for ours, theirs in zip(got[0], expected[0], strict=True):
        assert ours.keys() == theirs.keys()
        for name, value in theirs.items():
            assert ours[name] == pytest.approx(value, rel=1e-10, abs=1e-10), name
    for ours, theirs in zip(got[1], expected[1], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-10)


@pytest.mark.slow
def test_unsynchronized_batch_norm_statistics_are_averaged_over_replicas(
    float64: None,
) -> None:
    """Keras would let the replicas diverge, and save the first one's."""
    dataset = CASES["BatchNorm"].dataset(6)
    engine = Engine(with_batch_norm, dataset, 3, sync_batch_norm=False)
    hidden, norm = engine.model.layers[1:3]
    start = keras.Model(engine.model.inputs, hidden.output).predict(dataset, verbose=0)
    engine.train(dataset, epochs=1)
    parts = np.split(start, 3)
    for variable, initial, seen in (
        (norm.moving_mean, 0.0, [part.mean(0) for part in parts]),
        (norm.moving_variance, 1.0, [part.var(0) for part in parts]),
    ):
        expected = norm.momentum * initial + (1 - norm.momentum) * np.mean(seen, axis=0)
        for replica in engine.strategy.experimental_local_results(variable.value):
            np.testing.assert_allclose(replica, expected, rtol=1e-10)
