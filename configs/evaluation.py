"""What is measured of a trained model, by the name that each part has in YAML."""

import re
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ..core.errors import shortened
from ..core.names import did_you_mean, printable
from .problems import ProblemsError, validated
from .section import IMPORTABLE, Count, Section


class CalibrationConfig(Section):
    """Whether probabilities mean what they say, and their correction."""

    bins: int = Field(15, ge=2, le=1000, description="Bins of the calibration errors.")
    scaling: Literal["temperature", "vector", "none"] = Field(
        "temperature",
        description="How probabilities are corrected; fitted on validation.",
    )


class OperatingPointConfig(Section):
    """The threshold of a class or group: one aim, met on validation."""

    sensitivity: float | None = Field(
        None, gt=0, le=1, description="Part of the images of the class to be found."
    )
    specificity: float | None = Field(
        None, gt=0, le=1, description="Part of all other images to be left alone."
    )
    threshold: float | None = Field(
        None, ge=0, le=1, description="A probability that is given."
    )

    @model_validator(mode="after")
    def _has_one_aim(self) -> "OperatingPointConfig":
        aims = (self.sensitivity, self.specificity, self.threshold)
        if sum(aim is not None for aim in aims) != 1:
            raise ValueError("needs one of sensitivity, specificity and threshold")
        return self


class AbstentionConfig(Section):
    """Sets of classes that hold the right one, and what is gained by abstaining."""

    coverage: float = Field(
        0.9, gt=0, lt=1, description="How often a set must hold the right class."
    )
    by_class: bool = Field(
        False, description="Whether that must hold for each class on its own."
    )
    risk: float = Field(
        0.05,
        gt=0,
        lt=1,
        description="Part of the answers that may be wrong, if some images get none.",
    )


class SlicesConfig(Section):
    """Scores for each value of the columns of a label table."""

    columns: list[str] | None = Field(
        None, description="Which; null takes all that have few values."
    )
    smallest: Count = Field(10, description="Images that a slice must have to be scored.")


class GradCamConfig(Section):
    """What in an image speaks for a class."""

    method: Literal["grad_cam", "grad_cam_plus_plus"] = Field(
        "grad_cam", description="Grad-CAM or Grad-CAM++."
    )
    layer: str | None = Field(
        None, description="Layer to look at; null takes the last with a height and a width."
    )
    examples_per_class: Count = Field(
        3, description="Images shown that were right, and as many that were wrong."
    )


class RobustnessConfig(Section):
    """Scores of images that are blurred, noisy, compressed, darker or turned."""

    most_images: Count = Field(1000, description="Images that are scored, at most.")


class LabelDoubtsConfig(Section):
    """Images whose label is doubtful, by predictions of folds."""

    most: Count = Field(100, description="Images listed in the report, at most.")


class EvaluationConfig(BaseModel):
    """What is measured of a trained model; null switches a part off.

    Parts of your own stand beside these under any name:
    `{class: "package.module:Class", ...}` with the arguments of the class.
    """

    model_config = ConfigDict(extra="allow", frozen=True, strict=True, allow_inf_nan=False)

    __pydantic_extra__: dict[str, dict[str, Any] | None]

    calibration: CalibrationConfig | None = Field(
        CalibrationConfig(), description="Whether probabilities mean what they say."
    )
    operating_points: dict[str, OperatingPointConfig] | None = Field(
        {},
        description="Aims by class or group, such as `{melanoma: {sensitivity: 0.95}}`.",
    )
    groups: dict[str, list[str]] = Field(
        {}, description="Classes that are scored together, by the name of the group."
    )
    costs: dict[str, dict[str, float]] | None = Field(
        None, description="Cost of each decision: by true class, then by decision."
    )
    must_not_miss: list[str] = Field(
        [], description="Classes of which the report shows every image that was missed."
    )
    license: str = Field(
        "unknown",
        pattern=r"^[a-z0-9][a-z0-9.-]*$",
        description="Of the model, for its card, as model hubs write it: `mit`, `other`.",
    )
    tta: Count | None = Field(
        None,
        description="Test-time augmentation: after training, also score the mean over that "
        "many views of each test image, varied as in training.",
    )
    ensemble: bool = Field(
        False,
        description="With `data.folds`, also score the mean of the models of all folds on "
        "the test images, as `keraunos test` does with their directory.",
    )
    abstention: AbstentionConfig | None = Field(
        AbstentionConfig(), description="Sets of classes with a stated coverage."
    )
    slices: SlicesConfig | None = Field(
        SlicesConfig(), description="Scores for each value of a column."
    )
    grad_cam: GradCamConfig | None = Field(
        GradCamConfig(), description="What in an image speaks for a class."
    )
    robustness: RobustnessConfig | None = Field(
        None, description="Scores of images that are made worse; `{}` switches it on."
    )
    label_doubts: LabelDoubtsConfig | None = Field(
        LabelDoubtsConfig(), description="Images whose label is doubtful, from folds."
    )

    @model_validator(mode="after")
    def _others_name_a_class(self) -> "EvaluationConfig":
        unknown = [
            label
            for label, options in (self.model_extra or {}).items()
            if options is not None and not _names_class(options)
        ]
        if unknown:
            raise ProblemsError("\n".join(map(_not_a_part, unknown)))
        return self

    @property
    def own(self) -> dict[str, dict[str, Any]]:
        """The user's own parts: arguments by label, with `class` among them."""
        extra = self.model_extra or {}
        return {label: options for label, options in extra.items() if options is not None}


def as_evaluation(value: Mapping[str, Any] | EvaluationConfig | None) -> EvaluationConfig:
    """The section as it is, checked and filled in from a dict, or its defaults.

    Raises:
        ConfigError: Something is wrong; the message names all of it.

    Example:
        >>> as_evaluation({"calibration": {"bins": 10}}).calibration.bins
        10
    """
    if isinstance(value, EvaluationConfig):
        return value
    return validated(EvaluationConfig, "evaluation", **(value or {}))


def _names_class(options: dict[str, Any]) -> bool:
    return bool(re.match(IMPORTABLE, str(options.get("class", ""))))


def _not_a_part(label: str) -> str:
    known = sorted(EvaluationConfig.model_fields)
    guess = did_you_mean(label, known) or f"There are {', '.join(known)}."
    return (
        f"`evaluation.{shortened(printable(label))}` is not a part of an evaluation. "
        f"{guess} One of your own needs class=package.module:Class."
    )
