"""The reference that an export is compared with, and the result of the comparison."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..core.errors import ConfigError, message
from .portable.task_answers import CLASSIFICATION, TaskRules

_MIN_IMAGES = 64
_MIN_SPREAD = 0.01  # of the probabilities of a class, for a meaningful comparison


@dataclass(frozen=True)
class Reference:
    """Image files with the outputs of the model.

    Attributes:
        files: Image files, all in one folder.
        classes: Class names, in the order of the columns.
        probabilities: Outputs of the model, `(files, classes)`, calibrated if the model has
            a calibration; numbers for regression.
        labels: Class indices, `(files,)`; None if unknown.
        names: Names of the images; by default those of the files.
        split: Name of the split.
        digests: SHA-256 of each file, which identifies it in reports.
        rules: Rules of the task.
        cells: Table cells of each file by column; None if the model takes no columns.
    """

    files: Sequence[Path]
    classes: Sequence[str]
    probabilities: npt.NDArray[np.floating]
    labels: npt.NDArray[np.integer] | None = None
    names: Sequence[str] = ()
    split: str = ""
    digests: Sequence[str] = ()
    rules: TaskRules = CLASSIFICATION
    cells: Mapping[str, Sequence[str]] | None = None

    def __post_init__(self) -> None:
        if not (len(self.files) and np.isfinite(self.probabilities).all()):
            raise ConfigError(
                message(
                    "The outputs of the model must be finite, for at least one image, to "
                    "compare an export with it.",
                    "Does the model itself work?",
                    images=len(self.files),
                )
            )

    @property
    def image_names(self) -> Sequence[str]:
        """The names of the images."""
        return self.names or [str(file) for file in self.files]

    def warnings(self, absent: Sequence[str] = ()) -> list[str]:
        """Returns warnings about the significance of the comparison.

        Args:
            absent: Classes without images.
        """
        found = []
        spread = float(np.ptp(self.probabilities, axis=0).max())
        if spread < _MIN_SPREAD:
            found.append(
                "The model predicts nearly the same for all compared images: no class "
                f"probability varies by more than {spread:.1e}, so that an export that "
                "reads images wrongly may pass."
            )
        if len(self.files) < _MIN_IMAGES:
            found.append(f"Only {len(self.files)} images were compared: there are no more.")
        if absent:
            found.append(f"No image of {', '.join(absent)} was compared.")
        return found

    def only(self, rows: Sequence[int]) -> "Reference":
        """Returns the reference for some of the images."""
        return replace(
            self,
            files=[self.files[row] for row in rows],
            probabilities=self.probabilities[rows],
            labels=None if self.labels is None else self.labels[rows],
            names=[self.image_names[row] for row in rows],
            digests=[self.digests[row] for row in rows] if self.digests else (),
            cells=self.cells
            and {name: [c[row] for row in rows] for name, c in self.cells.items()},
        )


@dataclass(frozen=True)
class ComparedImage:
    """The difference between model and export for an image.

    Attributes:
        image: Name of the image.
        difference: Largest difference of a probability.
        model: Class predicted by the model.
        export: Class predicted by the export.
        sha256: SHA-256 of its file, or None.
    """

    image: str
    difference: float
    model: str
    export: str
    sha256: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Returns JSON values without the name, which may identify a patient."""
        return {key: value for key, value in vars(self).items() if key != "image"}


@dataclass(frozen=True)
class Parity:
    """The differences between the outputs of an export and those of its model.

    Attributes:
        images: Number of compared images.
        largest_difference: Largest difference of a probability.
        agreement: Share of the images with the same predicted class.
        disagreements: Number of images with different predicted classes, by their label, or
            by the model's prediction without labels.
        tolerance: Maximum difference of a probability; None accepts any finite difference.
        images_by_class: Number of compared images of each class.
        split: Name of the split.
        worst: The images whose probabilities differ most.
        warnings: Warnings about the significance of the comparison.
        refused: Number of images rejected by the export, which were not compared.
        signatures: Results for other signatures, by name.
    """

    images: int
    largest_difference: float
    agreement: float
    disagreements: Mapping[str, int]
    tolerance: float | None
    images_by_class: Mapping[str, int] = field(default_factory=dict)
    split: str = ""
    worst: Sequence[ComparedImage] = ()
    warnings: Sequence[str] = ()
    refused: int = 0
    signatures: Mapping[str, "Parity"] = field(default_factory=dict)

    @property
    def has_passed(self) -> bool:
        """Whether all differences are within the tolerance and all classes are equal."""
        return self._is_near and all(each.has_passed for each in self.signatures.values())

    @property
    def first_failed(self) -> "Parity":
        """The first result, of the model or a signature, that did not pass."""
        if not self._is_near:
            return self
        return next((s for s in self.signatures.values() if not s.has_passed), self)

    @property
    def _is_near(self) -> bool:
        if self.tolerance is None:
            return bool(np.isfinite(self.largest_difference))
        is_near = self.largest_difference <= self.tolerance  # NaN is not
        return is_near and not self.disagreements

    def as_json(self) -> dict[str, Any]:
        """Returns the result as JSON values."""
        return {
            "split": self.split,
            "images": self.images,
            "refused": self.refused,
            "tolerance": self.tolerance,
            "largest_difference": self.largest_difference,
            "agreement": self.agreement,
            "per_class": {
                name: {"images": count, "disagreements": self.disagreements.get(name, 0)}
                for name, count in self.images_by_class.items()
            },
            "worst_images": [each.as_json() for each in self.worst],
            "warnings": list(self.warnings),
            "signatures": {name: each.as_json() for name, each in self.signatures.items()},
        }
