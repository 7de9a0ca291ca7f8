"""Whether an export answers like the model it was made of, from the file to the class."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..core.errors import ConfigError, message
from .asked_export import SECONDS, ExportAnswers, ask_export

TOLERANCE = 1e-4  # of a probability
_LEAST_IMAGES = 64
_LEAST_SPREAD = 0.01  # of the probabilities of a class; below it the comparison is blind
_WORST = 5


@dataclass(frozen=True)
class Reference:
    """Image files, and what the model says of them.

    Attributes:
        files: On disk, all in one folder, as many as there are rows.
        classes: In the order of the columns.
        probabilities: `(files, classes)`, corrected if the model has a correction.
        labels: `(files,)` places of the classes of the images; None where not known.
        names: What the images are called; by default as their files.
        split: Where they are from.
    """

    files: Sequence[Path]
    classes: Sequence[str]
    probabilities: npt.NDArray[np.floating]
    labels: npt.NDArray[np.integer] | None = None
    names: Sequence[str] = ()
    split: str = ""

    def __post_init__(self) -> None:
        if not (len(self.files) and np.isfinite(self.probabilities).all()):
            raise ConfigError(
                message(
                    "An export is compared with finite probabilities of a model, for one "
                    "image at least.",
                    "Does the model itself predict?",
                    images=len(self.files),
                )
            )


@dataclass(frozen=True)
class ComparedImage:
    """An image, and how far the answers for it are apart.

    Attributes:
        image: Its name.
        difference: The largest of a probability.
        model: The class that the model gives.
        export: The class that the export gives.
    """

    image: str
    difference: float
    model: str
    export: str


@dataclass(frozen=True)
class Parity:
    """How an export's answers differ from those of the model.

    Attributes:
        images: How many were compared.
        largest_difference: Of a probability.
        agreement: Part of the images whose class is the same.
        disagreements: Images whose class differs, by their own class: that of the label,
            or where there is none the one that the model gives.
        tolerance: Of a probability; None where any finite difference is tolerated.
        images_by_class: How many were compared of each class.
        split: Where they are from.
        worst: The images whose probabilities differ most.
        warnings: What the comparison can't tell.
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

    @property
    def has_passed(self) -> bool:
        """Whether all differences are tolerable, and no class is another."""
        if self.tolerance is None:
            return bool(np.isfinite(self.largest_difference))
        is_near = self.largest_difference <= self.tolerance  # NaN is not
        return is_near and not self.disagreements

    def as_json(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "split": self.split,
            "images": self.images,
            "tolerance": self.tolerance,
            "largest_difference": self.largest_difference,
            "agreement": self.agreement,
            "per_class": {
                name: {"images": count, "disagreements": self.disagreements.get(name, 0)}
                for name, count in self.images_by_class.items()
            },
            "worst_images": [vars(each) for each in self.worst],
            "warnings": list(self.warnings),
        }


def check_parity(
    directory: Path,
    reference: Reference,
    tolerance: float | None = TOLERANCE,
    options: Sequence[str] = (),
    timeout_seconds: float = SECONDS,
) -> Parity:
    """Calls an export in a process of its own, and compares what it says.

    Args:
        directory: Of the export; its `predict.py` is run, as others will run it.
        reference: Images, and what is expected.
        tolerance: Of a probability; None tolerates any that is finite.
        options: Of `predict.py`.
        timeout_seconds: For all images.

    Raises:
        ConfigError: It does not run, or does not answer.
    """
    found = ask_export(
        directory, reference.files, reference.classes, options, timeout_seconds
    )
    return compare(found, reference, tolerance)


def compare(
    found: ExportAnswers, reference: Reference, tolerance: float | None = TOLERANCE
) -> Parity:
    """Compares an export's answers with those of the model.

    Where the two most probable classes of an image are nearer to each other than the
    tolerance, either is right.

    Args:
        found: What the export says, in the order of the reference.
        reference: What is expected.
        tolerance: Of a probability.
    """
    wanted, names = reference.probabilities, list(reference.classes)
    best = wanted.argmax(axis=1)
    lost = wanted.max(axis=1) - wanted[np.arange(len(wanted)), found.named]
    differs = lost > (tolerance or 0.0)
    own = best if reference.labels is None else np.asarray(reference.labels)
    differences = np.abs(found.probabilities - wanted).max(axis=1)
    counts = Counter(own.tolist())
    absent = [name for place, name in enumerate(names) if not counts[place]]
    return Parity(
        len(wanted),
        float(differences.max()),
        float(1 - differs.mean()),
        dict(Counter(names[place] for place in own[differs])),
        tolerance,
        {name: counts[place] for place, name in enumerate(names)},
        reference.split,
        _worst(found, reference, differences),
        _warnings(reference, absent),
    )


def _worst(
    found: ExportAnswers, reference: Reference, differences: npt.NDArray[np.floating]
) -> list[ComparedImage]:
    """The images whose answers are farthest apart; NaN is farther than all."""
    order = np.argsort(
        np.where(np.isnan(differences), -np.inf, -differences), kind="stable"
    )
    images = reference.names or list(map(str, reference.files))
    best = reference.probabilities.argmax(axis=1)
    return [
        ComparedImage(
            images[row],
            float(differences[row]),
            reference.classes[best[row]],
            reference.classes[found.named[row]],
        )
        for row in order[:_WORST]
    ]


def _warnings(reference: Reference, absent: Sequence[str]) -> list[str]:
    """What the comparison can't tell."""
    found = []
    spread = float(np.ptp(reference.probabilities, axis=0).max())
    if spread < _LEAST_SPREAD:
        found.append(
            "The model says nearly the same of all images that were compared: the "
            f"probability of no class varies by more than {spread:.1e}, so that an export "
            "that reads images wrongly may pass."
        )
    if len(reference.files) < _LEAST_IMAGES:
        found.append(
            f"Only {len(reference.files)} images were compared: there are no more."
        )
    if absent:
        found.append(f"No image was compared of {', '.join(absent)}.")
    return found
