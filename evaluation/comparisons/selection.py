"""By how much the best of several models looks better than it is."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..statistics.intervals import WeightedScores
from ..statistics.resampling import draws


def optimism_of_best(
    labels: npt.NDArray[np.integer],
    probabilities: Sequence[npt.NDArray[np.floating]],
    score: str = "balanced_accuracy",
    groups: npt.NDArray[np.integer] | None = None,
    seed: int = 0,
) -> float:
    """How much a score is too high that was the reason to choose a model.

    The bootstrap plays the choice 1,000 times: the images at hand stand for all images,
    and those that are drawn for the ones at hand. Of the model that is the best on those
    that were drawn, the score there exceeds that on all by the optimism of the choice; the
    mean of that is returned (Efron and Tibshirani, An Introduction to the Bootstrap, 1993,
    chapter 17). It says nothing of classes that are rare among all images, nor of settings
    that were chosen before.

    Args:
        labels: `(images,)` true classes.
        probabilities: For each model `(images, classes)`.
        score: One of those of `WeightedScores`.
        groups: `(images,)` numbers shared by images of one group, such as a patient.
        seed: Of the draws.

    Returns:
        In units of the score, 0 for a model alone.

    Example:
        >>> labels = np.array([0, 1] * 20)
        >>> random = np.random.default_rng(0)
        >>> guesses = [random.dirichlet([1, 1], 40) for _ in range(10)]
        >>> optimism_of_best(labels, guesses) > optimism_of_best(labels, guesses[:2]) > 0
        True
    """
    scored = [WeightedScores(labels, each) for each in probabilities]
    true = np.array([each(np.ones((1, len(labels))))[score][0] for each in scored])
    found = []
    for weights in draws(labels, groups, seed):
        drawn = np.stack([each(weights)[score] for each in scored])
        best = drawn.argmax(axis=0)
        found.append(drawn.max(axis=0) - true[best])
    # A model alone is not chosen: what its draws differ by is chance.
    return max(float(np.mean(np.concatenate(found))), 0.0) if len(scored) > 1 else 0.0
