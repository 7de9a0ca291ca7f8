"""Pictures of data and results, drawn without a screen."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import wrap
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ..core.files import replacing

Images = npt.NDArray[np.uint8]

TITLE_WIDTH = 26
NOT_DRAWN = frozenset(
    {"images_per_second", "examples_per_second", "data_wait_seconds", "seconds"}
)


def save_picture(figure: Figure, path: Path) -> None:
    """Writes a figure as PNG."""
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=110)


def to_pixels(figure: Figure) -> Images:
    """Draws a figure: `(height, width, 3)` RGB, uint8."""
    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def picture_grid(
    images: Images, titles: Sequence[str], columns: int, heading: str = ""
) -> Figure:
    """Lays pictures out in a grid, each below its title.

    Args:
        images: `(n, height, width, 3)` RGB, uint8.
        titles: One for each picture; may be empty.
        columns: Pictures per row.
        heading: Title of the whole.
    """
    rows = max(-(-len(images) // columns), 1)
    figure = Figure(figsize=(1.7 * columns, 1.9 * rows + 0.4), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes:
        axis.axis("off")
    for axis, image, title in zip(axes, images, titles, strict=False):
        axis.imshow(image)
        axis.set_title(title, fontsize=7, parse_math=False)
    figure.suptitle(heading, fontsize=10)
    return figure


def samples_picture(images: Images, titles: Sequence[str]) -> Figure:
    """Shows some pictures of each class, each below the name of its class."""
    return picture_grid(images, titles, 8, "Samples of each class")


def augmented_picture(versions: Images) -> Figure:
    """Shows a picture as it is, and after that how training sees it."""
    titles = ["as it is", *[""] * (len(versions) - 1)]
    return picture_grid(versions, titles, 6, "A picture, and augmented")


def confusion_matrix_picture(
    matrix: npt.NDArray[np.integer], class_names: Sequence[str]
) -> Figure:
    """Draws how often each true class (row) was taken for each class (column).

    The colour is the share of the row, the number the count.
    """
    counts = np.asarray(matrix)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    size = 2.5 + 0.55 * len(class_names)
    figure = Figure(figsize=(size + 0.8, size), layout="constrained")
    axis = figure.subplots()
    picture = axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    places = range(len(class_names))
    plain: dict[str, Any] = {"fontsize": 8, "parse_math": False}
    axis.set_xticks(places, class_names, rotation=45, ha="right", **plain)
    axis.set_yticks(places, class_names, **plain)
    axis.set_xlabel("predicted")
    axis.set_ylabel("true")
    for (row, column), count in np.ndenumerate(counts):
        colour = "white" if shares[row, column] > 0.6 else "black"
        axis.text(
            column, row, str(count), ha="center", va="center", color=colour, fontsize=8
        )
    figure.colorbar(picture, ax=axis, label="share of the true class", shrink=0.8)
    return figure


def curves_picture(history: Mapping[str, Sequence[float]]) -> Figure:
    """Draws each metric over the epochs, training and validation in one panel.

    Args:
        history: Values per epoch by name; `val_loss` goes with `loss`. Those of speed
            are left out.
    """
    names = dict.fromkeys(name.removeprefix("val_") for name in history)
    shown = [name for name in names if name not in NOT_DRAWN]
    columns = min(len(shown), 3)
    rows = -(-len(shown) // 3)
    figure = Figure(figsize=(4.2 * columns, 3.2 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis, name in zip(axes, shown, strict=False):
        for key, label in ((name, "training"), (f"val_{name}", "validation")):
            if key in history:
                epochs = range(1, len(history[key]) + 1)
                axis.plot(epochs, history[key], marker="o", ms=3, label=label)
        axis.set_title(name.replace("_", " "), parse_math=False)
        axis.set_xlabel("epoch")
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.grid(alpha=0.3)
        axis.legend()
    for axis in axes[len(shown) :]:
        axis.axis("off")
    return figure


def mistakes_picture(
    images: Images,
    labels: npt.NDArray[np.integer],
    probabilities: npt.NDArray[np.floating],
    class_names: Sequence[str],
    columns: int,
) -> Figure:
    """Shows pictures beside what they are and what they were taken for.

    Args:
        images: `(n, height, width, 3)` RGB, uint8.
        labels: `(n,)` true classes.
        probabilities: `(n, classes)` predictions.
        class_names: Names of the classes.
        columns: Pictures per row.
    """
    titles = [
        "\n".join(
            [
                *wrap(f"{class_names[label]}:", TITLE_WIDTH),
                *wrap(f"taken for {class_names[row.argmax()]}", TITLE_WIDTH),
                f"({row.max():.0%})",
            ]
        )
        for label, row in zip(labels, probabilities, strict=True)
    ]
    return picture_grid(images, titles, columns, "The most confident mistakes")


def most_confident_mistakes(
    labels: npt.NDArray[np.integer],
    probabilities: npt.NDArray[np.floating],
    count: int,
) -> npt.NDArray[np.int64]:
    """Which predictions are wrong, the most confident first.

    Returns:
        At most `count` rows.
    """
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != labels)
    order = np.argsort(-probabilities[wrong].max(axis=1), kind="stable")
    return wrong[order][:count].astype(np.int64)
