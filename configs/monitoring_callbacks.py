"""The options of the callbacks that show or write how a run goes, and change nothing."""

from typing import Annotated

from pydantic import Field, field_validator

from .section import AS_LIST, Count, Section


class TensorBoardConfig(Section):
    """Writes what TensorBoard shows."""

    pictures: bool = Field(True, description="Write images, too.")
    images_every_n_epochs: Count = Field(
        5,
        description="Epochs between images of validation: the confusion matrix and the "
        "mistakes. The last epoch has them in any case.",
    )
    profile_steps: Annotated[list[int] | None, AS_LIST] = Field(
        None,
        min_length=2,
        max_length=2,
        description="First and last step to record for the profiler, from 1 on.",
    )

    @field_validator("profile_steps")
    @classmethod
    def _first_comes_first(cls, value: list[int] | None) -> list[int] | None:
        if value is not None and not 1 <= value[0] <= value[1]:
            raise ValueError("must be two steps, counted from 1, the first not the later")
        return value


class HealthConfig(Section):
    """Looks into a step now and then: times, gradients, updates, memory."""

    every_n_steps: Count = Field(50, description="Steps between two that are looked into.")


class ProgressBarConfig(Section):
    """Shows how far training is."""

    refresh_seconds: float = Field(
        0.5, gt=0, description="Seconds between new values on the bar."
    )
    seconds_between_lines: float = Field(
        60.0, gt=0, description="Seconds between lines where there is no terminal."
    )


class JsonLogConfig(Section):
    """Reports training in lines of JSON."""

    seconds_between_lines: float = Field(
        60.0, gt=0, description="Seconds between lines within an epoch."
    )


class MetricsLogConfig(Section):
    """Writes metrics.jsonl."""


class PicturesConfig(Section):
    """Draws samples.png, augmented.png and curves.png."""
