"""Losses and callbacks of Keras work unchanged, on two replicas and resumed."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import examples, largest_difference, replicas, weights_of
from keraunos import Trainer
from keraunos.configs import ModelConfig
from keraunos.models.losses import classification_loss
from one_trace import one_trace
from resumable_runs import Sender, assert_equal, dataset, state

Build = Callable[[], keras.Model]


def building(loss: Callable[[], Any], **options: Any) -> Build:
    """A builder of a model with a loss of Keras and options of its optimizer."""

    def build() -> keras.Model:
        layers = [keras.layers.Dense(4, "tanh"), keras.layers.Dense(3, "softmax")]
        model = keras.Sequential([keras.Input((5,)), *layers])
        optimizer = keras.optimizers.AdamW(0.05, **options)
        model.compile(optimizer, loss(), metrics=["accuracy"])
        return model

    return build


def one_hot(seed: int = 0) -> tf.data.Dataset:
    """Examples with weights, and targets as the losses of Keras want them."""
    inputs, labels, weights = examples(14, seed=seed)
    floatx = keras.config.floatx()
    targets = np.eye(3, dtype=floatx)[labels]
    return tf.data.Dataset.from_tensor_slices((inputs, targets, weights)).batch(4)


def of_name(name: str, **options: Any) -> Any:
    """A loss as `model.loss` names it."""
    config = ModelConfig(loss=name, **options)  # type: ignore[arg-type]
    return classification_loss(config, 3, class_counts=[50, 9, 2])


EMA = building(lambda: "sparse_categorical_crossentropy", use_ema=True, ema_momentum=0.5)
SWAP = keras.callbacks.SwapEMAWeights
KINDS: dict[str, tuple[Build, Any, Callable[[], list[Any]]]] = {
    "focal": (building(keras.losses.CategoricalFocalCrossentropy), one_hot, list),
    "label smoothing": (
        building(lambda: keras.losses.CategoricalCrossentropy(label_smoothing=0.2)),
        one_hot,
        list,
    ),
    **{
        f"{name} by name": (
            building(functools.partial(of_name, name, label_smoothing=0.1)),
            dataset,
            list,
        )
        for name in ("focal", "class_balanced", "logit_adjusted")
    },
    "SwapEMAWeights": (EMA, dataset, lambda: [SWAP()]),
    "SwapEMAWeights on epochs": (EMA, dataset, lambda: [SWAP(swap_on_epoch=True)]),
}


class Fitted(NamedTuple):
    """What a fit leaves once the next one trains the same model."""

    weights: list[np.ndarray]
    history: dict[str, list[float]]
    is_finished: bool


def fit(kind: str, run_dir: Path | None = None, count: int = 1, *extra: Any) -> Fitted:
    build, data, callbacks = KINDS[kind]
    named = {f"own_{number}": each for number, each in enumerate(callbacks())}
    named |= {f"extra_{number}": each for number, each in enumerate(extra)}
    quiet = {"progress_bar": None, "figures": None}
    with one_trace(count, build, keras.config.floatx()) as strategy:
        trainer = Trainer(
            strategy=strategy, max_epochs=3, run_dir=run_dir, callbacks=quiet | named
        )
        result = trainer.fit(build, data(0), validation_data=data(1))
    return Fitted(weights_of(result.model), result.history, result.is_finished)


@pytest.mark.feature("averaged weights", "focal loss")
@pytest.mark.parametrize(
    "kind",
    [
        pytest.param("focal", marks=pytest.mark.nightly),
        pytest.param("label smoothing", marks=pytest.mark.nightly),
        pytest.param("focal by name", marks=pytest.mark.nightly),
        pytest.param("class_balanced by name", marks=pytest.mark.nightly),
        pytest.param("logit_adjusted by name", marks=pytest.mark.nightly),
        pytest.param("SwapEMAWeights", marks=pytest.mark.slow),
        pytest.param("SwapEMAWeights on epochs", marks=pytest.mark.nightly),
    ],
)
def test_two_replicas_match_one(kind: str, float64: None) -> None:
    one, two = fit(kind, count=1), fit(kind, count=2)
    assert largest_difference(one.weights, two.weights) < 1e-10
    np.testing.assert_allclose(one.history["val_loss"], two.history["val_loss"], 1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["SwapEMAWeights", "SwapEMAWeights on epochs"])
def test_interrupted_run_with_swap_ema_weights_resumes_bit_identically(
    kind: str, tmp_path: Path
) -> None:
    whole = fit(kind, tmp_path / "whole")
    for hook, step in (("on_train_step_end", 6), ("on_validation_begin", 8)):
        sender = Sender(hook, step)
        assert not fit(kind, tmp_path / "cut", 1, sender).is_finished
        assert sender.sent == 1
    resumed = fit(kind, tmp_path / "cut")
    assert_equal(state(tmp_path / "cut"), state(tmp_path / "whole"))
    assert largest_difference(resumed.weights, whole.weights) == 0


@pytest.mark.slow
@pytest.mark.feature("averaged weights")
def test_validation_sees_the_averages_and_training_does_not(float64: None) -> None:
    with one_trace(1, EMA, "float64") as strategy:
        plain = Trainer(strategy=strategy, max_epochs=3, callbacks=[])
        without = plain.fit(EMA, dataset(), validation_data=dataset(1)).history
    swapped = fit("SwapEMAWeights").history
    np.testing.assert_allclose(swapped["loss"], without["loss"], 1e-9)
    assert not np.allclose(swapped["val_loss"], without["val_loss"])


def test_keras_callback_with_uncalled_validation_batch_hooks_is_named() -> None:
    class Waits(keras.callbacks.Callback):
        def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
            """Would be called by `Model.fit`."""

    trainer = Trainer(strategy=replicas(1), callbacks=[Waits(), SWAP()])
    lines = trainer.describe(EMA, dataset())
    (line,) = [line for line in lines if "on_test_batch" in line]
    assert line.endswith("keras_waits that are not called: on_test_batch_end")
