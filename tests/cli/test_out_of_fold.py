"""Out-of-fold predictions: each fold predicts the images it held out."""

import csv
from pathlib import Path

import numpy as np
import pytest
from keraunos import DataError
from keraunos.cli.out_of_fold import read_out_of_fold, write_held_out
from keraunos.evaluation.predictions import Predictions

NAMES = [f"/images/{number}.png" for number in range(7)]
LABELS = np.array([0, 1, 0, 1, 0, 1, 1], np.int32)


def write_fold(
    run: Path, number: int, held_out: list[int], judged: list[int] | None = None
) -> None:
    """Writes a fold with held-out images, and predictions for these or others."""
    directory = run / f"fold-{number}"
    directory.mkdir(parents=True)
    with (directory / "split.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "split"])
        for place, name in enumerate(NAMES):
            writer.writerow([name, "validation" if place in held_out else "train"])
    places = held_out if judged is None else judged
    likely = np.array([place / 10 for place in places], np.float32)
    predictions = Predictions(
        [NAMES[place] for place in places],
        np.stack([likely, 1 - likely], axis=1),
        ("cat", "dog"),
        LABELS[places],
    )
    write_held_out(directory, predictions)


def test_each_image_is_predicted_by_the_fold_that_held_it_out(tmp_path: Path) -> None:
    write_fold(tmp_path, 1, [0, 3, 6])
    write_fold(tmp_path, 2, [1, 5])
    write_fold(tmp_path, 10, [2, 4])
    together = read_out_of_fold(tmp_path)
    places = [0, 3, 6, 1, 5, 2, 4]
    assert together.names == [NAMES[place] for place in places]
    assert together.class_names == ("cat", "dog")
    np.testing.assert_array_equal(together.labels, LABELS[places])
    np.testing.assert_array_equal(
        together.probabilities[:, 0], np.array(places, np.float32) / np.float32(10)
    )


def test_fold_predictions_on_its_training_images_are_rejected(tmp_path: Path) -> None:
    write_fold(tmp_path, 1, [0, 3, 6])
    write_fold(tmp_path, 2, [1, 5], judged=[1, 5, 3, 6])
    with pytest.raises(DataError, match=r"does not hold out 2 of them: /images/3.png"):
        read_out_of_fold(tmp_path)


def test_image_held_out_by_two_folds_is_rejected(tmp_path: Path) -> None:
    write_fold(tmp_path, 1, [0, 3, 6])
    write_fold(tmp_path, 2, [1, 3])
    with pytest.raises(DataError, match="two folds"):
        read_out_of_fold(tmp_path)


def test_unfinished_folds_are_named(tmp_path: Path) -> None:
    write_fold(tmp_path, 1, [0, 3, 6])
    (tmp_path / "fold-2").mkdir()
    with pytest.raises(DataError, match=r"fold-2/validation_predictions.csv.*--resume"):
        read_out_of_fold(tmp_path)


def test_directory_without_folds_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="There must be folds"):
        read_out_of_fold(tmp_path)
