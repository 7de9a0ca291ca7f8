"""Whatever depends on how a batch is split is named before the first step."""

import random
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from batch_dependent import (
    FOUND,
    RIGHT,
    CountsCalls,
    Largest,
    PlainCalls,
    RunningMean,
    Traced,
    model_of,
    one_hot,
    slightly_of_the_batch,
)
from compiled_models import CASES
from helpers import replicas, weights_of
from keraunos import ConfigError, OutOfMemoryError, Trainer
from keraunos.models import FunctionModule, Module
from keraunos.trainer.probe.replica_probe import check_replicas
from keraunos.trainer.setup.compiled_model import build_model
from keraunos.trainer.setup.datasets import as_source

layers = keras.layers


def some_fast(names: Iterable[str], *fast: str) -> list[Any]:
    """Parameters, all slow except the given ones."""
    return [n if n in fast else pytest.param(n, marks=pytest.mark.slow) for n in names]


@pytest.fixture(scope="module")
def strategies() -> dict[int, tf.distribute.Strategy]:
    return {count: replicas(count) for count in (2, 4)}


@pytest.fixture
def check(strategies: Any) -> Callable[..., keras.Model]:
    def run(
        build: Any, data: Any, count: int = 2, batch_size: int = 4, sync: bool = True
    ) -> keras.Model:
        module = build if isinstance(build, Module) else FunctionModule(build)
        dataset = tf.data.Dataset.from_tensor_slices(data).batch(batch_size)
        source, strategy = as_source(dataset, "data"), strategies[count]
        keras.utils.set_random_seed(0)  # which difference is largest depends on weights
        model = build_model(module, strategy, source, sync)
        check_replicas(model, module, strategy, source)
        return model

    return run


@pytest.mark.parametrize(
    "name",
    some_fast(
        FOUND,
        "a running mean",
        "a metric held by a layer",
        "a gradient scaled by the batch",
        "rows counted by TensorFlow",
        "a training_step",
    ),
)
def test_dependence_on_the_batch_split_is_found_and_named(name: str, check: Any) -> None:
    module, named, data = FOUND[name]
    with pytest.raises(ConfigError) as caught:
        check(module, data())
    said = str(caught.value)
    for each in (named, " whole, ", " split", "devices=1", "trainer.check_replicas=false"):
        assert each in said


