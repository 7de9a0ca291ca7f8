"""Names the metric of training speed."""

from typing import Literal

import tensorflow as tf

from ..contracts import BatchSource, is_labeled, knows_targets
from ..setup.compiled_model import batch_spec


def speed_name(source: BatchSource) -> Literal["images_per_second", "examples_per_second"]:
    """Returns `images_per_second` for image data: from files, or with inputs of rank 4."""
    if is_labeled(source) or knows_targets(source):
        return "images_per_second"
    inputs = tf.nest.flatten(batch_spec(source)[0])
    has_images = any(each.shape.rank == 4 for each in inputs)
    return "images_per_second" if has_images else "examples_per_second"
