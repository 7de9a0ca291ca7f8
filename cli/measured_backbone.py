"""Measures how fast a backbone computes features on this machine; loads TensorFlow."""

from dataclasses import replace

import numpy as np

from ..export.latency import time_side_by_side
from ..models import TransferClassifier
from ..models.inference import traced_forward
from ..models.stages import find_stages
from .backbone_table import BackboneRow

SECONDS = 2.0
_DEFAULT_SIZE = 224  # pixels, for networks that accept any size


def measure_backbone(
    row: BackboneRow, image_size: int | None, batch_size: int
) -> BackboneRow:
    """Builds a backbone with random weights, and adds its speed and missing facts.

    Args:
        row: The known facts about the backbone.
        image_size: Height and width in pixels; None for that of the network.
        batch_size: Images per batch.

    Raises:
        ConfigError: The network can't be built for images of this size.
    """
    import keras

    size = image_size or row.image_size or _DEFAULT_SIZE
    module = TransferClassifier(2, image_size=size, backbone=row.name, weights=None)
    part = module.feature_model(module.build())
    images = np.zeros((batch_size, size, size, 3), "float32")
    forward = traced_forward(part)
    (timings,) = time_side_by_side([lambda: np.asarray(forward(images))], SECONDS)
    stages = find_stages(part)
    found = replace(
        row,
        parameters=row.parameters or part.count_params(),
        image_size=row.image_size or size,
        features=part.output_shape[-1],
        stages=tuple(stage.name for stage in stages) if stages else None,
        images_per_second=timings.calls_per_second * batch_size,
    )
    keras.backend.clear_session()
    return found
