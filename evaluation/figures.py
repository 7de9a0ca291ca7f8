"""Draws figures of data and results without a display."""

import io
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from textwrap import wrap
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ..core.files import replacing
from ..core.names import printable
from ..core.run_layout import CONFUSION_MATRIX_FILE

Images = npt.NDArray[np.uint8]

TITLE_WIDTH = 26
NAME_WIDTH = 40
# Limits beyond which figures do not grow with the number of classes.
MOST_IMAGES = 96
MOST_NUMBERED = 40
_QUICK = {"compress_level": 1}  # takes half the time of the default; slightly larger
MOST_NAMED = 20  # of more than MOST_NUMBERED classes


class Drawing:
    """A figure that notebooks display as the last value of a cell.

    Args:
        figure: The Matplotlib figure.

    Attributes:
        figure: The Matplotlib figure, for further changes.

    Example:
        >>> figure = Figure(figsize=(2, 1))
        >>> Drawing(figure)._repr_png_()[1:4]
        b'PNG'
    """

    def __init__(self, figure: Figure) -> None:
        self.figure = figure

    def save(self, path: str | PathLike[str]) -> None:
        """Writes the figure in the format of the file extension, such as `.png`."""
        self.figure.savefig(path, dpi=110)

    def _repr_png_(self) -> bytes:
        """Returns the figure as PNG for IPython."""
        content = io.BytesIO()
        self.figure.savefig(content, format="png", dpi=80)
        return content.getvalue()


def save_figure(figure: Figure, path: Path) -> None:
    """Writes a figure as PNG."""
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=110, pil_kwargs=_QUICK)


