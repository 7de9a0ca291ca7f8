"""Sets of classes that hold the right one as often as is wanted.

Method: split conformal prediction with one minus the probability of the true class as score
(Sadinle, Lei and Wasserman, Least Ambiguous Set-Valued Classifiers With Bounded Error
Levels, 2019), class by class after Vovk, Conditional Validity of Inductive Conformal
Predictors, 2012.
"""

import math

import numpy as np
import numpy.typing as npt
from scipy import stats

Floats = npt.NDArray[np.float64]

EVERY_CLASS = -math.inf  # the threshold that any probability reaches


def fit_thresholds(
    labels: npt.NDArray[np.integer],
    probabilities: npt.NDArray[np.floating],
    coverage: float,
    by_class: bool = False,
) -> Floats:
    """From which probability on a class belongs to the set of an image.

    Of images drawn like those given, the sets hold the right class with at least the
    coverage, whatever the model.

    Args:
        labels: `(images,)` true classes of validation images.
        probabilities: `(images, classes)`.
        coverage: How often a set must hold the right class, above 0 and below 1.
        by_class: Whether that must hold for the images of each class.

    Returns:
        `(classes,)`: thresholds; -inf where too few images stand for the coverage, so that
        any probability is enough.

    Example:
        >>> labels, probabilities = np.zeros(3, int), np.eye(2)[[0, 0, 0]] * 0.6 + 0.2
        >>> fit_thresholds(labels, probabilities, coverage=0.75).tolist()
        [0.8, 0.8]
        >>> fit_thresholds(labels, probabilities, coverage=0.9).tolist()
        [-inf, -inf]
    """
    classes = probabilities.shape[1]
    true = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    if not by_class:
        return np.full(classes, _threshold(true, coverage))
    return np.array([_threshold(true[labels == k], coverage) for k in range(classes)])


def _threshold(true: Floats, coverage: float) -> float:
    """The probability that all but a few of the true classes reach."""
    place = _place(len(true), coverage)
    return EVERY_CLASS if place > len(true) else float(np.sort(true)[-place])


def _place(images: int, coverage: float) -> int:
    """How many of the images, the likeliest first, reach the threshold."""
    return math.ceil((images + 1) * coverage - 1e-9)  # 0.55 * 100 is 55.00000000000001


def fewest_images(coverage: float) -> int:
    """How many images it takes until a set need not hold every class.

    Example:
        >>> fewest_images(0.9), fewest_images(0.95)
        (9, 19)
    """
    return math.ceil(coverage / (1 - coverage) - 1e-9)


def prediction_sets(
    probabilities: npt.NDArray[np.floating], thresholds: Floats
) -> npt.NDArray[np.bool_]:
    """`(images, classes)`: whether a class is in the set of an image; sets may be empty."""
    sets: npt.NDArray[np.bool_] = probabilities >= thresholds
    return sets


def least_covered(
    test_images: int, validation_images: int, coverage: float, risk: float = 0.025
) -> int:
    """How many test images are covered at least, except for a small risk.

    The coverage of one choice of validation images differs from what is wanted, and that
    of a few test images again: together they have a beta-binomial distribution.

    Args:
        test_images: How many sets are looked at.
        validation_images: How many chose the threshold.
        coverage: What is wanted.
        risk: How often there are fewer, by chance.
    """
    place = _place(validation_images, coverage)
    if place > validation_images or not test_images:
        return test_images
    spread = stats.betabinom(test_images, place, validation_images + 1 - place)
    return int(spread.ppf(risk))
