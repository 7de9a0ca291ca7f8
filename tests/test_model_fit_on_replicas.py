"""What the README states about `Model.fit` and Keraunos on several devices.

Once Keras fixes one of these, a test here fails and its row in the README goes.
"""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import examples, largest_difference, replicas, weights_of
from keraunos.trainer import Trainer

pytestmark = pytest.mark.nightly  # trainer/test_replica_invariance.py shows ours

BATCH_SIZE = 16
Options = dict[str, Any]
Fit = Callable[["Case", int], list[np.ndarray]]


class Case:
    """A model from a row of the README, and the number of examples it trains on."""

    def __init__(
        self,
        size: int,
        batch_norm: bool = False,
        steps_per_execution: int = 1,
        **optimizer_options: Any,
    ) -> None:
        self.size = size
        self._batch_norm = batch_norm
        self._steps_per_execution = steps_per_execution
        self._optimizer_options = optimizer_options

    def dataset(self) -> tf.data.Dataset:
        inputs, targets, _ = examples(self.size)
        return tf.data.Dataset.from_tensor_slices((inputs, targets)).batch(BATCH_SIZE)

    def build(self) -> keras.Model:
        keras.utils.set_random_seed(0)
        layers = [keras.Input((5,)), keras.layers.Dense(8, "tanh")]
        layers += [keras.layers.BatchNormalization()] * self._batch_norm
        model = keras.Sequential([*layers, keras.layers.Dense(3, "softmax")])
        model.compile(
            keras.optimizers.SGD(0.5, **self._optimizer_options),
            loss="sparse_categorical_crossentropy",
            steps_per_execution=self._steps_per_execution,
        )
        return model


def model_fit(case: Case, count: int) -> list[np.ndarray]:
    with replicas(count).scope():
        model = case.build()
    model.fit(case.dataset(), verbose=0)
    return weights_of(model)


def keraunos_fit(case: Case, count: int) -> list[np.ndarray]:
    trainer = Trainer(
        strategy=replicas(count), max_epochs=1, callbacks={"progress_bar": None}
    )
    return weights_of(trainer.fit(case.build, case.dataset()).model)


def difference_of_two_devices(fit: Fit, case: Case) -> float:
    return largest_difference(fit(case, 1), fit(case, 2))


ONE_IN_THE_LAST_BATCH = Case(33)
BATCH_NORM = Case(49, batch_norm=True)
CLIPPING = Case(50, global_clipnorm=0.1)
ACCUMULATION = Case(50, gradient_accumulation_steps=2)
AVERAGES = Case(50, use_ema=True, ema_overwrite_frequency=2)
SEVERAL_STEPS = Case(50, steps_per_execution=16)


@pytest.mark.parametrize(
    "case",
    [
        ONE_IN_THE_LAST_BATCH,
        BATCH_NORM,
        CLIPPING,
        ACCUMULATION,
        AVERAGES,
        SEVERAL_STEPS,
    ],
)
def test_two_devices_match_one_with_keraunos(case: Case) -> None:
    assert difference_of_two_devices(keraunos_fit, case) < 1e-6


@pytest.mark.parametrize(
    ("case", "digit"), [(ONE_IN_THE_LAST_BATCH, 0.2), (CLIPPING, 0.02)]
)
def test_two_devices_differ_from_one_with_model_fit(case: Case, digit: float) -> None:
    difference = difference_of_two_devices(model_fit, case)
    assert float(f"{difference:.0e}") == digit


def test_batch_norm_becomes_nan_on_two_devices_with_model_fit() -> None:
    assert np.isfinite(np.concatenate([w.ravel() for w in model_fit(BATCH_NORM, 1)])).all()
    assert np.isnan(np.concatenate([w.ravel() for w in model_fit(BATCH_NORM, 2)])).any()


@pytest.mark.parametrize(
    ("case", "error"),
    [
        (ACCUMULATION, RuntimeError),
        (AVERAGES, RuntimeError),
        (SEVERAL_STEPS, tf.errors.InvalidArgumentError),
    ],
)
def test_model_fit_fails_on_two_devices(case: Case, error: type[Exception]) -> None:
    model_fit(case, 1)
    with pytest.raises(error):
        model_fit(case, 2)
