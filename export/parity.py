"""Compares the outputs of an export with those of its model, from file to class."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..core.errors import ConfigError, message
from .asked_export import SECONDS, ExportAnswers, ask_export
from .comparison import ComparedImage, Parity, Reference
from .task_parity import compare_task

TOLERANCE = 1e-4  # of a probability
_WORST = 5


def check_parity(
    directory: Path,
    reference: Reference,
    tolerance: float | None = TOLERANCE,
    option: str | None = None,
    timeout_seconds: float = SECONDS,
) -> Parity:
    """Runs an export in a separate process and compares its outputs.

    Args:
        directory: Directory of the export, whose `predict.py` is run as by its users.
        reference: Images with the expected outputs.
        tolerance: Maximum difference of a probability; None accepts any finite difference.
        option: Option of `predict.py` for another signature, which may reject some images.
        timeout_seconds: Time limit for all images.

    Raises:
        ConfigError: The export fails, exceeds the time limit, or rejects images.
    """
    options = () if option is None else (option,)
    found = ask_export(
        directory,
        reference.files,
        reference.classes,
        options,
        timeout_seconds,
        reference.rules.task,
        reference.cells,
    )
    if not found.refused:
        return compare(found, reference, tolerance)
    if option is None or len(found.refused) == len(reference.files):
        place, reason = next(iter(found.refused.items()))
        raise ConfigError(
            message(
                f"An export must accept all images, but rejects {len(found.refused)} of "
                f"{len(reference.files)}.",
                image=reference.image_names[place],
                reason=reason,
            )
        )
    answered = [row for row in range(len(reference.files)) if row not in found.refused]
    parity = compare(found.only(answered), reference.only(answered), tolerance)
    return replace(parity, refused=len(found.refused))


def compare(
    found: ExportAnswers, reference: Reference, tolerance: float | None = TOLERANCE
) -> Parity:
    """Compares the outputs of an export with those of the model.

    If the probabilities of the two most probable classes differ by less than the tolerance,
    both are accepted.

    Args:
        found: Outputs of the export, in the order of the reference.
        reference: The expected outputs.
        tolerance: Maximum difference of a probability; None accepts any finite difference.
    """
    if reference.rules.task != "classification":
        return compare_task(found, reference, tolerance)
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
        reference.warnings(absent),
    )


def _worst(
    found: ExportAnswers, reference: Reference, differences: npt.NDArray[np.floating]
) -> list[ComparedImage]:
    """Returns the images whose outputs differ most; NaN counts as the largest."""
    order = np.argsort(
        np.where(np.isnan(differences), -np.inf, -differences), kind="stable"
    )
    images = reference.image_names
    best = reference.probabilities.argmax(axis=1)
    return [
        ComparedImage(
            images[row],
            float(differences[row]),
            reference.classes[best[row]],
            reference.classes[found.named[row]],
            reference.digests[row] if reference.digests else None,
        )
        for row in order[:_WORST]
    ]
