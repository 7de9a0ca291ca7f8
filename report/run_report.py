"""The content of the report of one run."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ..configs.choices import Task
from ..evaluation.evidence import Labeled
from ..evaluation.finding import Finding
from .facts import RunFacts

LoadImages = Callable[[npt.NDArray[np.int64]], npt.NDArray[np.uint8]]


@dataclass(frozen=True)
class RunReport:
    """The content of the report of one run.

    Attributes:
        facts: Facts from the files of the run.
        scores: Scores of the test images as in `test.json`; None if there are none.
        test: Predictions for the test images, or None.
        findings: Results of the evaluation by part.
        load_images: Returns test images by row, `(rows, height, width, 3)` uint8; None if
            there are none to show.
        remarks: Remarks, for example whether scores are those of `test.json`.
        warnings: Warnings, in addition to those of the findings.
        gaps: Gaps, in addition to those of facts and findings.
        license: License of the model, as on model hubs.
        task: The task of the model.
    """

    facts: RunFacts
    scores: Mapping[str, Any] | None = None
    test: Labeled | None = None
    findings: Mapping[str, Finding] = field(default_factory=dict)
    load_images: LoadImages | None = None
    remarks: Sequence[str] = ()
    warnings: Sequence[str] = ()
    gaps: Sequence[str] = ()
    license: str = "unknown"
    task: Task = "classification"

    @property
    def class_names(self) -> Sequence[str]:
        """The classes, in the order of the model's outputs."""
        return self.facts.class_names if self.test is None else self.test.class_names

    @property
    def cleaned(self) -> Mapping[str, Any] | None:
        """Scores without contradictory images; None if there are no such scores."""
        return (self.scores or {}).get("without_contradictory_images")

    @cached_property
    def all_warnings(self) -> list[str]:
        """Warnings of the report, of its scores and of all its parts."""
        parts = self.findings.values()
        of_parts = [each for part in parts for each in part.warnings]
        return [
            *self.warnings,
            *_intervals_without_width(self.scores, self.task),
            *of_parts,
        ]

    @cached_property
    def all_gaps(self) -> list[str]:
        """Gaps of the report, of its facts and of all its parts, with their titles."""
        named = [
            f"{part.title}: {gap}" for part in self.findings.values() for gap in part.gaps
        ]
        return [*self.gaps, *self.facts.gaps, *named]


def _intervals_without_width(scores: Mapping[str, Any] | None, task: Task) -> list[str]:
    """Warns about intervals without width, for which all bootstrap samples are equal."""
    intervals: Mapping[str, Sequence[float]] = (scores or {}).get("intervals", {})
    names = [
        name.replace("_", " ") for name, (low, high) in intervals.items() if low == high
    ]
    if not names:
        return []
    within = "within each class " if task == "classification" else ""
    return [
        f"The interval of {', '.join(names)} has no width: {within}the model is always "
        "right or always wrong, so every resample of these images gives the same score. It "
        "does not show how certain the score is."
    ]
