"""The signature of a SavedModel that takes the bytes of image files."""

from typing import Any

import tensorflow as tf

from ...evaluation.calibration.scaling import SMALLEST_PROBABILITY, Correction
from ..description import Description
from ..portable.from_bytes import IMAGE_BYTES
from .decode import decode


def bytes_function(infer: Any, description: Description) -> Any:
    """Creates a signature for the bytes of JPEG and PNG files.

    Args:
        infer: Maps images, `(images, size, size, 3)` float32, and the columns that the
            model takes, to a dict with `probabilities`, `(images, classes)`.
        description: Description of the model.

    Returns:
        A function from `image_bytes`, `(images,)` string, and the columns, to `class`, the
        name of the most probable class, `(images,)` string; `classes`, all names in the
        order of the model's outputs, `(images, classes)` string; and `probabilities`,
        `(images, classes)` float32, calibrated if the description has a calibration.
    """
    names = tf.constant(list(description.classes))
    size, rules = description.image_size, description.decoding
    correction = None if description.applied_in_graph else description.correction
    contents = tf.TensorSpec((None,), tf.string, name=IMAGE_BYTES)

    @tf.function(input_signature=[contents, *infer.input_signature[1:]])
    def infer_bytes(image_bytes: Any, *cells: Any) -> dict[str, Any]:
        pixels = tf.cast(decode(image_bytes, size, rules), tf.float32)
        found = _corrected(infer(pixels, *cells)["probabilities"], correction)
        count = tf.shape(image_bytes)[0]
        return {
            "class": tf.gather(names, tf.argmax(found, axis=1)),
            "classes": tf.tile(names[tf.newaxis], (count, 1)),
            "probabilities": found,
        }

    return infer_bytes


def _corrected(probabilities: Any, correction: Correction | None) -> Any:
    """Calibrates in float64 like `Correction.apply`, so that classes don't become equal."""
    if correction is None:
        return tf.cast(probabilities, tf.float32)
    scale, bias = correction.coefficients(probabilities.shape[-1])
    floor = tf.maximum(tf.cast(probabilities, tf.float64), SMALLEST_PROBABILITY)
    return tf.cast(tf.nn.softmax(scale * tf.math.log(floor) + bias), tf.float32)
