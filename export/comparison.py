"""What an export is compared with, and the outcome."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..core.errors import ConfigError, message
from .portable.task_answers import CLASSIFICATION, TaskRules

_LEAST_IMAGES = 64
_LEAST_SPREAD = 0.01  # of the probabilities of a class; below it the comparison is blind


@dataclass(frozen=True)
class Reference:
    """Image files, and what the model says of them.

    Attributes:
        files: On disk, all in one folder, as many as there are rows.
        classes: In the order of the columns.
        probabilities: `(files, classes)`, corrected if the model has a correction.
        labels: `(files,)` places of the classes of the images; None if not known.
        names: What the images are called; by default as their files.
        split: Where they are from.
        digests: SHA-256 of each, by which others get to know of it.
        rules: What is predicted; `probabilities` hold the numbers of a regression, too.
        cells: By column of a table, for each file; None if the model takes no columns.
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
                    "An export is compared with finite probabilities of a model, for at "
                    "least one image.",
                    "Does the model itself work?",
                    images=len(self.files),
                )
            )

    @property
    def image_names(self) -> Sequence[str]:
        """What the images are called."""
        return self.names or [str(file) for file in self.files]

    def warnings(self, absent: Sequence[str] = ()) -> list[str]:
        """What a comparison with it can't tell.

        Args:
            absent: Classes of which there is not an image.
        """
        found = []
        spread = float(np.ptp(self.probabilities, axis=0).max())
        if spread < _LEAST_SPREAD:
            found.append(
                "The model predicts nearly the same for all compared images: no class "
                f"probability varies by more than {spread:.1e}, so that an export that "
                "reads images wrongly may pass."
            )
        if len(self.files) < _LEAST_IMAGES:
            found.append(f"Only {len(self.files)} images were compared: there are no more.")
        if absent:
            found.append(f"No image was compared of {', '.join(absent)}.")
        return found

    def only(self, rows: Sequence[int]) -> "Reference":
        """Some of the images."""
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
    """An image, and how far the answers for it are apart.

    Attributes:
        image: Its name.
        difference: The largest of a probability.
        model: The class that the model gives.
        export: The class that the export gives.
        sha256: Of its file, if it is known.
    """

    image: str
    difference: float
    model: str
    export: str
    sha256: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Ready for JSON that others get: without its name, which may be a patient's."""
        return {key: value for key, value in vars(self).items() if key != "image"}


@dataclass(frozen=True)
class Parity:
    """How an export's answers differ from those of the model.

    Attributes:
        images: How many were compared.
        largest_difference: Of a probability.
        agreement: Part of the images whose class is the same.
        disagreements: Images whose class differs, by their own class: that of the label,
            or if there is none the one that the model gives.
        tolerance: Of a probability; None if any finite difference is tolerated.
        images_by_class: How many were compared of each class.
        split: Where they are from.
        worst: The images whose probabilities differ most.
        warnings: What the comparison can't tell.
        refused: How many images the export refused; they were not compared.
        signatures: What comes of asking it in other ways, by name.
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
        """Whether all differences are tolerable, and no class is another."""
        return self._is_near and all(each.has_passed for each in self.signatures.values())

    @property
    def first_failed(self) -> "Parity":
        """This, or the first of the signatures that did not pass."""
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
        """Ready for JSON."""
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
