"""Test-time augmentation beside the plain prediction, never in its place."""

import hashlib
import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import examples, replicas
from keraunos import Augmentation, ImageData, Module, Trainer
from keraunos.core.errors import ConfigError, DataError
from keraunos.data.augmentation import augment
from keraunos.evaluation.multi_label import best_f1_thresholds
from keraunos.evaluation.regression import residual_quantiles
from keraunos.trainer.loop.views import Views, average_views

SIZE, SEED, STRENGTH = 32, 3, 0.7


def data_of(image_folder: Path, batch_size: int = 4, **options: Any) -> ImageData:
    augmentation = Augmentation(options.pop("strength", STRENGTH), views=2)
    return ImageData.from_folder(
        image_folder / "train",
        test=image_folder / "test",
        image_size=SIZE,
        batch_size=batch_size,
        augmentation=augmentation,
        seed=options.pop("seed", SEED),
    )


def oriented(
    count: int = 1, outputs: int = 3, activation: str | None = "softmax"
) -> keras.Model:
    """A model that is sensitive to orientation: it has a weight for each pixel."""
    layers = keras.layers
    with replicas(count).scope():
        model = keras.Sequential(
            [
                keras.Input((SIZE, SIZE, 3)),
                layers.Rescaling(1 / 255),
                layers.Flatten(),
                layers.Dense(outputs, activation, use_bias=False),
            ]
        )
    weights = np.random.default_rng(0).normal(size=(SIZE * SIZE * 3, outputs), scale=0.1)
    weights -= weights.mean(axis=0)  # brightness makes no difference
    model.set_weights([weights.astype("float32")])
    return model


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return oriented()


@pytest.fixture(scope="module")
def split(image_folder: Path) -> Any:
    return data_of(image_folder).test


@pytest.mark.feature("test-time augmentation")
def test_tta_mean_equals_views_augmented_by_hand(model: Any, split: Any) -> None:
    result = Trainer().test(model, split, tta=3)
    files = [hashlib.sha256(Path(name).read_bytes()).digest() for name in split.names]
    contents = np.array([int.from_bytes(d[:8], "little") for d in files], np.uint64)
    images = split.images(np.arange(9)).astype("float32")
    rows = [model(images).numpy()]
    for view in (1, 2):
        draws = np.full(9, view)
        drawn = Augmentation(STRENGTH).draw(SEED, contents, draws, SIZE)
        rows.append(model(augment(tf.constant(images), drawn)).numpy())
    assert np.abs(rows[1] - rows[0]).max() > 0.05  # the views make a difference
    assert np.abs(rows[2] - rows[1]).max() > 0.05
    assert result.predictions.probabilities == pytest.approx(rows[0], abs=1e-5)
    assert result.tta.predictions.probabilities == pytest.approx(
        np.mean(rows, axis=0), abs=1e-5
    )
    assert result.tta.predictions.names == split.names


@pytest.mark.slow
def test_views_do_not_depend_on_replicas_batches_or_other_images(
    model: Any, split: Any, image_folder: Path
) -> None:
    wanted = Trainer().test(model, split, tta=4).tta.predictions.probabilities
    again = Trainer().test(model, split, tta=4).tta.predictions.probabilities
    assert np.array_equal(again, wanted)
    for batch_size, count in ((9, 1), (5, 2)):
        data = data_of(image_folder, batch_size)
        found = Trainer().test(oriented(count), data, tta=4).tta.predictions
        assert found.probabilities == pytest.approx(wanted, abs=1e-6)
    other = Trainer().test(model, data_of(image_folder, seed=4), tta=4).tta.predictions
    assert np.abs(other.probabilities - wanted).max() > 0.01


def test_single_view_is_bit_identical_to_the_plain_prediction(
    model: Any, split: Any
) -> None:
    plain = Trainer().test(model, split)
    result = Trainer().test(model, split, tta=1)
    assert plain.tta is None
    for each in (result, result.tta):
        assert np.array_equal(
            each.predictions.probabilities, plain.predictions.probabilities
        )
    difference = result.tta.scores["against_single_model"]
    assert difference["scores"]["balanced_accuracy"]["interval"] == [0.0, 0.0]
    expected = {"views": 1, "strength": STRENGTH, "seed": SEED, **plain.scores}
    expected |= {"against_single_model": difference}
    assert result.scores == {**plain.scores, "tta": expected}