def test_all_dependences_on_the_batch_split_are_named_in_one_error(check: Any) -> None:
    build = model_of(
        RunningMean,
        Traced,
        loss=slightly_of_the_batch,
        metrics=[Largest],
    )
    with pytest.raises(ConfigError) as caught:
        check(build, one_hot())
    for each in ("loss 'slightly_of_the_batch'", "metric 'largest'", "/own'"):
        assert each in str(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_small_dependence_of_a_loss_is_found_in_low_precision(
    policy: str, check: Any
) -> None:
    keras.config.set_dtype_policy(policy)
    try:
        with pytest.raises(ConfigError, match="slightly_of_the_batch"):
            check(model_of(loss=slightly_of_the_batch), one_hot())
        check(model_of(layers.BatchNormalization), one_hot())
    finally:
        keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize("count", [2, pytest.param(4, marks=pytest.mark.nightly)])
@pytest.mark.parametrize("name", some_fast(CASES, "BatchNorm", "positions"))
def test_compiled_models_pass(name: str, count: int, check: Any) -> None:
    check(CASES[name].build, CASES[name].elements(9), count)


@pytest.mark.slow
def test_data_with_fewer_rows_than_the_check_reads_passes(check: Any) -> None:
    for rows in (1, 3):
        check(model_of(), tuple(each[:rows] for each in one_hot()), count=4, batch_size=2)


@pytest.mark.parametrize("name", some_fast(RIGHT, "a counter of calls", "random layers"))
def test_models_exact_on_replicas_pass(name: str, check: Any) -> None:
    check(RIGHT[name], one_hot())


@pytest.mark.slow
def test_random_image_layers_and_recurrent_dropout_pass(check: Any) -> None:
    def images() -> keras.Model:
        model = keras.Sequential(
            [
                keras.Input((8, 8, 3)),
                layers.RandomFlip(),
                layers.RandomRotation(0.2),
                layers.RandomContrast(0.3),
                layers.SpatialDropout2D(0.3),
                layers.Reshape((8, 24)),
                layers.GRU(3, dropout=0.2, recurrent_dropout=0.2),
            ]
        )
        model.compile("sgd", "mse")
        return model

    values = np.random.default_rng(0)
    check(images, (values.random((9, 8, 8, 3)), values.random((9, 3))))


@pytest.mark.slow
def test_masked_tokens_with_per_token_weights_pass(check: Any) -> None:
    def tagger() -> keras.Model:
        model = keras.Sequential(
            [
                keras.Input((6,), dtype="int32"),
                layers.Embedding(9, 3, mask_zero=True),
                layers.Dense(3, "softmax"),
            ]
        )
        loss = keras.losses.SparseCategoricalCrossentropy(
            reduction="mean_with_sample_weight"
        )
        model.compile("sgd", loss, metrics=["accuracy"], weighted_metrics=["accuracy"])
        return model

    values = np.random.default_rng(0)
    words, tags = values.integers(0, 9, (9, 6)), values.integers(0, 3, (9, 6))
    check(tagger, (words, tags, values.random((9, 6))))


@pytest.mark.slow
def test_disabling_sync_batch_norm_exempts_only_batch_norm(
    check: Any,
) -> None:
    model = check(model_of(layers.BatchNormalization), one_hot(), sync=False)
    assert not model.layers[1].synchronized
    with pytest.raises(ConfigError, match="metric 'largest'"):
        check(
            model_of(layers.BatchNormalization, metrics=[Largest]),
            one_hot(),
            sync=False,
        )


def test_check_leaves_model_and_random_state_unchanged(check: Any, strategies: Any) -> None:
    build = model_of(
        layers.BatchNormalization, lambda: layers.Dropout(0.5), CountsCalls, PlainCalls
    )
    module, strategy = FunctionModule(build), strategies[2]
    source = as_source(tf.data.Dataset.from_tensor_slices(one_hot()).batch(4), "data")
    model = build_model(module, strategy, source, sync_batch_norm=True)
    states = random.getstate(), np.random.get_state()[1].tolist()
    before = everything(model, strategy)
    check_replicas(model, module, strategy, source)
    after = everything(model, strategy)
    assert len(before) > 10
    assert [each.tobytes() for each in after] == [each.tobytes() for each in before]
    assert (random.getstate(), np.random.get_state()[1].tolist()) == states


def everything(model: keras.Model, strategy: Any) -> list[np.ndarray]:
    """Values of all variables on each replica."""
    variables = [*model.variables, *model.optimizer.variables, *model.metrics_variables]
    inner = [*(variable.value for variable in variables), model.layers[4].count]
    return [
        each.numpy()
        for variable in inner
        for each in strategy.experimental_local_results(variable)
    ]


def test_check_does_not_bake_constants_into_layer_functions(check: Any) -> None:
    model = check(model_of(Traced), one_hot())
    inputs = one_hot()[0][:5]
    before = model(inputs).numpy()
    model.layers[1].scale.assign(0.0)
    assert np.abs(model(inputs).numpy() - before).max() > 1e-3


def test_model_errors_carry_a_note_about_the_check(check: Any) -> None:
    class Fails(layers.Layer):
        def call(self, inputs: Any) -> Any:
            if tf.executing_eagerly():
                raise ZeroDivisionError("of the user")
            return inputs

    with pytest.raises(ZeroDivisionError) as caught:
        check(model_of(Fails), one_hot())
    assert "switch trainer.check_replicas off" in caught.value.__notes__[0]


def test_running_out_of_memory_in_the_check_raises_its_own_error(
    check: Any,
) -> None:
    class Fails(layers.Layer):
        def call(self, inputs: Any) -> Any:
            if tf.executing_eagerly():
                raise tf.errors.ResourceExhaustedError(None, None, "OOM")
            return inputs

    with pytest.raises(OutOfMemoryError, match="check_replicas=false"):
        check(model_of(Fails), one_hot())


def test_a_fit_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    dataset = tf.data.Dataset.from_tensor_slices(one_hot()).batch(4)
    trainer = Trainer(strategy=replicas(2), run_dir=tmp_path / "run", callbacks=[])
    with pytest.raises(ConfigError, match="metric 'largest'"):
        trainer.fit(model_of(metrics=[Largest]), dataset)
    assert not list((tmp_path / "run").glob("[!.]*"))


@pytest.mark.slow
def test_unchecked_run_reports_that_replicas_are_not_checked() -> None:
    dataset = tf.data.Dataset.from_tensor_slices(one_hot()).batch(4)
    build = model_of(metrics=[Largest])
    for check, count in ((True, 0), (False, 1)):
        trainer = Trainer(strategy=replicas(2), check_replicas=check, callbacks=[])
        lines = trainer.describe(build, dataset)
        assert sum("replicas: not checked" in line for line in lines) == count
    assert trainer.settings.model_dump()["check_replicas"] is False


@pytest.mark.slow
def test_training_is_bit_identical_with_and_without_the_check() -> None:
    def fit(check_replicas: bool) -> Any:
        dataset = tf.data.Dataset.from_tensor_slices(one_hot()).shuffle(22, seed=1).batch(4)
        build = model_of(layers.BatchNormalization, lambda: layers.Dropout(0.5))
        trainer = Trainer(
            strategy=replicas(2), max_epochs=2, callbacks=[], check_replicas=check_replicas
        )
        return trainer.fit(build, dataset)

    fit(True)  # the first of a process shuffles in another order
    checked, unchecked = fit(True), fit(False)
    for name in ("loss", "gradient_norm"):
        assert checked.history[name] == unchecked.history[name]
    weights = zip(weights_of(checked.model), weights_of(unchecked.model), strict=True)
    assert all(np.array_equal(first, second) for first, second in weights)
