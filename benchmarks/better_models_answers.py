"""Predicts classes with the models of `better_models.py`."""

import os
from pathlib import Path
from typing import Any

import numpy as np


def answers(names: Any, labels: Any, probabilities: Any, images: Any) -> dict[str, Any]:
    """Returns the predicted class of each image that is not filed under two classes.

    Args:
        names: The path of each image.
        labels: The labels `(images,)`.
        probabilities: The outputs `(images, classes)` of a model.
        images: The split of the images.
    """
    twice = {_end(name) for name in np.array(images.names)[images.contradictory]}
    rows = [row for row, name in enumerate(names) if _end(name) not in twice]
    return {
        "images": [_end(names[row]) for row in rows],
        "labels": np.asarray(labels)[rows].tolist(),
        "predicted": np.asarray(probabilities)[rows].argmax(axis=1).tolist(),
    }


def whole_answers(model: Any, images: Any) -> dict[str, Any]:
    """Predicts the classes of images with a whole model."""
    from keraunos import Trainer

    found = Trainer().test(model, images).predictions
    return answers(found.names, found.labels, found.probabilities, images)


def head_answers(module: Any, model: Any, images: Any) -> dict[str, Any]:
    """Predicts the classes of images with the head of a model and cached features.

    The frozen network processes each image once for all trainings; `fit` has verified that
    the head on features returns the same as the whole model.
    """
    from keraunos.features import FeatureCache
    from keraunos.models.keras_graph import head_behind
    from keraunos.trainer.loop.evaluation import predict_batches

    frozen = module.frozen_part(model)
    cache = FeatureCache(frozen, images.store, predict_batches)
    features = np.ascontiguousarray(cache.features(images)[np.arange(len(images.names))])
    head = head_behind(frozen.model.output, model)
    probabilities = np.asarray(head(features, training=False))
    return answers(images.names, images.labels, probabilities, images)


def _end(name: str) -> str:
    """Returns the last three parts of a path: Test/nevus/ISIC_0012.jpg."""
    return os.path.join(*Path(name).parts[-3:])
