"""What a search is asked for."""

from typing import Any

from pydantic import Field, field_validator

from .choices import Mode, TunerName
from .section import MOST, Count, Section
from .space import DEFAULT_SPACE, check_domains, flatten


class SearchConfig(Section):
    """Many trials of one configuration: which settings vary, and what is wanted."""

    tuner: TunerName = Field("bayesian", description="Keras Tuner's oracle.")
    objective: str = Field(
        "val_balanced_accuracy", description="Metric that tells the best trial."
    )
    mode: Mode = Field("auto", description="Whether small or large values of it are good.")
    max_trials: int = Field(
        24,
        ge=1,
        le=MOST,
        description="Trials at most; with hyperband their number is its own.",
    )
    keep: Count = Field(1, description="How many of the best trials keep weights.")
    seed: int | None = Field(
        None, ge=0, lt=2**31, description="Seed of the oracle; by default that of the run."
    )
    hyperband_factor: int = Field(
        3,
        ge=2,
        le=MOST,
        description="One of so many trials goes on in each round of hyperband.",
    )
    space: dict[str, dict[str, Any]] | None = Field(
        None,
        description="What varies, by dotted setting: {float: [low, high], log: true}, "
        "{int: [low, high]}, {choice: [...]} or {bool: true}; null is "
        + ", ".join(DEFAULT_SPACE)
        + ".",
    )

    @field_validator("space", mode="before")
    @classmethod
    def _as_dotted_names(cls, value: Any) -> Any:
        return flatten(value) if isinstance(value, dict) else value

    @field_validator("space")
    @classmethod
    def _domains_are_right(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        check_domains(value or {})
        return value
