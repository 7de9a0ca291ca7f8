"""Training on mixed images: exact on any replicas, exactly resumed, never a wrong loss."""

import re
import signal
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import resumable_runs
import tensorflow as tf
from engine import Engine
from helpers import make_images, replicas
from keraunos import (
    Accuracy,
    Augmentation,
    BalancedAccuracy,
    ClassRecall,
    ConfigError,
    Crossentropy,
    ImageData,
    MacroF1,
    MacroRocAuc,
    Trainer,
)
from keraunos.models import FunctionModule
from keraunos.trainer.setup.class_weight import weighted_by_class
from keraunos.trainer.setup.compiled_model import build_model
from resumable_runs import Sender, assert_equal, state

SIZE, CLASSES = 32, 3
METRICS = (
    Accuracy,
    lambda: BalancedAccuracy(CLASSES),
    lambda: MacroF1(CLASSES),
    lambda: ClassRecall(1),
    lambda: MacroRocAuc(CLASSES),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    counts = {"a": 9, "b": 4, "c": 3}
    return make_images(tmp_path_factory.mktemp("mixed"), counts)


def data_of(folder: Path, **options: Any) -> ImageData:
    return ImageData.from_folder(
        folder,
        image_size=SIZE,
        batch_size=5,
        augmentation=Augmentation(0.5, mixup=0.4, cutmix=1.0),
        **options,
    )


def build(loss: Any = Crossentropy, metrics: Any = METRICS, **optimizer: Any) -> Any:
    """A builder of a model with few weights, compiled each time."""

    def make() -> keras.Model:
        layers = keras.layers
        inputs = keras.Input((SIZE, SIZE, 3))
        pooled = layers.Flatten()(layers.AveragePooling2D(8)(inputs))
        hidden = layers.Dense(4, "tanh")(layers.Rescaling(1 / 255)(pooled))
        model = keras.Model(inputs, layers.Dense(CLASSES, "softmax")(hidden))
        made = [each() if callable(each) else each for each in metrics]
        model.compile(
            keras.optimizers.SGD(0.1, 0.9, **optimizer),
            loss() if callable(loss) else loss,
            metrics=made,
        )
        return model

    return make


@pytest.mark.slow
@pytest.mark.parametrize(
    ("counts", "metrics"),
    [((1, 2), METRICS[:1]), pytest.param((1, 2, 4), METRICS, marks=pytest.mark.nightly)],
    ids=["one metric", "all metrics"],
)
def test_replicas_do_not_change_the_result(
    folder: Path, float64: None, counts: tuple[int, ...], metrics: Any
) -> None:
    """With batches of 5, 5, 5 and 1, weights of classes, and sums over two batches."""
    data = data_of(folder, class_balance="weights", validation_split=0.0)
    make = build(metrics=metrics, gradient_accumulation_steps=2)
    found = {count: Engine(make, data.train, count).train(data.train) for count in counts}
    history, weights = found[1]
    assert history[0]["loss"] != history[1]["loss"]
    for count in counts[1:]:
        for mine, other in zip(found[count][0], history, strict=True):
            assert mine == pytest.approx(other, abs=1e-10)
        for one, another in zip(found[count][1], weights, strict=True):
            np.testing.assert_allclose(one, another, atol=1e-10)


@pytest.mark.nightly
def test_a_run_resumed_within_an_epoch_ends_the_same(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resumable_runs, "events", lambda _: [])  # there are none

    def fit(name: str, **callbacks: Any) -> Any:
        trainer = Trainer(
            strategy=replicas(1),
            max_epochs=3,
            run_dir=tmp_path / name,
            callbacks={"figures": None, "tensorboard": None, **callbacks},
        )
        return trainer.fit(build(), data_of(folder))

    whole = fit("whole")
    assert whole.is_finished
    interrupted = fit("interrupted", extra_0=Sender("on_train_step_end", at_step=4))
    assert interrupted.signal == signal.SIGTERM
    assert fit("interrupted").is_finished
    assert_equal(state(tmp_path / "interrupted"), state(tmp_path / "whole"))


SPARSE = "sparse_categorical_crossentropy"


@pytest.mark.parametrize(
    ("loss", "metrics", "received"),
    [
        (SPARSE, (), f"loss='{SPARSE}'"),
        (lambda: keras.losses.SparseCategoricalCrossentropy(), (), f"loss='{SPARSE}'"),
        ("crossentropy", (), "loss='crossentropy'"),
        ("categorical_crossentropy", (), "loss='categorical_crossentropy'"),
        (Crossentropy, ("accuracy",), "metric='accuracy'"),
        (Crossentropy, ("sparse_top_k_categorical_accuracy",), "metric='sparse_top_k"),
    ],
)
def test_losses_and_metrics_unfit_for_mixed_targets_are_refused(
    folder: Path, loss: Any, metrics: Any, received: str
) -> None:
    module = FunctionModule(build(loss, metrics))
    with pytest.raises(ConfigError, match="mixed images") as raised:
        build_model(module, replicas(1), data_of(folder).train, sync_batch_norm=True)
    assert received in str(raised.value)
    assert re.search(r"keraunos\.(Crossentropy|Accuracy)\(\)", str(raised.value))
    assert "augmentation.mixup" in str(raised.value)


def test_class_weights_combine_both_mixed_images(folder: Path) -> None:
    plain = data_of(folder).train
    weighted = weighted_by_class(plain, {0: 0.5, 2: 4.0})
    arrays = tf.nest.map_structure(tf.constant, plain.arrays(plain.draws(0)))
    _, shares, _ = plain.prepare(arrays)
    _, targets, weights = weighted.prepare(arrays)
    expected = np.asarray(shares) * [0.5, 1.0, 4.0]
    np.testing.assert_allclose(weights, expected.sum(axis=1), rtol=1e-6)
    np.testing.assert_allclose(targets * weights[:, None], expected, rtol=1e-6)


def test_multi_label_targets_are_mixed_without_a_special_loss(
    folder: Path, tmp_path: Path
) -> None:
    files = sorted(folder.rglob("*.png"))
    rows = [f"{file},{n % 2},{n % 3 // 2}" for n, file in enumerate(files)]
    table = tmp_path / "table.csv"
    table.write_text("\n".join(["image,hair,ink", *rows]))
    data = ImageData.from_csv(
        table,
        task="multi_label",
        image_size=SIZE,
        batch_size=5,
        augmentation=Augmentation(0, mixup=0.4),
    )
    split = data.train
    draws = split.draws(0)
    mixes, values = split._mixes(draws), split.target_values
    shares = mixes.shares[:, None]
    expected = shares * values[draws.rows] + (1 - shares) * values[mixes.partners]
    np.testing.assert_allclose(split.targets(draws)["labels"], expected, atol=1e-6)

    def build() -> keras.Model:
        layers = [keras.Input((SIZE, SIZE, 3)), keras.layers.GlobalAveragePooling2D()]
        model = keras.Sequential([*layers, keras.layers.Dense(2, "sigmoid")])
        model.compile("sgd", "binary_crossentropy", metrics=["mae"])
        return model

    build_model(FunctionModule(build), replicas(1), split, sync_batch_norm=True)
