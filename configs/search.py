"""What a search is asked for."""

from typing import Annotated, Any, Self

from pydantic import Field, field_validator, model_validator

from ..core.errors import message
from .choices import Mode, SearchFinish, TrialChoice, TunerName
from .problems import ProblemsError
from .section import MOST, Count, Section
from .space import DEFAULT_SPACE, check_domains, flatten
from .trainer import MAX_TIME


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
    folds: int | None = Field(
        None,
        ge=2,
        le=MOST,
        description="Train each trial on so many grouped folds; its score is their mean.",
    )
    outer_folds: int | None = Field(
        None,
        ge=2,
        le=MOST,
        description="Repeat the search without each of so many parts of the images, which "
        "test what it found.",
    )
    choose: TrialChoice = Field(
        "best",
        description="Which trial wins: the best, or the simplest within one standard "
        "error of it.",
    )
    finish: SearchFinish = Field(
        "none",
        description="After the search: refit trains the winner on all images, ensemble "
        "joins the models of its folds.",
    )
    max_time: Annotated[str, Field(pattern=MAX_TIME)] | None = Field(
        None, description="Begin no trial after DD:HH:MM:SS."
    )
    max_seconds_per_trial: float | None = Field(
        None, gt=0, description="Training time of a trial at most, over all its folds."
    )
    patience: Count | None = Field(
        None, description="Stop after so many trials in a row without a better one."
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
        "{int: [low, high]}, {choice: [...]}, {choice: {NAME: value}} or {bool: true}, "
        "with when: {SETTING: [VALUES]} if it varies only there; null takes one out. Null "
        "for all is " + ", ".join(DEFAULT_SPACE) + ".",
    )

    @field_validator("space", mode="before")
    @classmethod
    def _as_dotted_names(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {name: each for name, each in flatten(value).items() if each is not None}

    @field_validator("space")
    @classmethod
    def _domains_are_right(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        if value == {}:
            raise ProblemsError(
                message(
                    "`search.space` must name at least one setting that varies.",
                    "Leave it out for the default one, or name one: "
                    "model.dropout: {float: [0.0, 0.5]}.",
                    space={},
                )
            )
        check_domains(value or {})
        return value

    @model_validator(mode="after")
    def _folds_are_there_for_what_is_of_folds(self) -> "SearchConfig":
        needs = {
            "choose": ("one_standard_error", "the error is that of a mean over them"),
            "finish": ("ensemble", "their models are what is joined"),
        }
        lines = [
            message(
                f"`search.{name}={value}` needs folds: {why}.",
                f"Try search.folds=5, or leave search.{name} out.",
                **{"search.folds": None},
            )
            for name, (value, why) in needs.items()
            if self.folds is None and getattr(self, name) == value
        ]
        if lines:
            raise ProblemsError("\n".join(lines))
        return self

    @model_validator(mode="after")
    def _trials_are_trained_alike(self) -> Self:
        if self.patience is not None and self.tuner == "hyperband":
            raise ProblemsError(
                message(
                    "`search.patience` compares trials that are trained for as long, and "
                    "most of hyperband's are short.",
                    "Leave patience out, or choose search.tuner=bayesian.",
                    tuner=self.tuner,
                    patience=self.patience,
                )
            )
        return self
