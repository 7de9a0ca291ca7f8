"""Whether an export answers like the model it was made of, from the file to the class."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..core.errors import ConfigError, message
from .portable_files import PREDICT_FILE

TOLERANCE = 1e-4  # of a probability
_SECONDS = 600.0


@dataclass(frozen=True)
class Reference:
    """Image files, and what the model says of them.

    Attributes:
        files: On disk, as many as there are rows.
        classes: In the order of the columns.
        probabilities: `(files, classes)`, corrected if the model has a correction.
    """

    files: Sequence[Path]
    classes: Sequence[str]
    probabilities: npt.NDArray[np.floating]


@dataclass(frozen=True)
class Parity:
    """How an export's answers differ from those of the model.

    Attributes:
        images: How many were compared.
        largest_difference: Of a probability.
        agreement: Part of the images whose class is the same.
        disagreements: Images whose class differs, by the class that the model gives.
        tolerance: Of a probability.
    """

    images: int
    largest_difference: float
    agreement: float
    disagreements: dict[str, int]
    tolerance: float

    @property
    def has_passed(self) -> bool:
        """Whether all differences are tolerable, and no class is another."""
        is_near = self.largest_difference <= self.tolerance  # NaN is not
        return is_near and not self.disagreements

    def as_json(self) -> dict[str, Any]:
        """Ready for JSON."""
        return asdict(self)


def check_parity(
    directory: Path, reference: Reference, tolerance: float = TOLERANCE
) -> Parity:
    """Calls an export in a process of its own, and compares what it says.

    Args:
        directory: Of the export; its `predict.py` is run, as others will run it.
        reference: Images, and what is expected.
        tolerance: Of a probability.

    Raises:
        ConfigError: It does not run.
    """
    rows = _ask(directory, reference.files)
    found = np.array([[row["probabilities"][n] for n in reference.classes] for row in rows])
    named = [row["class"] for row in rows]
    return compare(found, named, reference, tolerance)


def compare(
    found: npt.NDArray[np.floating],
    named: Sequence[str],
    reference: Reference,
    tolerance: float = TOLERANCE,
) -> Parity:
    """Compares an export's answers with those of the model.

    Where the two most probable classes of an image are nearer to each other than the
    tolerance, either is right.

    Args:
        found: `(files, classes)` probabilities, in the order of the reference's classes.
        named: The class that the export gives to each file.
        reference: What is expected.
        tolerance: Of a probability.
    """
    wanted = reference.probabilities
    places = [list(reference.classes).index(name) for name in named]
    rows = np.arange(len(wanted))
    loss = wanted.max(axis=1) - wanted[rows, places]
    differs = loss > tolerance
    names = [reference.classes[place] for place in wanted[differs].argmax(axis=1)]
    return Parity(
        len(wanted),
        float(np.abs(found - wanted).max()),
        float(1 - differs.mean()),
        dict(Counter(names)),
        tolerance,
    )


def _ask(directory: Path, files: Sequence[Path]) -> list[dict[str, Any]]:
    command = [sys.executable, str(directory / PREDICT_FILE), *map(os.path.abspath, files)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=_SECONDS, check=False
    )
    if done.returncode:
        raise ConfigError(
            message(
                f"An export must run on its own, and ended with {done.stderr[-2000:]}",
                exit_status=done.returncode,
            )
        )
    return [json.loads(line) for line in done.stdout.splitlines()]