def to_pixels(figure: Figure) -> Images:
    """Renders a figure as `(height, width, 3)` RGB, uint8."""
    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def image_grid(
    images: Images, titles: Sequence[str], columns: int, heading: str = ""
) -> Figure:
    """Arranges images in a grid, each below its title.

    All are drawn into one pair of axes, because a layout of many axes takes minutes.

    Args:
        images: `(n, height, width, 3)` RGB, uint8; the first 96 are shown.
        titles: One title per image; may be empty.
        columns: Images per row.
        heading: Title of the figure.
    """
    shown = images[:MOST_IMAGES]
    rows = max(-(-len(shown) // columns), 1)
    lines = max(
        (title.count("\n") + 1 for title in titles[: len(shown)] if title), default=0
    )
    height = 1.6 + 0.13 * lines
    size = (1.7 * columns, height * rows + 0.5)
    figure = Figure(figsize=size)
    axis = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axis.axis("off")
    axis.set_xlim(0, size[0])
    axis.set_ylim(size[1], 0)
    for place, (image, title) in enumerate(zip(shown, titles, strict=False)):
        left = 1.7 * (place % columns) + 0.1
        bottom = 0.45 + height * (place // columns + 1)
        axis.imshow(image, extent=(left, left + 1.5, bottom, bottom - 1.5), aspect="auto")
        axis.text(
            left + 0.75,
            bottom - 1.53,
            title,
            ha="center",
            va="bottom",
            fontsize=7,
            parse_math=False,
        )
    axis.set_xlim(0, size[0])
    axis.set_ylim(size[1], 0)
    figure.suptitle(heading, fontsize=10, y=1 - 0.1 / size[1], va="top")
    return figure


def samples_figure(images: Images, titles: Sequence[str]) -> Figure:
    """Draws images below the names of their classes."""
    heading = f"Samples of {len(set(titles)):,} classes"
    return image_grid(
        images, [_truncate(title, TITLE_WIDTH) for title in titles], 8, heading
    )


def augmented_figure(versions: Images) -> Figure:
    """Draws an image, followed by augmented views of it."""
    titles = ["original", *[""] * (len(versions) - 1)]
    return image_grid(versions, titles, 6, "An image and its augmented views")


def augmentation_kinds_figure(kinds: Mapping[str, Images]) -> Figure:
    """Draws a row for each kind of augmentation: an image, and views with it alone.

    Args:
        kinds: Images by kind, equally many of each.
    """
    columns = max(map(len, kinds.values()), default=1)
    shape = next((images.shape[1:] for images in kinds.values()), (1, 1, 3))
    images = np.concatenate([np.zeros((0, *shape), np.uint8), *kinds.values()])
    titles = [
        title
        for name, versions in kinds.items()
        for title in ["original", *[name] * (len(versions) - 1)]
    ]
    heading = "Each kind of augmentation alone" if kinds else "No augmentation"
    return image_grid(images, titles, columns, heading)


def confusion_matrix_figure(
    matrix: npt.NDArray[np.integer], class_names: Sequence[str]
) -> Figure:
    """Draws a confusion matrix: true classes as rows, predicted classes as columns.

    Colors show the fraction of the row, numbers the counts. With more than 40 classes,
    there are no numbers, and not all classes are named.
    """
    counts = np.asarray(matrix)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    is_numbered = len(class_names) <= MOST_NUMBERED
    size = 2.5 + 0.55 * (len(class_names) if is_numbered else MOST_NAMED)
    figure = Figure(figsize=(size + 0.8, size), layout="constrained")
    axis = figure.subplots()
    image = axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    step = 1 if is_numbered else -(-len(class_names) // MOST_NAMED)
    places = range(0, len(class_names), step)
    names = [_truncate(class_names[place], NAME_WIDTH) for place in places]
    plain: dict[str, Any] = {"fontsize": 8, "parse_math": False}
    axis.set_xticks(places, names, rotation=45, ha="right", **plain)
    axis.set_yticks(places, names, **plain)
    axis.set_xlabel("predicted")
    axis.set_ylabel("true")
    if is_numbered:
        _write_counts(axis, counts, shares)
    else:
        axis.set_title(
            f"{len(class_names):,} classes, one of {step} named; counts are in "
            f"{CONFUSION_MATRIX_FILE}",
            fontsize=10,
        )
    figure.colorbar(image, ax=axis, label="fraction of the true class", shrink=0.8)
    return figure


def _truncate(text: str, width: int) -> str:
    text = printable(text)
    return text if len(text) <= width else text[: width - 1] + "…"


def _write_counts(
    axis: Axes, counts: npt.NDArray[np.integer], shares: npt.NDArray[np.floating]
) -> None:
    for (row, column), count in np.ndenumerate(counts):
        color = "white" if shares[row, column] > 0.6 else "black"
        text = axis.text(
            column, row, str(count), ha="center", va="center", color=color, fontsize=8
        )
        text.set_in_layout(False)  # measuring thousands of texts would dominate the time


def mistakes_figure(
    images: Images,
    labels: npt.NDArray[np.integer],
    probabilities: npt.NDArray[np.floating],
    class_names: Sequence[str],
    columns: int,
) -> Figure:
    """Draws images with their true and predicted classes.

    Args:
        images: `(n, height, width, 3)` RGB, uint8.
        labels: `(n,)` true classes.
        probabilities: `(n, classes)` predictions.
        class_names: Names of the classes.
        columns: Images per row.
    """
    titles = [
        "\n".join(
            [
                *wrap(_truncate(f"{class_names[label]}:", 3 * TITLE_WIDTH), TITLE_WIDTH),
                *wrap(
                    _truncate(f"predicted {class_names[row.argmax()]}", 3 * TITLE_WIDTH),
                    TITLE_WIDTH,
                ),
                f"({row.max():.0%})",
            ]
        )
        for label, row in zip(labels, probabilities, strict=True)
    ]
    return image_grid(images, titles, columns, "The most confident mistakes")


def most_confident_mistakes(
    labels: npt.NDArray[np.integer],
    probabilities: npt.NDArray[np.floating],
    count: int,
) -> npt.NDArray[np.int64]:
    """Returns the rows of wrong predictions, the most confident first.

    Returns:
        At most `count` rows.
    """
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != labels)
    order = np.argsort(-probabilities[wrong].max(axis=1), kind="stable")
    return wrong[order][:count].astype(np.int64)
