"""Averages of weights are validated, saved and exported; the weights themselves train."""

import functools
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from helpers import largest_difference, weights_of
from keraunos import Augmentation, ImageData, Trainer
from keraunos.callbacks import BackboneFinetuning, Callback, EarlyStopping, ModelCheckpoint
from keraunos.core.bundle import read_bundle
from keraunos.core.errors import ConfigError
from keraunos.core.run_layout import checkpoint_name
from one_trace import one_trace
from resumable_runs import Sender, dataset
from small_backbone import SIZE, Small

MOMENTUM, EPOCHS, STEPS = 0.8, 3, 4


def build() -> keras.Model:
    layers = [
        keras.layers.Dense(4, "tanh"),
        keras.layers.BatchNormalization(),
        keras.layers.Dense(3, "softmax"),
    ]
    model = keras.Sequential([keras.Input((5,)), *layers])
    optimizer = keras.optimizers.Adam(0.05, use_ema=True, ema_momentum=MOMENTUM)
    model.compile(optimizer, "sparse_categorical_crossentropy")
    return model


class Seen(Callback):
    """Keeps the trainable weights that hooks see."""

    def __init__(self) -> None:
        self.trained: list[list[np.ndarray]] = []
        self.validated: list[list[np.ndarray]] = []

    def on_train_step_end(self, run: Any) -> None:
        self.trained.append(self._copy(run))

    def on_validation_begin(self, run: Any) -> None:
        self.validated.append(self._copy(run))

    def on_epoch_end(self, run: Any) -> None:
        self.validated.append(self._copy(run))

    def _copy(self, run: Any) -> list[np.ndarray]:
        return [np.array(each.numpy()) for each in run.model.trainable_variables]


def fit(
    run_dir: Path | None,
    *extra: Callback,
    count: int = 1,
    model_checkpoint: Callback | None = None,
    **options: Any,
) -> Any:
    callbacks = {
        **dict.fromkeys(("progress_bar", "figures", "tensorboard")),
        **{f"extra_{number}": each for number, each in enumerate(extra)},
    }
    if run_dir is not None:
        usual = ModelCheckpoint("val_loss", every_n_steps=3)
        callbacks["model_checkpoint"] = model_checkpoint or usual
        callbacks["early_stopping"] = EarlyStopping(
            "val_loss", patience=9, restore_best_weights=True
        )
    with one_trace(count, "averages", keras.config.floatx()) as strategy:
        trainer = Trainer(
            strategy=strategy,
            run_dir=run_dir,
            callbacks=callbacks,
            check_replicas=False,
            **{"max_epochs": EPOCHS, "use_ema_weights": True, **options},
        )
        result = trainer.fit(build, dataset(0), validation_data=dataset(1))
        return result, weights_of(result.model)


