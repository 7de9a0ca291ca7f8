"""The description of an exported model in `model.json`."""

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
    """The description of an exported model.

    Args:
        name: Name of the run.
        classes: Class names, in the order of the model's outputs.
        image_size: Height and width of its images in pixels.
        decoding: How pixels are read from files.
        correction: The calibration of its probabilities, or None.
        applied_in_graph: Whether the model applies the calibration itself; a runtime must
            not apply it again.
        decisions: Thresholds, prediction sets and warnings from the run's evaluation (see
            `decisions.read_decisions`); they apply to uncalibrated probabilities.
        not_for: Sentences about unsuitable uses of the model, as in the report.
        task: The task of the model.
        thresholds: Probability threshold of each label; None for 0.5.
        half_widths: Half the width of the interval around each number, or None.
        columns: Table columns that the model takes, or None.
        license: License of the model, in the notation of model hubs.
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
    license: str = "unknown"

    def as_json(self) -> dict[str, Any]:
        """Returns the part that all formats share, as JSON values."""
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
