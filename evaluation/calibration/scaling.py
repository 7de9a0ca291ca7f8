"""Corrects probabilities by temperature or vector scaling, fitted on validation images.

Methods: temperature scaling after Guo, Pleiss, Sun and Weinberger, On Calibration of Modern
Neural Networks, 2017; vector scaling on logarithms of probabilities, which is the diagonal
form of Dirichlet calibration (Kull et al., 2019). Logarithms instead of logits work for any
model whose outputs are probabilities; for a temperature, both are equivalent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy import optimize, special

from ...core.errors import ConfigError, DataError, message

Floats = npt.NDArray[np.float64]
Kind = Literal["temperature", "vector"]

SMALLEST_PROBABILITY = float(np.finfo(np.float32).tiny)  # lower ones are clipped
TEMPERATURES = (0.01, 100.0)
_LEAST_SCALE = 0.1  # per class, relative to the common scale
_NAMED = 5


@dataclass(frozen=True)
class Correction:
    """Replaces probabilities `p` by `softmax(scale * log(p) + bias)`.

    Args:
        kind: `"temperature"`: the scale of all classes is `1 / temperature`, without a
            bias; or `"vector"`: a scale and a bias for each class.
        temperature: Above 1, it reduces confidence; below 1, it increases it.
        scale: `(classes,)`, positive.
        bias: `(classes,)`.

    Raises:
        ConfigError: The parameters do not match the kind, or are not finite and positive.

    Example:
        >>> correction = Correction("temperature", temperature=2.0)
        >>> correction.apply(np.array([[0.8, 0.2]])).round(3).tolist()
        [[0.667, 0.333]]
    """

    kind: Kind
    temperature: float | None = None
    scale: tuple[float, ...] = ()
    bias: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not (self._is_temperature() or self._is_vector()):
            raise ConfigError(
                message(
                    "A correction must have a positive temperature, or a positive scale "
                    "and a bias for each class.",
                    kind=self.kind,
                    temperature=self.temperature,
                    scale=self.scale,
                    bias=self.bias,
                )
            )

    def _is_temperature(self) -> bool:
        is_alone = not self.scale and not self.bias
        return self.kind == "temperature" and is_alone and _are_positive([self.temperature])

    def _is_vector(self) -> bool:
        is_alone = self.temperature is None
        has_classes = len(self.scale) == len(self.bias) > 1
        is_finite = _are_positive(self.scale) and _are_finite(self.bias)
        return self.kind == "vector" and is_alone and has_classes and is_finite

    def coefficients(self, num_classes: int) -> tuple[Floats, Floats]:
        """Returns scale and bias, `(classes,)` each.

        Raises:
            ConfigError: The correction is for another number of classes.
        """
        if self.temperature is not None:
            return np.full(num_classes, 1 / self.temperature), np.zeros(num_classes)
        if len(self.scale) != num_classes:
            raise ConfigError(
                message(
                    f"The correction is for {len(self.scale)} classes.",
                    num_classes=num_classes,
                )
            )
        return np.array(self.scale), np.array(self.bias)

    def apply(self, probabilities: npt.NDArray[np.floating]) -> Floats:
        """Returns corrected probabilities, `(images, classes)` float64.

        With float64, different values of float32 do not become equal, so that a temperature
        never changes the most probable class.
        """
        scale, bias = self.coefficients(probabilities.shape[1])
        return special.softmax(scale * _logarithms(probabilities) + bias, axis=1)

    def as_json(self) -> dict[str, Any]:
        """Returns the correction as JSON values; see `from_json`."""
        if self.temperature is not None:
            return {"kind": self.kind, "temperature": self.temperature}
        return {"kind": self.kind, "scale": list(self.scale), "bias": list(self.bias)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Correction":
        """Creates the correction from JSON values; other keys are ignored.

        Raises:
            ConfigError: The values are not a correction.
        """
        given = {name: document.get(name) for name in ("scale", "bias")}
        lists = {name: tuple(v) if isinstance(v, list) else () for name, v in given.items()}
        kind: Any = document.get("kind")
        return cls(kind, document.get("temperature"), **lists)


def _are_finite(values: Sequence[Any]) -> bool:
    return all(type(value) in (int, float) and abs(value) < 1e30 for value in values)


def _are_positive(values: Sequence[Any]) -> bool:
    return _are_finite(values) and all(value > 1e-30 for value in values)


def fit_correction(
    kind: Kind,
    labels: npt.NDArray[np.integer],
    probabilities: npt.NDArray[np.floating],
    class_names: Sequence[str],
) -> Correction:
    """Fits a correction to validation images by maximum likelihood.

    Args:
        kind: Kind of the correction.
        labels: `(images,)` true classes of validation images.
        probabilities: `(images, classes)`.
        class_names: Names of the classes, for messages.

    Raises:
        DataError: The images do not determine the correction.

    Example:
        >>> labels = np.array([0, 0, 1, 1, 0])
        >>> probabilities = np.eye(2)[[0, 0, 1, 1, 1]] * 0.98 + 0.01
        >>> round(fit_correction("temperature", labels, probabilities, "ab").temperature, 2)
        3.31
    """
    logarithms = _logarithms(probabilities)
    if kind == "temperature":
        return Correction(kind, 1 / _fit_scale(labels, logarithms))
    _require_every_class(labels, class_names)
    scale, bias = _fit_vectors(labels, logarithms)
    return Correction(kind, None, tuple(scale.tolist()), tuple(bias.tolist()))


def _logarithms(probabilities: npt.NDArray[np.floating]) -> Floats:
    return np.log(np.maximum(probabilities, SMALLEST_PROBABILITY, dtype=np.float64))


def _fit_scale(labels: npt.NDArray[np.integer], logarithms: Floats) -> float:
    """Returns the inverse of the best temperature, the minimum of a convex function."""
    true = logarithms[np.arange(len(labels)), labels].mean()

    def slope(scale: float) -> float:
        probable = special.softmax(scale * logarithms, axis=1)
        return float((probable * logarithms).sum(axis=1).mean() - true)

    least, most = 1 / TEMPERATURES[1], 1 / TEMPERATURES[0]
    if not slope(least) < 0 < slope(most):
        raise DataError(
            message(
                f"The best temperature must be between {TEMPERATURES[0]:g} and "
                f"{TEMPERATURES[1]:g}: on validation, the model must be right more often "
                "than by chance, and wrong at least once.",
                "Use more validation images.",
                images=len(labels),
                accuracy=round(float((logarithms.argmax(axis=1) == labels).mean()), 4),
            )
        )
    return float(optimize.brentq(slope, least, most))


def _require_every_class(
    labels: npt.NDArray[np.integer], class_names: Sequence[str]
) -> None:
    counts = np.bincount(labels, minlength=len(class_names))
    absent = [name for name, n in zip(class_names, counts, strict=True) if not n]
    if absent:
        raise DataError(
            message(
                "Vector scaling needs validation images of every class.",
                "Use evaluation.calibration.scaling=temperature, or more of them.",
                classes_without_validation_images=absent[:_NAMED],
            )
        )


def _fit_vectors(
    labels: npt.NDArray[np.integer], logarithms: Floats
) -> tuple[Floats, Floats]:
    """Fits scale and bias, regularized towards the best temperature.

    The L2 penalty on the changes (relative to the scale) weighs as much as a single image.
    It has almost no effect with hundreds of images, but keeps classes with few images close
    to the others.
    """
    common = _fit_scale(labels, logarithms)
    count, classes = logarithms.shape
    truth = np.eye(classes)[labels]

    def objective(added: Floats) -> tuple[float, Floats]:
        change, bias = np.split(added, 2)
        scores = common * (1 + change) * logarithms + bias
        excess = special.softmax(scores, axis=1) - truth
        slopes = [common * (excess * logarithms).mean(axis=0), excess.mean(axis=0)]
        likelihood = (truth * special.log_softmax(scores, axis=1)).sum() / count
        penalty = (added @ added) / (2 * count)
        return penalty - likelihood, np.concatenate(slopes) + added / count

    bounds = [(_LEAST_SCALE - 1, None)] * classes + [(None, None)] * classes
    start = np.zeros(2 * classes)
    found = optimize.minimize(objective, start, jac=True, bounds=bounds, method="L-BFGS-B")
    change, bias = np.split(found.x, 2)
    return common * (1 + change), bias