def average(weights: list[list[np.ndarray]]) -> list[np.ndarray]:
    """As Keras describes it: the first value, and then a moving average."""
    found = weights[0]
    for now in weights[1:]:
        pairs = zip(found, now, strict=True)
        found = [MOMENTUM * old + (1 - MOMENTUM) * new for old, new in pairs]
    return found


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A run that was not interrupted: directory, result, weights, and what hooks saw."""
    directory, seen = tmp_path_factory.mktemp("whole"), Seen()
    return directory, *fit(directory, seen), seen


@pytest.mark.slow
@pytest.mark.feature("averaged weights")
def test_averages_are_validated_and_exported_while_raw_weights_train(whole: Any) -> None:
    directory, result, weights, seen = whole
    plain = Seen()
    fit(None, plain, use_ema_weights=False)
    np.testing.assert_equal(seen.trained, plain.trained)
    for epoch in range(EPOCHS):
        expected = average(seen.trained[: STEPS * (epoch + 1)])
        for found in seen.validated[2 * epoch : 2 * epoch + 2]:
            for ours, theirs in zip(found, expected, strict=True):
                np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-7)
    best = int(np.argmin(result.history["val_loss"]))
    trained = {id(each) for each in result.model.trainable_variables}
    exported = [
        value
        for each, value in zip(result.model.weights, weights, strict=True)
        if id(each) in trained
    ]
    np.testing.assert_equal(exported, seen.validated[2 * best + 1])
    saved = keras.models.load_model(directory / "model.keras")
    np.testing.assert_equal([each.numpy() for each in saved.weights], weights)
    arrays = read_bundle(result.best_checkpoint).arrays
    np.testing.assert_equal([*arrays["weights"].values()], weights)
    size = sum(each.size for each in seen.trained[0])
    assert sum(each.size for each in arrays["optimizer"].values()) == 2 + 3 * size


@pytest.mark.slow
@pytest.mark.parametrize(
    ("hook", "step", "often"),
    [
        ("on_train_step_end", 2, None),
        pytest.param("on_train_step_end", 6, None, marks=pytest.mark.nightly),
        pytest.param("on_validation_begin", 8, None, marks=pytest.mark.nightly),
        pytest.param("on_validation_end", 4, None, marks=pytest.mark.nightly),
        pytest.param("on_validation_begin", 6, 3, marks=pytest.mark.nightly),
        pytest.param("on_validation_end", 9, 3, marks=pytest.mark.nightly),
    ],
)
def test_resumed_run_restores_weights_and_averages(
    hook: str, step: int, often: int | None, whole: Any, tmp_path: Path
) -> None:
    options = {"validate_every_n_steps": often}
    if often is not None:
        whole = tmp_path / "whole", *fit(tmp_path / "whole", **options)
    sender = Sender(hook, step)
    assert not fit(tmp_path / "cut", sender, **options)[0].is_finished
    _, resumed = fit(tmp_path / "cut", **options)
    assert largest_difference(resumed, whole[2]) == 0
    ours, theirs = (read_bundle(last(each)).arrays for each in (tmp_path / "cut", whole[0]))
    for group in ("weights", "optimizer", "callbacks"):
        np.testing.assert_equal(ours[group], theirs[group])


def last(directory: Path) -> Path:
    checkpoints = directory / "checkpoints"
    return checkpoints / (checkpoints / "last.txt").read_text().strip()


@pytest.mark.nightly
def test_weights_only_checkpoints_hold_the_averages(tmp_path: Path) -> None:
    seen = Seen()
    checkpoint = ModelCheckpoint(save_weights_only=True, every_n_steps=3, save_top_k=9)
    fit(tmp_path, seen, model_checkpoint=checkpoint)
    for step, is_mid_epoch in ((4, False), (9, True), (12, False)):
        name = checkpoint_name(step, is_mid_epoch, weights_only=True)
        saved = read_bundle(tmp_path / "checkpoints" / name).arrays["weights"]
        trained = [value for key, value in saved.items() if "moving_" not in key]
        expected = average(seen.trained[:step])
        for ours, theirs in zip(trained, expected, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-7)


@pytest.mark.nightly
@pytest.mark.parametrize("cached", ["on", "off"])
def test_new_phase_restarts_averages_from_the_current_weights(
    cached: str, image_folder: Path, tmp_path: Path
) -> None:
    data = ImageData.from_folder(
        image_folder / "train",
        image_size=SIZE,
        batch_size=7,
        augmentation=Augmentation(strength=0),
        cache_dir=tmp_path,
    )
    seen = Seen()
    optimizer = functools.partial(
        keras.optimizers.Adam, 0.01, use_ema=True, ema_momentum=MOMENTUM
    )
    trainer = Trainer(
        max_epochs=3,
        feature_cache=cached,
        use_ema_weights=True,
        callbacks=[BackboneFinetuning("block2", at_epoch=2, learning_rate=1e-3), seen],
    )
    result = trainer.fit(Small(optimizer), data)
    for first, end in ((0, 4), (0, 8), (8, 12)):
        expected, found = average(seen.trained[first:end]), seen.validated[end // 2 - 1]
        for ours, theirs in zip(found, expected, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-7)
    assert len(seen.trained[-1]) > len(seen.trained[0])
    trained = [each.numpy() for each in result.model.trainable_variables]
    np.testing.assert_equal(trained, seen.validated[-1])


@pytest.mark.nightly
@pytest.mark.parametrize("count", [2, 4])
def test_replicas_average_weights_like_one_device(count: int, float64: None) -> None:
    one, many = (fit(None, count=each) for each in (1, count))
    assert largest_difference(one[1], many[1]) < 1e-10
    np.testing.assert_allclose(
        one[0].history["val_loss"], many[0].history["val_loss"], rtol=1e-9
    )


def test_use_ema_weights_with_swap_ema_weights_is_refused() -> None:
    with pytest.raises(ConfigError, match="may set the weights to their averages"):
        fit(None, keras.callbacks.SwapEMAWeights())