@pytest.mark.slow
def test_tta_adds_to_the_files_of_a_plain_test_without_changing_them(
    model: Any, split: Any, tmp_path: Path
) -> None:
    trainer = Trainer(run_dir=tmp_path / "run")
    trainer.test(model, split)
    before = (tmp_path / "run" / "predictions.csv").read_bytes()
    plain = json.loads((tmp_path / "run" / "test.json").read_text())
    result = trainer.test(model, split, tta=3)
    assert (tmp_path / "run" / "predictions.csv").read_bytes() == before
    scores = json.loads((tmp_path / "run" / "test.json").read_text())
    views = scores.pop("tta")
    assert scores == plain
    assert views["views"] == 3
    assert set(views["intervals"]) == set(plain["intervals"])
    area = views["against_single_model"]["scores"]["macro_roc_auc"]
    assert plain["macro_roc_auc"] != views["macro_roc_auc"]
    assert area["first"] == pytest.approx(plain["macro_roc_auc"])
    assert area["second"] == pytest.approx(views["macro_roc_auc"])
    table = np.genfromtxt(
        tmp_path / "run" / "tta_predictions.csv", delimiter=",", names=True, dtype=None
    )
    kept = np.array([[row[f"probability{name}"] for name in NAMES] for row in table])
    assert kept == pytest.approx(result.tta.predictions.probabilities, abs=1e-6)
    trainer.test(model, split)  # its files belong to one test
    assert not (tmp_path / "run" / "tta_predictions.csv").exists()


NAMES = ("cat", "dog", "emu")


class Own(Module):
    """A module with a loss of its own."""

    def training_step(self, model: Any, batch: Any, training: bool) -> Any:
        return super().training_step(model, batch, training)


@pytest.mark.parametrize("tta", [0, -1, True, 2.0, "8"])
def test_invalid_number_of_views_is_refused(model: Any, split: Any, tta: Any) -> None:
    with pytest.raises(ConfigError, match="1 or more"):
        Trainer().test(model, split, tta=tta)


def test_tta_is_refused_without_augmentation_or_image_data(
    model: Any, split: Any, image_folder: Path
) -> None:
    with pytest.raises(ConfigError, match="strength above 0: with 0, all views"):
        Trainer().test(model, data_of(image_folder, strength=0), tta=8)
    with pytest.raises(ConfigError, match="training_step"):
        Trainer().test(model, split, Own(), tta=8)
    dataset = tf.data.Dataset.from_tensor_slices(examples(9)[:2]).batch(4)
    with pytest.raises(ConfigError, match="needs ImageData"):
        Trainer().test(model, dataset, tta=8)


def test_outputs_other_than_probabilities_are_refused(split: Any) -> None:
    logits = keras.Sequential([keras.Input((SIZE, SIZE, 3)), keras.layers.Flatten()])
    logits.add(keras.layers.Dense(3))
    with pytest.raises(DataError, match="outputs are probabilities"):
        Trainer().test(logits, split, tta=2)


def test_views_follow_the_augmentation_settings(split: Any, image_folder: Path) -> None:
    data = data_of(image_folder).with_augmentation(Augmentation(0.2))
    assert data.test.test_time_views().settings() == {"strength": 0.2, "seed": SEED}
    assert split.test_time_views().settings()["strength"] == STRENGTH


@pytest.mark.slow
@pytest.mark.parametrize("task", ["multi_label", "regression"])
def test_tta_refits_thresholds_and_intervals_on_validation_means(
    task: str, image_folder: Path, tmp_path: Path
) -> None:
    rows = [
        f"{split}/{file.parent.name}/{file.name},{split},{place % 2},{1 - place % 3 // 2}"
        for split in ("train", "test")
        for place, file in enumerate(sorted((image_folder / split).rglob("*.png")))
    ]
    table = tmp_path / "table.csv"
    table.write_text("\n".join(["image,split,first,second", *rows]))
    data = ImageData.from_csv(
        table,
        task=task,
        image_root=image_folder,
        label_columns=["first", "second"],
        image_size=SIZE,
        batch_size=4,
        augmentation=Augmentation(STRENGTH),
        validation_split=0.4,
    )
    activation = "sigmoid" if task == "multi_label" else None
    model = oriented(outputs=2, activation=activation)
    result = Trainer().test(model, data, tta=2)
    means = {
        name: average_views(
            model,
            model.predict(split.images(np.arange(split.num_examples)), verbose=0),
            Views(split.test_time_views(), 2),
        )
        for name, split in (("validation", data.validation), ("test", data.test))
    }
    found = result.tta.task_predictions
    assert found.outputs == pytest.approx(means["test"], abs=1e-5)
    assert np.abs(found.outputs - result.task_predictions.outputs).max() > 0.01
    targets = data.validation.target_values
    if task == "multi_label":
        assert found.thresholds == pytest.approx(
            best_f1_thresholds(targets > 0, means["validation"]), abs=1e-5
        )
    else:
        assert found.half_widths == residual_quantiles(targets, means["validation"], 0.9)
    assert result.scores["tta"]["views"] == 2
    assert result.findings.keys() >= {"labels" if task == "multi_label" else "numbers"}
    for draw in (result.show_confusion_matrix, lambda: result.show_mistakes(data.test)):
        with pytest.raises(ConfigError, match=f"one class per image.*task='{task}'"):
            draw()
