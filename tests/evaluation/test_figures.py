"""The size of figures does not grow with the number of classes."""

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from keraunos.evaluation import (
    augmentation_kinds_figure,
    confusion_matrix_figure,
    curves_figure,
    mistakes_figure,
    samples_figure,
    save_figure,
)
from keraunos.evaluation.figures import to_pixels
from matplotlib.figure import Figure

MOST_ARTISTS = 25_000  # of any image, ticks and their lines among them


def names(classes: int) -> list[str]:
    return [f"class number {place} of {classes}" for place in range(classes)]


def samples(classes: int) -> Figure:
    images = np.zeros((4 * classes, 8, 8, 3), np.uint8)
    return samples_figure(images, [name for name in names(classes) for _ in range(4)])


def matrix(classes: int) -> Figure:
    counts = np.random.default_rng(0).integers(0, 9, (classes, classes))
    return confusion_matrix_figure(counts, names(classes))


def curves(classes: int) -> Figure:
    return curves_figure({f"val_recall/{name}": [0.1, 0.2] for name in names(classes)})


def mistakes(classes: int) -> Figure:
    rows = np.random.default_rng(0).random((30, classes))
    labels = np.zeros(30, int)
    return mistakes_figure(
        np.zeros((30, 8, 8, 3), np.uint8), labels, rows, names(classes), 6
    )


def test_curve_points_lie_at_the_measured_epochs() -> None:
    nan = float("nan")
    history = {
        "loss": [0.9, 0.8, nan, 0.6],
        "val_loss": [nan, 0.7, nan, 0.5],
        "learning_rate": [0.1, 0.1, 0.1, 0.1],
        "health/update_ratio": [nan, 0.1, nan, 0.2],
        "seconds": [1.0, 2.0, 3.0, 4.0],
    }
    (panel,) = curves_figure(history, [1, 2, 3, 6], exported_epoch=2).axes
    points = {
        str(line.get_label()): np.asarray(line.get_xydata()).tolist()
        for line in panel.lines
    }
    assert points["training"] == [[1, 0.9], [2, 0.8], [6, 0.6]]
    assert points["validation"] == [[2, 0.7], [6, 0.5]]
    assert points["exported: epoch 2"] == [[2, 0], [2, 1]]
    history["learning_rate"][-1] = 0.01
    assert len(curves_figure(history).axes) == 2


@pytest.mark.slow
@pytest.mark.parametrize("draw", [samples, matrix, curves, mistakes])
def test_figures_of_a_thousand_classes_are_as_small_as_those_of_fifty(
    draw: Callable[[int], Figure],
) -> None:
    fifty, thousand = draw(50), draw(1000)
    assert len(fifty.axes) == len(thousand.axes) <= 18
    assert len(fifty.findobj()) <= len(thousand.findobj()) < MOST_ARTISTS
    assert len(thousand.findobj()) <= 1.5 * len(fifty.findobj())
    assert thousand.get_size_inches().max() <= 30


@pytest.mark.parametrize("draw", [samples, mistakes])
def test_grids_have_one_pair_of_axes_and_no_layout(draw: Callable[[int], Figure]) -> None:
    figure = draw(3)
    assert len(figure.axes) == 1
    assert figure.get_layout_engine() is None


def test_every_grid_image_is_drawn_with_its_title_below() -> None:
    images = np.zeros((10, 8, 8, 3), np.uint8)
    images[:] = np.linspace(10, 200, 10, dtype=np.uint8)[:, None, None, None]
    figure = samples_figure(images, names(10))
    assert [text.get_text() for text in figure.axes[0].texts] == names(10)
    shown = to_pixels(figure)
    for image in images:
        assert (shown == image[0, 0]).all(axis=-1).sum() > 1000


def test_each_kind_of_augmentation_has_a_row() -> None:
    images = np.zeros((3, 8, 8, 3), np.uint8)
    figure = augmentation_kinds_figure({"strength": images, "mixup": images})
    titles = [text.get_text() for text in figure.axes[0].texts]
    assert titles == ["original", *["strength"] * 2, "original", *["mixup"] * 2]
    assert not augmentation_kinds_figure({}).axes[0].texts  # none is on


def test_confusion_matrix_of_few_classes_shows_counts_and_all_names() -> None:
    axis = matrix(40).axes[0]
    assert len(axis.texts) == 1600
    assert len(axis.get_xticks()) == 40
    assert not matrix(41).axes[0].texts
    assert len(matrix(1000).axes[0].get_xticks()) == 20


def test_long_names_are_truncated() -> None:
    figure = samples_figure(np.zeros((1, 8, 8, 3), np.uint8), ["x" * 300])
    assert figure.axes[0].texts[0].get_text() == "x" * 25 + "…"


def test_special_characters_in_names_are_drawn_literally(tmp_path: Path) -> None:
    names = ["$mole$ \\frac{", "\x1b[31mmole", "a$b", "two\nlines"]
    pixels = np.zeros((4, 8, 8, 3), np.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # such as missing glyphs
        for figure in (
            samples_figure(pixels, names),
            confusion_matrix_figure(np.eye(4, dtype=int), names),
            mistakes_figure(pixels, np.arange(4), np.roll(np.eye(4), 1, 1), names, 2),
            curves_figure({name: [1.0, 2.0] for name in ("$x$ \\frac{", "a$b")}),
        ):
            save_figure(figure, tmp_path / "image.png")
