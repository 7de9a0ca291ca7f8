from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import classifier, examples, replicas
from keraunos import ConfigError, Module, Trainer
from keraunos.callbacks import (
    BackboneFinetuning,
    Callback,
    EarlyStopping,
    ModelCheckpoint,
    PlateauWatch,
)
from keraunos.callbacks.monitor import Monitor
from keraunos.search.trial_progress import ReportsProgress

KERAS = keras.callbacks


def dataset(rows: int = 9) -> tf.data.Dataset:
    return tf.data.Dataset.from_tensor_slices(examples(rows)[:2]).batch(4)


class Steps(Callback):
    """Counts steps."""

    def __init__(self) -> None:
        self.count = 0

    def on_train_step_end(self, run: Any) -> None:
        self.count += 1


def fit(*callbacks: Any, module: Any = None, count: int = 1, **arguments: Any) -> Any:
    """Returns the error that ended the fit, and the number of steps before it."""
    steps = Steps()
    trainer = Trainer(strategy=replicas(count), max_epochs=1, callbacks=[steps, *callbacks])
    arguments.setdefault("validation_data", dataset(5))
    try:
        trainer.fit(module or classifier(), dataset(), **arguments)
    except ConfigError as error:
        return str(error), steps.count
    return None, steps.count


@pytest.mark.parametrize(
    ("callback", "label"),
    [
        (EarlyStopping("val_accurcy"), "early_stopping"),
        (PlateauWatch(monitor="val_accurcy"), "plateau_watch"),
        (BackboneFinetuning("conv5", monitor="val_accurcy"), "backbone_finetuning"),
        (ReportsProgress(Monitor("val_accurcy")), "reports_progress"),
        (KERAS.EarlyStopping("val_accurcy"), "keras_early_stopping"),
        (KERAS.ReduceLROnPlateau("val_accurcy"), "keras_reduce_lr_on_plateau"),
        (
            KERAS.ModelCheckpoint("x.keras", "val_accurcy", save_best_only=True),
            "keras_model_checkpoint",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_unknown_monitored_metric_is_refused_before_the_first_step(callback, label):
    said, steps = fit(callback)
    assert steps == 0
    assert (
        f"`callbacks.{label}.monitor` must be one of loss, accuracy, val_loss, val_acc"
        in said
    )
    assert f"{label}.monitor='val_accurcy'. Did you mean val_accuracy?" in said


def test_all_unknown_metrics_are_named_at_once_without_repeats(tmp_path):
    trainer = Trainer(
        run_dir=tmp_path / "run",
        strategy=replicas(2),
        callbacks=[
            EarlyStopping("val_accurcy"),
            PlateauWatch(monitor="val_accurcy"),
            ModelCheckpoint("val_auc"),
        ],
    )
    with pytest.raises(ConfigError) as caught:
        trainer.describe(classifier(), dataset(), validation_data=dataset(5))
    first, second = str(caught.value).splitlines()
    assert (
        "callbacks.early_stopping.monitor='val_accurcy'. Did you mean val_accuracy?"
        in first
    )
    assert "callbacks.model_checkpoint.monitor='val_auc'" in second
    assert not (tmp_path / "run").exists()


def test_error_mentions_missing_validation_data():
    said, _ = fit(EarlyStopping(), validation_data=None)
    assert (
        "Received: callbacks.early_stopping.monitor='val_loss'. There is no validation"
        in said
    )


class OwnStep(Module):
    """Logs a name that only its step knows."""

    def build(self) -> keras.Model:
        model = classifier()()
        model.compile("sgd")
        return model

    def training_step(self, model: Any, batch: Any, training: bool) -> dict[str, Any]:
        inputs, targets, _ = batch
        predictions = model(inputs, training=training)
        loss = keras.losses.sparse_categorical_crossentropy(targets, predictions)
        return {"loss": loss, "predictions": predictions, "margin_error": loss}


class AddsMetric(Callback):
    """Adds a metric for the callbacks after it."""

    def on_validation_end(self, run: Any) -> None:
        run.metrics["val_cost"] = 1.0

    def on_epoch_end(self, run: Any) -> None:
        run.metrics["val_cost"] = 1.0


def test_metrics_known_only_after_an_epoch_are_accepted():
    assert fit(EarlyStopping("val_margin_error"), module=OwnStep()) == (None, 3)
    assert fit(AddsMetric(), EarlyStopping("val_cost", mode="min")) == (None, 3)


def test_every_measured_metric_can_be_monitored():
    class Named(Callback):
        monitored_metrics: tuple[str, ...] = ()

        def on_fit_end(self, run: Any) -> None:
            type(self).monitored_metrics = tuple(run.metrics)

    def build() -> keras.Model:
        model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(3, "softmax")])
        metrics = keras.metrics
        several = [
            "accuracy",
            metrics.F1Score(),
            metrics.Precision(thresholds=[0.3, 0.7]),
            metrics.MeanIoU(3, sparse_y_true=False, sparse_y_pred=False),
            metrics.R2Score(),
        ]
        model.compile("sgd", "categorical_crossentropy", metrics=several)
        return model

    x = np.random.default_rng(0).normal(size=(9, 5)).astype("float32")
    data = tf.data.Dataset.from_tensor_slices((x, np.eye(3)[np.arange(9) % 3])).batch(4)
    for _ in range(2):  # the second monitors all that the first has measured
        trainer = Trainer(strategy=replicas(1), max_epochs=1, callbacks=[Named()])
        trainer.fit(build, data, validation_data=data)
    assert "val_f1_score_2" in Named.monitored_metrics
