"""Calibration errors, Brier score and negative log likelihood.

Methods: expected and maximum calibration error of the most probable class after Naeini,
Cooper and Hauskrecht, 2015; class by class after Nixon et al., 2019; the error expected by
chance after Bröcker and Smith, 2007.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ..statistics.proportions import wilson_intervals

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.integer]
Probabilities = npt.NDArray[np.floating]

_LEAST = float(np.finfo(np.float64).eps)  # as in scikit-learn's log_loss
_ROUNDS = 200


class Binned:
    """Images in bins of a probability.

    A bin excludes its lower and includes its upper edge, as in scikit-learn's
    `calibration_curve`; the first bin includes both.

    Args:
        values: `(images,)` probabilities.
        outcomes: `(images,)` bool, whether the event occurred.
        edges: `(bins + 1,)`, ascending.
    """

    def __init__(
        self, values: Floats, outcomes: npt.NDArray[np.bool_], edges: Floats
    ) -> None:
        places = np.searchsorted(edges[1:-1], values)
        self.order = np.argsort(places, kind="stable")
        self.places, self.starts = np.unique(places[self.order], return_index=True)
        self.edges = edges
        self.values = values[self.order]
        self.outcomes = outcomes[self.order].astype(np.float64)

    def errors(self, weights: Floats) -> tuple[Floats, Floats]:
        """Returns the expected and the maximum calibration error, `(rounds,)` each.

        Args:
            weights: `(rounds, images)`: how often each image counts.
        """
        drawn = weights[:, self.order]
        masses = self._sums(drawn)
        misfits = np.abs(self._sums(drawn * (self.outcomes - self.values)))
        largest = (misfits / np.maximum(masses, 1)).max(axis=1)
        return misfits.sum(axis=1) / masses.sum(axis=1), largest

    def rows(self) -> list[dict[str, float | int | list[float]]]:
        """Returns the nonempty bins: edges, counts, mean probability, rate and interval."""
        counts = self._sums(np.ones((1, len(self.values))))[0]
        means = self._sums(self.values[None])[0] / counts
        happened = self._sums(self.outcomes[None])[0]
        columns = zip(
            self.edges[self.places].tolist(),
            self.edges[self.places + 1].tolist(),
            counts.astype(int).tolist(),
            means.tolist(),
            (happened / counts).tolist(),
            wilson_intervals(happened, counts).tolist(),
            strict=True,
        )
        names = ("low", "high", "images", "confidence", "accuracy", "interval")
        return [dict(zip(names, row, strict=True)) for row in columns]

    def _sums(self, rows: Floats) -> Floats:
        """Returns the sums over nonempty bins, `(rounds, bins)`."""
        return np.add.reduceat(rows, self.starts, axis=1)


def equal_width(values: Floats, bins: int) -> Floats:
    """Returns the edges of bins of equal width in [0, 1]."""
    return np.linspace(0, 1, bins + 1)


def equal_mass(values: Floats, bins: int) -> Floats:
    """Returns the edges of bins with equally many values, up to ties."""
    return np.quantile(values, np.linspace(0, 1, bins + 1))


def confidence_bins(
    labels: Labels,
    probabilities: Probabilities,
    bins: int,
    edges: Callable[[Floats, int], Floats] = equal_width,
) -> Binned:
    """Bins images by the probability of their most probable class."""
    confidence = probabilities.max(axis=1).astype(np.float64)
    is_right = probabilities.argmax(axis=1) == labels
    return Binned(confidence, is_right, edges(confidence, bins))


def calibration_measures(
    labels: Labels, probabilities: Probabilities, bins: int
) -> Callable[[Floats], dict[str, Floats]]:
    """Returns the measures with intervals, as a function for the bootstrap.

    Returns:
        A function of weights `(rounds, images)` that returns `(rounds,)` each of
        `accuracy`, `ece`, `mce`, `ece_equal_mass`, `mce_equal_mass`, `brier` (from 0 to 2)
        and `nll` (natural logarithm).
    """
    binned = {
        "": confidence_bins(labels, probabilities, bins, equal_width),
        "_equal_mass": confidence_bins(labels, probabilities, bins, equal_mass),
    }
    single = {
        "accuracy": (probabilities.argmax(axis=1) == labels).astype(np.float64),
        "brier": brier_scores(labels, probabilities),
        "nll": negative_log_likelihoods(labels, probabilities),
    }

    def measures(weights: Floats) -> dict[str, Floats]:
        total = weights.sum(axis=1)
        found = {name: weights @ values / total for name, values in single.items()}
        for ending, bins_of in binned.items():
            found[f"ece{ending}"], found[f"mce{ending}"] = bins_of.errors(weights)
        return found

    return measures


def brier_scores(labels: Labels, probabilities: Probabilities) -> Floats:
    """Returns the sum over classes of squared differences, `(images,)`, from 0 to 2."""
    squares = (probabilities.astype(np.float64) ** 2).sum(axis=1)
    true = _true_class_probabilities(labels, probabilities)
    return squares - true**2 + (1 - true) ** 2


def negative_log_likelihoods(labels: Labels, probabilities: Probabilities) -> Floats:
    """Returns `(images,)` values; probabilities are clipped to at least 2.2e-16."""
    return -np.log(
        np.clip(_true_class_probabilities(labels, probabilities), _LEAST, 1 - _LEAST)
    )


def _true_class_probabilities(labels: Labels, probabilities: Probabilities) -> Floats:
    return probabilities[np.arange(len(labels)), labels].astype(np.float64)


def classwise_error(labels: Labels, probabilities: Probabilities, bins: int) -> float:
    """Returns the mean expected calibration error over classes with images."""
    whole = np.ones((1, len(labels)))
    errors = []
    for label in np.unique(labels):
        values = probabilities[:, label].astype(np.float64)
        of_class = Binned(values, labels == label, equal_width(values, bins))
        errors.append(of_class.errors(whole)[0][0])
    return float(np.mean(errors))


def expected_by_chance(
    probabilities: Probabilities, bins: int, seed: int = 0
) -> dict[str, float]:
    """Simulates the calibration error of a perfectly calibrated model.

    It is above 0, because bins contain few images. In each of 200 rounds, each image is
    right with its probability.

    Returns:
        `mean`, and `high`, the 95th percentile.
    """
    random = np.random.default_rng(seed)
    confidence = probabilities.max(axis=1).astype(np.float64)
    places = np.searchsorted(equal_width(confidence, bins)[1:-1], confidence)
    errors = []
    for _ in range(_ROUNDS):
        misfits = (random.random(len(confidence)) < confidence) - confidence
        sums = np.bincount(places, misfits)
        errors.append(np.abs(sums).sum() / len(confidence))
    return {"mean": float(np.mean(errors)), "high": float(np.quantile(errors, 0.95))}
