"""Settings of the section `search`."""

from typing import Annotated, Any, Self

from pydantic import Field, field_validator, model_validator

from ..core.errors import message
from .choices import Mode, SearchFinish, TrialChoice, TunerName
from .problems import Problem, ProblemsError, problem
from .section import MOST, Count, Section
from .space import DEFAULT_SPACE, check_domains, flatten, require_domains
from .trainer import MAX_TIME


class SearchConfig(Section):
    """Hyperparameter search: which settings vary, and how to choose among the trials."""

    tuner: TunerName = Field(
        "bayesian", description="Search algorithm: the Keras Tuner oracle."
    )
    objective: str = Field(
        "val_balanced_accuracy", description="Metric by which trials are compared."
    )
    mode: Mode = Field(
        "auto",
        description="Whether the objective is minimized or maximized; `auto` decides by "
        "its name.",
    )
    max_trials: int = Field(
        24,
        ge=1,
        le=MOST,
        description="Maximum number of trials; hyperband determines its own number.",
    )
    folds: int | None = Field(
        None,
        ge=2,
        le=MOST,
        description="Train each trial on this many grouped folds; its score is the mean "
        "over them.",
    )
    outer_folds: int | None = Field(
        None,
        ge=2,
        le=MOST,
        description="Nested cross-validation: repeat the search this many times, each "
        "time without one part of the images, which then tests the result.",
    )
    choose: TrialChoice = Field(
        "best",
        description="Which trial wins: the best, or the simplest one within one standard "
        "error of the best.",
    )
    finish: SearchFinish = Field(
        "none",
        description="What to do after the search: `refit` trains the winner on all "
        "images, `ensemble` combines the models of its folds.",
    )
    max_time: Annotated[str, Field(pattern=MAX_TIME)] | None = Field(
        None, description="Start no new trial after this time, DD:HH:MM:SS."
    )
    max_seconds_per_trial: float | None = Field(
        None,
        gt=0,
        description="Maximum training time of a trial in seconds, over all its folds.",
    )
    patience: Count | None = Field(
        None, description="Stop after this many consecutive trials without an improvement."
    )
    keep: Count = Field(1, description="Number of best trials whose weights are kept.")
    seed: int | None = Field(
        None,
        ge=0,
        lt=2**31,
        description="Seed of the oracle; by default the seed of the run.",
    )
    hyperband_factor: int = Field(
        3,
        ge=2,
        le=MOST,
        description="Each round of hyperband continues one in this many trials.",
    )
    space: dict[str, dict[str, Any]] | None = Field(
        None,
        description="Search space by dotted setting: {float: [low, high], log: true}, "
        "{int: [low, high]}, {choice: [...]}, {choice: {NAME: value}} or {bool: true}; "
        "with when: {SETTING: [VALUES]} if it varies only for these values; null removes "
        "a setting from the space. If the whole space is null, these settings vary: "
        + ", ".join(DEFAULT_SPACE)
        + ".",
    )

    @field_validator("space", mode="before")
    @classmethod
    def _as_dotted_names(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        space = {name: each for name, each in flatten(value).items() if each is not None}
        require_domains(space)
        return space

    @field_validator("space")
    @classmethod
    def _domains_are_right(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        if value == {}:
            raise ProblemsError(
                problem(
                    "search.space",
                    "must name at least one setting that varies",
                    "Leave it out for the default one, or name one: "
                    "model.dropout: {float: [0.0, 0.5]}.",
                    space={},
                )
            )
        check_domains(value or {})
        return value

    @model_validator(mode="after")
    def _require_folds_for_fold_options(self) -> "SearchConfig":
        needs = {
            "choose": (
                "one_standard_error",
                "the error is the standard error of the mean over folds",
            ),
            "finish": ("ensemble", "the ensemble consists of their models"),
        }
        lines = [
            Problem(
                f"search.{name}",
                message(
                    f"`search.{name}={value}` needs folds: {why}.",
                    f"Set search.folds, for example to 5, or leave search.{name} out.",
                    **{"search.folds": None},
                ),
            )
            for name, (value, why) in needs.items()
            if self.folds is None and getattr(self, name) == value
        ]
        if lines:
            raise ProblemsError(*lines)
        return self

    @model_validator(mode="after")
    def _folds_can_measure_the_objective(self) -> Self:
        measures = self.objective.startswith("val_")
        if not measures and (self.folds is not None or self.outer_folds is not None):
            raise ProblemsError(
                problem(
                    "search.objective",
                    "must be a metric of validation images, whose name begins with val_: "
                    "on its training images a model looks better than it is",
                    f"Choose val_{self.objective}.",
                    **{"search.objective": self.objective},
                )
            )
        return self

    @model_validator(mode="after")
    def _trials_are_trained_alike(self) -> Self:
        if self.patience is not None and self.tuner == "hyperband":
            raise ProblemsError(
                problem(
                    "search.patience",
                    "compares trials that are trained equally long, but most of "
                    "hyperband's are short",
                    "Leave patience out, or choose the tuner bayesian.",
                    tuner=self.tuner,
                    patience=self.patience,
                )
            )
        return self
