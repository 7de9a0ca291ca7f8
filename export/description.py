"""`model.json`: what an exported model is, for whatever runs it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ..configs.choices import Task
from ..core.table_features import TableFeatures
from ..data.files.pixel_rules import DEFAULT_RULES, PixelRules
from ..evaluation.calibration.scaling import Correction
from .portable.columns import described_columns
from .portable.document import VERSION

_OUTPUTS: Mapping[Task, str] = {
    "classification": "a probability for each class, float32, (images, classes)",
    "multi_label": "a probability for each label, float32, (images, labels)",
    "regression": "a number for each name, float32, (images, names)",
}


@dataclass(frozen=True)
class Description:
    """What is known of an exported model.

    Args:
        name: Of the run.
        classes: In the order of the model's outputs.
        image_size: Height and width of the images that it takes, in pixels.
        decoding: How pixels are read from files.
        correction: Of its probabilities, or None.
        applied_in_graph: Whether the model applies the correction itself; a runtime that
            applied it once more would be wrong.
        decisions: Thresholds, prediction sets and warnings, from the run's evaluation
            (see `decisions.read_decisions`); all about uncorrected probabilities.
        not_for: What the model must not be used for, a sentence each, as in the report.
        task: What is predicted.
        thresholds: From which probability on an image has each label; None for 0.5.
        half_widths: Half the width of the interval around each number; None for none.
        columns: Those of a table that it takes beside the image; None if it takes none.
    """

    name: str
    classes: Sequence[str]
    image_size: int
    decoding: PixelRules = DEFAULT_RULES
    correction: Correction | None = None
    applied_in_graph: bool = False
    decisions: Mapping[str, Any] = field(default_factory=dict)
    not_for: Sequence[str] = ()
    task: Task = "classification"
    thresholds: Sequence[float | None] = ()
    half_widths: Sequence[float | None] = ()
    columns: TableFeatures | None = None

    def as_json(self) -> dict[str, Any]:
        """What all formats have in common, ready for JSON."""
        correction = None if self.correction is None else self.correction.as_json()
        return {
            "version": VERSION if self.columns is not None else 1,
            "name": self.name,
            "classes": list(self.classes),
            "image_size": self.image_size,
            "decoding": asdict(self.decoding),
            "input": "RGB from 0 to 255, float32, (images, height, width, 3)",
            "columns": described_columns(self.columns),
            "task": self.task,
            "output": _OUTPUTS[self.task],
            "label_thresholds": dict(zip(self.classes, self.thresholds, strict=False)),
            "interval_half_widths": dict(zip(self.classes, self.half_widths, strict=False)),
            "correction": correction,
            "applied_in_graph": self.applied_in_graph,
            "decisions": dict(self.decisions),
            "not_for": list(self.not_for),
        }
