"""Writes images for TensorBoard: training samples and validation results."""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from .. import evaluation
from .shows_images import ShowsImages, ShowsValidation
from .summary_descriptions import describe

if TYPE_CHECKING:
    from ..evaluation.figures import Images

Writer = AbstractContextManager[Any]  # context in which summaries are written to a file

_COLUMNS = 3  # two rows of mistakes fit on a card of TensorBoard


def write_data_images(writer: Writer, data: ShowsImages, step: int) -> None:
    """Writes sample images, and augmented versions of one image."""
    samples, _ = data.sample_images()
    _write(writer, {"samples": samples, "augmented": data.augmented_images()}, step)


def write_validation_images(
    writer: Writer, predictions: evaluation.Predictions, data: Any, step: int
) -> None:
    """Writes the confusion matrix and, if possible, the most confident mistakes."""
    matrix, names = predictions.confusion_matrix(), predictions.class_names
    figures = {"confusion_matrix": evaluation.confusion_matrix_figure(matrix, names)}
    if isinstance(data, ShowsValidation):
        load = data.validation_images
        mistakes = evaluation.draw_mistakes(predictions, load, 2 * _COLUMNS, _COLUMNS)
        figures["mistakes"] = mistakes
    images = {n: evaluation.to_pixels(figure)[None] for n, figure in figures.items()}
    _write(writer, images, step)


def _write(writer: Writer, images: "dict[str, Images]", step: int) -> None:
    with writer:
        for name, each in images.items():
            about = describe(name)
            tf.summary.image(name, each, step, len(each), description=about)
        tf.summary.flush()
