"""Two-phase fine-tuning: exact on replicas, resumable in either phase, cached at first."""

import functools
import signal
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import largest_difference, replicas, weights_of
from keraunos import Augmentation, ImageData, Module, Optimizer, Trainer
from keraunos.callbacks import (
    BackboneFinetuning,
    Callback,
    EarlyStopping,
    ModelCheckpoint,
    TensorBoard,
)
from resumable_runs import Sender, assert_equal, dataset, state
from small_backbone import SIZE, Small

EPOCHS, SWITCH, STEPS = 4, 2, 4


@pytest.fixture(scope="module")
def images(image_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> ImageData:
    """Twenty-four images to train on in four batches, in two versions each."""
    return ImageData.from_folder(
        image_folder / "train",
        image_size=SIZE,
        batch_size=7,
        augmentation=Augmentation(views=2),
        cache_dir=tmp_path_factory.mktemp("cache"),
    )


def finetuning(**options: Any) -> BackboneFinetuning:
    return BackboneFinetuning(
        **{"unfreeze_from": "block2", "at_epoch": SWITCH, "learning_rate": 1e-3, **options}
    )


def fit(
    data: ImageData,
    run_dir: Path | None,
    *extra: Callback,
    count: int = 1,
    cached: str = "auto",
    tuning: BackboneFinetuning | None = None,
    module: Module | None = None,
    **callbacks: Any,
) -> Any:
    trainer = Trainer(
        strategy=replicas(count),
        max_epochs=EPOCHS,
        feature_cache=cached,
        run_dir=run_dir,
        callbacks={
            "backbone_finetuning": tuning or finetuning(),
            "progress_bar": None,
            "figures": None,
            "tensorboard": TensorBoard(images=False),
            **callbacks,
            **{f"extra_{number}": each for number, each in enumerate(extra)},
        },
    )
    return trainer.fit(module or Small(), data)


class Weights(Callback):
    """Keeps all weights by name at the start and after each epoch."""

    def on_fit_begin(self, run: Any) -> None:
        self.after = [self._copy(run)]

    def on_epoch_end(self, run: Any) -> None:
        self.after.append(self._copy(run))

    def moved(self, epoch: int) -> set[str]:
        """The layers whose weights an epoch changed."""
        before, now = self.after[epoch - 1 : epoch + 1]
        return {n.split("/")[-2] for n in now if not np.array_equal(now[n], before[n])}

    def _copy(self, run: Any) -> dict[str, Any]:
        return {each.path: np.array(each.numpy()) for each in run.model.weights}


class Whole(NamedTuple):
    """A run that was not interrupted."""

    result: Any
    weights: Weights
    directory: Path


@pytest.fixture(scope="module")
def whole(images: ImageData, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Creates a run on this many replicas, once."""

    @functools.cache
    def known(cached: str, count: int = 1) -> Whole:
        directory, weights = tmp_path_factory.mktemp("whole"), Weights()
        result = fit(images, directory, weights, count=count, cached=cached)
        return Whole(result, weights, directory)

    return known


@pytest.mark.feature("fine-tuning")
@pytest.mark.slow
@pytest.mark.parametrize(
    ("cached", "count"),
    [("on", 1), ("off", 1), pytest.param("on", 2, marks=pytest.mark.nightly)],
)
def test_backbone_trains_only_after_it_is_unfrozen(
    cached: str, count: int, whole: Any
) -> None:
    weights = whole(cached, count).weights
    moved = [weights.moved(epoch) for epoch in range(1, EPOCHS + 1)]
    assert moved == [{"head"}, {"head"}, {"head", "block2_conv"}, {"head", "block2_conv"}]


@pytest.mark.slow
def test_batch_norm_trains_only_if_requested(images: ImageData) -> None:
    weights = Weights()
    fit(images, None, weights, tuning=finetuning(train_batch_norm=True))
    assert weights.moved(EPOCHS) == {"head", "block2_conv", "block2_bn"}
    before, after = weights.after[-2], weights.after[-1]
    moved = {n for n in after if "block2_bn" in n and not np.allclose(after[n], before[n])}
    assert any("moving_mean" in name for name in moved)


@pytest.mark.nightly
def test_cached_first_phase_matches_an_uncached_one(whole: Any) -> None:
    cached, plain = (whole(mode).result for mode in ("on", "off"))
    assert largest_difference(weights_of(cached.model), weights_of(plain.model)) < 1e-4
    for name in ("loss", "val_loss"):
        np.testing.assert_allclose(cached.history[name], plain.history[name], atol=1e-4)
    assert cached.history["learning_rate"] == pytest.approx([0.01, 0.01, 0.001, 0.001])


SWITCHED = SWITCH * STEPS
STEP, VALIDATED = "on_train_step_end", "on_validation_end"
EPOCH, PHASE = "on_epoch_end", "on_phase_begin"
# Where each run is interrupted. After an interruption in validation the epoch ends before
# the state is saved, so an interruption at that end needs its own run.
CUTS = [
    [(STEP, 3), (VALIDATED, SWITCHED), (STEP, SWITCHED + 2), (EPOCH, SWITCHED + STEPS)],
    [(EPOCH, SWITCHED)],
    [(PHASE, SWITCHED)],
]
CUTS_UNCACHED = [(PHASE, SWITCHED), (STEP, SWITCHED + 2)]


@pytest.mark.feature("fine-tuning")
@pytest.mark.slow
@pytest.mark.parametrize(
    ("cached", "count", "runs"),
    [
        ("on", 1, [[(STEP, 3), (PHASE, SWITCHED), (STEP, SWITCHED + 2)]]),
        pytest.param("on", 2, CUTS, marks=pytest.mark.nightly),
        pytest.param("off", 2, [CUTS_UNCACHED], marks=pytest.mark.nightly),
    ],
    ids=["cached", "cached on two", "not cached on two"],
)
def test_interruption_in_either_phase_does_not_change_the_result(
    cached: str,
    count: int,
    runs: list[list[tuple[str, int]]],
    images: ImageData,
    whole: Any,
    tmp_path: Path,
) -> None:
    expected = whole(cached, count)
    for number, cuts in enumerate(runs):
        directory = tmp_path / f"cut-{number}"
        for hook, step in cuts:
            sender = Sender(hook, step)
            cut = fit(images, directory, sender, cached=cached, count=count)
            assert (sender.sent, cut.signal) == (1, signal.SIGTERM)
        resumed = fit(images, directory, cached=cached, count=count)
        assert resumed.is_finished
        assert_equal(state(directory), state(expected.directory))
        weights = weights_of(expected.result.model)
        assert largest_difference(weights_of(resumed.model), weights) == 0


def vectors() -> keras.Model:
    """A model with a frozen dense backbone, for vectors of five numbers."""
    inner = keras.Sequential(
        [
            keras.Input((5,)),
            keras.layers.Dense(4, "tanh", name="block1_dense"),
            keras.layers.BatchNormalization(name="block1_bn"),
            keras.layers.Dense(4, "tanh", name="block2_dense"),
        ]
    )
    inner.trainable = False
    model = keras.Sequential([keras.Input((5,)), inner, keras.layers.Dense(3, "softmax")])
    optimizer = Optimizer(
        "sgd",
        learning_rate=0.5,
        momentum=0.9,
        use_ema=True,
        global_clipnorm=0.5,
        gradient_accumulation_steps=3,
        weight_decay=0.01,
        layer_decay=0.5,
        exclude_from_weight_decay="biases_and_norms",
    )
    model.compile(optimizer.build(), "sparse_categorical_crossentropy")
    return model


def fit_vectors(
    count: int,
    run_dir: Path | None = None,
    tuning: BackboneFinetuning | None = None,
    **callbacks: Any,
) -> Any:
    tuning = tuning or BackboneFinetuning(
        at_epoch=2, learning_rate=0.1, train_batch_norm=True
    )
    trainer = Trainer(
        strategy=replicas(count),
        max_epochs=4,
        run_dir=run_dir,
        callbacks={
            "backbone_finetuning": tuning,
            "progress_bar": None,
            "figures": None,
            **callbacks,
        },
    )
    return trainer.fit(vectors, dataset(), validation_data=dataset(1))


@pytest.mark.slow
def test_two_replicas_match_one(float64: None) -> None:
    one, two = fit_vectors(1), fit_vectors(2)
    assert largest_difference(weights_of(one.model), weights_of(two.model)) < 1e-10
    np.testing.assert_allclose(one.history["val_loss"], two.history["val_loss"], 1e-10)
    for result in (one, two):  # the new optimizer keeps the options of the first
        optimizer = result.model.optimizer
        assert optimizer.gradient_accumulation_steps == 3
        assert optimizer.multipliers == (*[0.25] * 4, 0.5, 0.5, 1.0, 1.0)
        assert optimizer.spared == (False, True, True, True, *[False, True] * 2)


def stage_by_stage() -> BackboneFinetuning:
    return BackboneFinetuning(
        stages=2,
        at_epoch=1,
        every_epochs=2,
        learning_rate=0.1,
        learning_rate_factor=0.5,
        schedule={"name": "cosine"},
    )


@pytest.mark.feature("gradual unfreezing")
@pytest.mark.nightly
def test_stages_are_unfrozen_one_by_one_on_one_and_two_replicas(float64: None) -> None:
    weights = Weights()
    whole = fit_vectors(1, None, stage_by_stage(), weights=weights)
    moved = [weights.moved(epoch) for epoch in range(1, 5)]
    (head,) = moved[0]
    two = {head, "block2_dense"}
    assert moved == [{head}, two, two, {*two, "block1_dense"}]
    rates = whole.history["learning_rate"]  # of the step after each epoch
    assert rates[1] == pytest.approx(0.1 * 0.75)  # a third of the way down the cosine
    on_two = fit_vectors(2, None, stage_by_stage())
    assert largest_difference(weights_of(on_two.model), weights_of(whole.model)) < 1e-10


@pytest.mark.nightly
def test_staged_unfreezing_resumes_bit_identically(tmp_path: Path) -> None:
    whole = fit_vectors(1, tmp_path / "whole", stage_by_stage())
    for step in (6, 14):  # in the second and in the third phase
        sender = Sender("on_train_step_end", step)
        cut = fit_vectors(1, tmp_path / "cut", stage_by_stage(), sender=sender)
        assert (sender.sent, cut.is_finished) == (1, False)
    resumed = fit_vectors(1, tmp_path / "cut", stage_by_stage())
    assert largest_difference(weights_of(resumed.model), weights_of(whole.model)) == 0
    assert resumed.model.optimizer.multipliers == whole.model.optimizer.multipliers


@pytest.mark.nightly
def test_gradient_accumulation_resumes_bit_identically_in_the_second_phase(
    tmp_path: Path,
) -> None:
    whole = fit_vectors(1, tmp_path / "whole")
    cut = fit_vectors(1, tmp_path / "cut", sender=Sender("on_train_step_end", 10))
    assert not cut.is_finished
    resumed = fit_vectors(1, tmp_path / "cut")
    assert largest_difference(weights_of(resumed.model), weights_of(whole.model)) == 0


WEIGHTS_ONLY = ModelCheckpoint("loss", mode="max", save_weights_only=True)


@pytest.mark.nightly
@pytest.mark.parametrize(
    "callbacks",
    [
        {"early_stopping": EarlyStopping("loss", patience=9, mode="max")},
        {"model_checkpoint": ModelCheckpoint("loss", mode="max")},
        pytest.param(
            {
                "model_checkpoint": ModelCheckpoint(
                    "loss", mode="max", save_weights_only=True
                )
            },
            marks=pytest.mark.nightly,
        ),
    ],
)
def test_best_weights_of_the_first_phase_are_fully_restored(
    callbacks: dict[str, Any], tmp_path: Path
) -> None:
    weights = Weights()
    run_dir = tmp_path if "model_checkpoint" in callbacks else None
    result = fit_vectors(1, run_dir, weights=weights, **callbacks)
    assert np.argmax(result.history["loss"]) == 0
    best = list(weights.after[1].values())
    assert largest_difference(weights_of(result.model), best) == 0


class Seen(Callback):
    """Keeps what a new phase begins with."""

    def on_phase_begin(self, run: Any) -> None:
        updates = int(run.model.optimizer.iterations.numpy())
        self.begun = (run.epoch, run.step, updates, run.learning_rate)


@pytest.mark.slow
@pytest.mark.feature("hooks")
def test_a_phase_begins_between_epochs_with_a_new_optimizer() -> None:
    seen = Seen()
    fit_vectors(1, seen=seen)
    assert seen.begun == (2, 8, 0, pytest.approx(0.1))


@pytest.mark.slow
def test_no_phase_begins_at_the_end_of_a_fit() -> None:
    seen = Seen()
    trainer = Trainer(
        strategy=replicas(1),
        max_epochs=2,
        callbacks=[BackboneFinetuning(at_epoch=2), seen],
    )
    trainer.fit(vectors, dataset())
    assert not hasattr(seen, "begun")


@pytest.mark.nightly
def test_mixed_precision_works_in_both_phases(tmp_path: Path) -> None:
    trainer = Trainer(
        strategy=replicas(1),
        max_epochs=2,
        precision="mixed_float16",
        callbacks=[BackboneFinetuning(at_epoch=1, learning_rate=0.1)],
    )
    result = trainer.fit(vectors, dataset())
    assert isinstance(result.model.optimizer, keras.optimizers.LossScaleOptimizer)
    assert all(np.isfinite(each).all() for each in weights_of(result.model))
    assert tf.reduce_all(tf.math.is_finite(result.history["loss"]))
