"""Mixed precision: what a policy changes, and a loss scale on several replicas."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from engine import Engine
from helpers import classifier, examples, replicas, weights_of
from keraunos import Trainer


@pytest.fixture
def mixed_float16() -> Any:
    keras.config.set_dtype_policy("mixed_float16")
    yield
    keras.config.set_dtype_policy("float32")


def build() -> keras.Model:
    model = keras.Sequential(
        [keras.Input((5,)), keras.layers.Dense(1, use_bias=False, dtype="mixed_float16")]
    )
    inner = keras.optimizers.SGD(0.01)
    model.compile(keras.optimizers.LossScaleOptimizer(inner, initial_scale=256.0), "mse")
    return model


def batches(*, overflow_at: int | None) -> tf.data.Dataset:
    """Three batches of four; the last example of one makes float16 overflow."""
    x = examples(12)[0].astype("float32")
    if overflow_at is not None:
        x[4 * overflow_at + 3] = 3e4
    y = np.zeros((12, 1), "float32")
    return tf.data.Dataset.from_tensor_slices((x, y)).batch(4)


@pytest.mark.slow
@pytest.mark.feature("mixed precision")
def test_overflow_on_one_replica_skips_the_step_on_all_replicas(
    mixed_float16: None,
) -> None:
    results = []
    for count in (1, 2, 4):
        engine = Engine(build, batches(overflow_at=None), count)
        engine.train(batches(overflow_at=1), epochs=1)
        optimizer = engine.model.optimizer
        assert float(optimizer.dynamic_scale.numpy()) == 128.0
        assert int(optimizer.iterations.numpy()) == 2
        results.append(weights_of(engine.model)[0])
    assert np.isfinite(results).all()
    for other in results[1:]:
        np.testing.assert_allclose(other, results[0], rtol=2e-3)  # float16 has 11 bits


@pytest.mark.slow
def test_overflow_steps_are_not_divergence_and_other_batches_train(
    mixed_float16: None,
) -> None:
    engine = Engine(build, batches(overflow_at=None), 2)
    start = weights_of(engine.model)[0]
    engine.train(batches(overflow_at=0), epochs=1)
    assert not np.array_equal(weights_of(engine.model)[0], start)


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["mixed_float16", "mixed_bfloat16"])
def test_trainer_sets_the_dtype_policy_only_during_fit(precision: str) -> None:
    x, y, _ = examples(13)
    dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(4)
    trainer = Trainer(strategy=replicas(2), precision=precision, max_epochs=4, callbacks=[])
    result = trainer.fit(classifier(), dataset)
    assert result.model.layers[0].dtype_policy.name == precision
    assert result.model.layers[0].kernel.dtype == "float32"
    assert result.history["loss"][-1] < result.history["loss"][0]
    assert keras.config.dtype_policy().name == "float32"
    scales = isinstance(result.model.optimizer, keras.optimizers.LossScaleOptimizer)
    assert scales == (precision == "mixed_float16")
