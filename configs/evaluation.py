"""Settings of the section `evaluation`: what to measure on a trained model."""

import re
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ..core.errors import shortened
from ..core.names import did_you_mean, printable
from .problems import Problem, ProblemsError, problem, validated
from .section import IMPORTABLE, Count, Section


class CalibrationConfig(Section):
    """How well predicted probabilities match observed frequencies, and their correction."""

    bins: int = Field(
        15, ge=2, le=1000, description="Number of bins of the calibration errors."
    )
    scaling: Literal["temperature", "vector", "none"] = Field(
        "temperature",
        description="How to correct the probabilities; fitted on the validation set.",
    )


class OperatingPointConfig(Section):
    """Decision threshold of a class or group: one target, met on the validation set."""

    sensitivity: float | None = Field(
        None,
        gt=0,
        le=1,
        description="Fraction of the images of the class that must be detected.",
    )
    specificity: float | None = Field(
        None,
        gt=0,
        le=1,
        description="Fraction of all other images that must not be flagged.",
    )
    threshold: float | None = Field(
        None, ge=0, le=1, description="A fixed probability threshold."
    )

    @model_validator(mode="after")
    def _require_one_aim(self) -> "OperatingPointConfig":
        aims = (self.sensitivity, self.specificity, self.threshold)
        if sum(aim is not None for aim in aims) != 1:
            raise ValueError("needs one of sensitivity, specificity and threshold")
        return self


class AbstentionConfig(Section):
    """Prediction sets that contain the true class, and the gain from abstaining."""

    coverage: float = Field(
        0.9,
        gt=0,
        lt=1,
        description="How often a prediction set must contain the true class.",
    )
    by_class: bool = Field(
        False, description="Whether the coverage must hold for each class separately."
    )
    risk: float = Field(
        0.05,
        gt=0,
        lt=1,
        description="Fraction of the answers that may be wrong if the model may abstain "
        "on some images.",
    )


class SlicesConfig(Section):
    """Scores for each value of the columns of a label table."""

    columns: list[str] | None = Field(
        None, description="Columns to slice by; null uses all columns with few values."
    )
    smallest: Count = Field(
        10, description="Minimum number of images for a slice to be scored."
    )


class GradCamConfig(Section):
    """Heat maps of the image regions that support a class."""

    method: Literal["grad_cam", "grad_cam_plus_plus"] = Field(
        "grad_cam", description="Grad-CAM or Grad-CAM++."
    )
    layer: str | None = Field(
        None,
        description="Layer to explain; null uses the last layer with spatial dimensions.",
    )
    examples_per_class: Count = Field(
        3,
        description="Number of correctly classified images to show per class, and of "
        "misclassified ones.",
    )


class RobustnessConfig(Section):
    """Scores of blurred, noisy, compressed, darker and rotated images."""

    most_images: Count = Field(1000, description="Maximum number of images to score.")


class LabelDoubtsConfig(Section):
    """Images whose label is doubtful, according to the predictions of folds."""

    most: Count = Field(100, description="Maximum number of images to list in the report.")


class EvaluationConfig(BaseModel):
    """What to measure on a trained model; null switches a part off.

    Custom parts go next to these under any name:
    `{class: "package.module:Class", ...}` with the arguments of the class.
    """

    model_config = ConfigDict(extra="allow", frozen=True, strict=True, allow_inf_nan=False)

    __pydantic_extra__: dict[str, dict[str, Any] | None]

    calibration: CalibrationConfig | None = Field(
        CalibrationConfig(),
        description="Calibration: how well predicted probabilities match observed "
        "frequencies.",
    )
    operating_points: dict[str, OperatingPointConfig] | None = Field(
        {},
        description="Targets by class or group, such as `{melanoma: {sensitivity: 0.95}}`.",
    )
    groups: dict[str, list[str]] = Field(
        {}, description="Classes that are scored together, by group name."
    )
    costs: dict[str, dict[str, float]] | None = Field(
        None, description="Cost of each decision, by true class and then by decision."
    )
    must_not_miss: list[str] = Field(
        [], description="Classes for which the report shows every missed image."
    )
    license: str = Field(
        "unknown",
        pattern=r"^[a-z0-9][a-z0-9.-]*$",
        description="License of the model for its model card, in the notation of model "
        "hubs: `mit`, `other`.",
    )
    tta: Count | None = Field(
        None,
        description="Test-time augmentation: after training, also score the mean "
        "prediction over this many augmented views of each test image.",
    )
    ensemble: bool = Field(
        False,
        description="With `data.folds`, also score the ensemble of the models of all "
        "folds on the test images, like `keraunos test` with the directory of the folds.",
    )
    abstention: AbstentionConfig | None = Field(
        AbstentionConfig(),
        description="Prediction sets with a stated coverage, and abstention.",
    )
    slices: SlicesConfig | None = Field(
        SlicesConfig(), description="Scores for each value of a column."
    )
    grad_cam: GradCamConfig | None = Field(
        GradCamConfig(), description="Heat maps of the regions that support a class."
    )
    robustness: RobustnessConfig | None = Field(
        None, description="Scores of corrupted images; `{}` switches this on."
    )
    label_doubts: LabelDoubtsConfig | None = Field(
        LabelDoubtsConfig(),
        description="Images whose label is doubtful, according to the folds.",
    )

    @model_validator(mode="after")
    def _require_class_of_custom_parts(self) -> "EvaluationConfig":
        unknown = [
            label
            for label, options in (self.model_extra or {}).items()
            if options is not None and not _names_class(options)
        ]
        if unknown:
            raise ProblemsError(*map(_unknown_part, unknown))
        return self

    @property
    def own(self) -> dict[str, dict[str, Any]]:
        """Arguments of the custom parts by label, including `class`."""
        extra = self.model_extra or {}
        return {label: options for label, options in extra.items() if options is not None}


def as_evaluation(value: Mapping[str, Any] | EvaluationConfig | None) -> EvaluationConfig:
    """Returns the section `evaluation` from a dict of settings; by default its defaults.

    Raises:
        ConfigError: Settings are invalid; the message lists all of them.

    Example:
        >>> as_evaluation({"calibration": {"bins": 10}}).calibration.bins
        10
    """
    if isinstance(value, EvaluationConfig):
        return value
    return validated(EvaluationConfig, "evaluation", **(value or {}))


def _names_class(options: dict[str, Any]) -> bool:
    return bool(re.match(IMPORTABLE, str(options.get("class", ""))))


def _unknown_part(label: str) -> Problem:
    known = sorted(EvaluationConfig.model_fields)
    guess = did_you_mean(label, known) or f"There are {', '.join(known)}."
    setting = f"evaluation.{shortened(printable(label))}"
    remedy = f"{guess} A custom part needs class=package.module:Class."
    return problem(setting, "is not a part of an evaluation", remedy)
