"""At the end of a fit the mean of its best checkpoints may be better than each of them."""

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from helpers import largest_difference, weights_of
from keraunos import Augmentation, ImageData, Trainer
from keraunos.callbacks import BackboneFinetuning, Callback, ModelCheckpoint
from keraunos.core.bundle import read_bundle
from one_trace import one_trace
from resumable_runs import Sender, dataset
from small_backbone import SIZE, Small

EPOCHS, MEMBERS = 5, 3


def build() -> keras.Model:
    layers = [keras.layers.Dense(4, "tanh"), keras.layers.Dense(3, "softmax")]
    model = keras.Sequential([keras.Input((5,)), *layers])
    optimizer = keras.optimizers.SGD(5.0)  # too large, so that epochs differ
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def fit(run_dir: Path, count: int = 1, *extra: Callback) -> tuple[Any, list[np.ndarray]]:
    checkpoint = ModelCheckpoint(save_top_k=MEMBERS, soup="greedy")
    extras = {f"extra_{number}": each for number, each in enumerate(extra)}
    callbacks = dict.fromkeys(("progress_bar", "figures", "tensorboard"))
    with one_trace(count, "soup", keras.config.floatx()) as strategy:
        trainer = Trainer(
            strategy=strategy,
            run_dir=run_dir,
            max_epochs=EPOCHS,
            check_replicas=False,
            callbacks={**callbacks, **extras, "model_checkpoint": checkpoint},
        )
        result = trainer.fit(build, dataset(0), validation_data=dataset(1))
        return result, weights_of(result.model)


def mean_of_members(run_dir: Path, soup: dict[str, Any]) -> list[np.ndarray]:
    checkpoints = [
        read_bundle(run_dir / "checkpoints" / name).arrays["weights"]
        for name in soup["members"]
    ]
    columns = zip(*(each.values() for each in checkpoints), strict=True)
    return [np.mean(column, axis=0) for column in columns]


@pytest.mark.slow
@pytest.mark.feature("soup of checkpoints")
def test_mean_of_best_checkpoints_is_scored_and_exported(tmp_path: Path) -> None:
    result, weights = fit(tmp_path)
    soup = json.loads((tmp_path / "soup.json").read_text())
    assert soup["is_exported"]
    assert 1 < len(soup["members"]) < MEMBERS
    assert len([*(tmp_path / "checkpoints").glob("step-*")]) >= MEMBERS
    assert result.soup.members == soup["members"]
    for ours, theirs in zip(weights, mean_of_members(tmp_path, soup), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    model = keras.models.load_model(tmp_path / "model.keras")
    assert largest_difference(weights_of(model), weights) == 0
    model.compile("sgd", "sparse_categorical_crossentropy")
    measured = model.evaluate(dataset(1), verbose=0)
    assert soup["score"] == pytest.approx(measured, rel=1e-5)
    assert soup["score"] <= soup["best_score"]
    assert soup["best_score"] == pytest.approx(min(result.history["val_loss"]), rel=1e-6)
    assert result.best_checkpoint.name == f"soup-{EPOCHS * 4:08d}"


@pytest.mark.nightly
def test_resumed_and_finished_runs_make_the_same_soup(tmp_path: Path) -> None:
    whole, weights = fit(tmp_path / "whole")
    sender = Sender("on_train_step_end", 14)
    assert fit(tmp_path / "cut", 1, sender)[0].soup is None
    for _ in range(2):  # the second time it is finished
        resumed, same = fit(tmp_path / "cut")
        assert resumed.soup == whole.soup
        assert largest_difference(same, weights) == 0
        assert resumed.best_checkpoint.name == whole.best_checkpoint.name


@pytest.mark.nightly
def test_two_replicas_make_the_same_soup_as_one(tmp_path: Path, float64: None) -> None:
    one, two = (fit(tmp_path / f"{count}", count) for count in (1, 2))
    assert one[0].soup.members == two[0].soup.members
    assert len(one[0].soup.members) > 1
    assert largest_difference(one[1], two[1]) < 1e-10
    assert one[0].soup.score == pytest.approx(two[0].soup.score, rel=1e-9)


@pytest.mark.nightly
def test_training_for_longer_discards_the_old_soup(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit(tmp_path)
    monkeypatch.setattr(f"{__name__}.EPOCHS", EPOCHS + 1)
    longer, _ = fit(tmp_path)
    names = [path.name for path in (tmp_path / "checkpoints").glob("soup-*")]
    assert names == ([longer.best_checkpoint.name] if longer.soup.is_exported else [])
    assert f"soup-{(EPOCHS - 1) * 4:08d}" not in names


@pytest.mark.nightly
@pytest.mark.parametrize("cached", ["on", "off"])
def test_soup_spans_finetuning_phases_with_and_without_feature_cache(
    cached: str, image_folder: Path, tmp_path: Path
) -> None:
    data = ImageData.from_folder(
        image_folder / "train",
        image_size=SIZE,
        batch_size=7,
        augmentation=Augmentation(strength=0),
        cache_dir=tmp_path / "cache",
    )
    trainer = Trainer(
        max_epochs=4,
        feature_cache=cached,
        run_dir=tmp_path / "run",
        callbacks={
            "progress_bar": None,
            "backbone_finetuning": BackboneFinetuning("block2", at_epoch=2),
            "model_checkpoint": ModelCheckpoint(save_top_k=4, soup="uniform"),
        },
    )
    result = trainer.fit(Small(), data)
    scored = trainer.validate(result.model, data)
    expected = result.soup.score if result.soup.is_exported else result.soup.best_score
    assert scored["val_loss" if "val_loss" in scored else "loss"] == pytest.approx(
        expected, rel=1e-5
    )
