"""Options of the callbacks that display or log a run without affecting it."""

from typing import Annotated

from pydantic import Field, field_validator

from .section import AS_LIST, Count, Section


class TensorBoardConfig(Section):
    """Writes event files for TensorBoard."""

    images: bool = Field(True, description="Also write images.")
    images_every_n_epochs: Count = Field(
        5,
        description="Epochs between validation images (confusion matrix and mistakes). "
        "They are always written after the last epoch.",
    )
    profile_steps: Annotated[list[int] | None, AS_LIST] = Field(
        None,
        min_length=2,
        max_length=2,
        description="First and last step to profile, counted from 1.",
    )

    @field_validator("profile_steps")
    @classmethod
    def _check_step_range(cls, value: list[int] | None) -> list[int] | None:
        if value is not None and not 1 <= value[0] <= value[1]:
            raise ValueError("must be a first and a last step, counted from 1, in order")
        return value


class HealthConfig(Section):
    """Samples steps at regular intervals: times, gradients, updates and memory."""

    every_n_steps: Count = Field(50, description="Steps between two samples.")


class ProgressBarConfig(Section):
    """Shows the progress of training."""

    refresh_seconds: float = Field(
        0.5, gt=0, description="Seconds between updates of the panel on a terminal."
    )
    seconds_between_lines: float = Field(
        60.0, gt=0, description="Seconds between log lines if there is no terminal."
    )


class JsonLogConfig(Section):
    """Logs the progress of training as JSON lines."""

    seconds_between_lines: float = Field(
        60.0, gt=0, description="Seconds between log lines within an epoch."
    )


class MetricsLogConfig(Section):
    """Writes metrics.jsonl."""


class FiguresConfig(Section):
    """Draws samples.png, augmented.png and curves.png."""
