"""What models answer: for each image the class that is predicted."""

import os
from pathlib import Path
from typing import Any

import numpy as np


def answers(names: Any, labels: Any, probabilities: Any, images: Any) -> dict[str, Any]:
    """The predicted class of each image, except for those that are filed under two classes.

    Args:
        names: The path of each image.
        labels: `(images,)` the class that each is filed under.
        probabilities: `(images, classes)` what a model returns.
        images: The split that has them.
    """
    twice = {_end(name) for name in np.array(images.names)[images.contradictory]}
    rows = [row for row, name in enumerate(names) if _end(name) not in twice]
    return {
        "images": [_end(names[row]) for row in rows],
        "labels": np.asarray(labels)[rows].tolist(),
        "predicted": np.asarray(probabilities)[rows].argmax(axis=1).tolist(),
    }


def whole_answers(model: Any, images: Any) -> dict[str, Any]:
    """What a model answers when it sees the images."""
    from keraunos import Trainer

    said = Trainer().test(model, images).predictions
    return answers(said.names, said.labels, said.probabilities, images)


def head_answers(module: Any, model: Any, images: Any) -> dict[str, Any]:
    """What a model on a frozen network answers, by the features that a fit trains on.

    The network sees each image once for all trainings: `fit` has made sure that head and
    features return what the whole model returns.
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
    """The path of an image below the folder of all data: Test/nevus/ISIC_0012.jpg."""
    return os.path.join(*Path(name).parts[-3:])
