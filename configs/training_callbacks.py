"""The options of the callbacks that change how a run trains, or what it keeps."""

from typing import Annotated

from pydantic import Field, model_validator

from .choices import Mode, SoupKind
from .optimizer import ScheduleConfig
from .section import AS_LIST, MOST, Count, Section

# What callbacks that watch a metric have in common.
MinDelta = Annotated[
    float,
    Field(ge=0, description="By how much a value must be better to count as improvement."),
]
MonitorMode = Annotated[
    Mode,
    Field(
        description="Whether small or large values are good; `auto` goes by the "
        "metric's name."
    ),
]


class EarlyStoppingConfig(Section):
    """Stops once a metric has not improved for some epochs."""

    monitor: str = Field("val_loss", description="Metric that is watched.")
    patience: Count = Field(
        3, description="Epochs without improvement after which to stop."
    )
    min_delta: MinDelta = 0.0
    mode: MonitorMode = "auto"
    restore_best_weights: bool = Field(
        True, description="End with the weights of the best epoch."
    )
    stopping_threshold: float | None = Field(
        None, description="Stop once the metric is as good as this value."
    )
    divergence_threshold: float | None = Field(
        None, description="Stop once the metric is worse than this value."
    )
    check_finite: bool = Field(
        False,
        description="Stop at once when the metric is NaN or infinite; else that is an "
        "epoch without improvement.",
    )


class BackboneFinetuningConfig(Section):
    """Trains the head first, and then the backbone with it, at once or stage by stage."""

    unfreeze_from: str | None = Field(
        None,
        description="First layer to unfreeze, the beginning of its name, or a stage; all "
        "behind it follow. Without it, `last_layers` and `stages` the whole backbone is "
        "unfrozen.",
    )
    last_layers: int | None = Field(
        None,
        ge=1,
        le=MOST,
        description="How many layers with weights to unfreeze, from the end.",
    )
    stages: Count | Annotated[list[str], AS_LIST, Field(min_length=1)] | None = Field(
        None,
        description="How many stages of the backbone to unfreeze, one after another from "
        "the last; or a list of layers or stages, from each of which to unfreeze in turn.",
    )
    at_epoch: int | None = Field(
        5,
        ge=1,
        le=MOST,
        description="Epochs of the head alone, at most; null leaves it to `monitor`.",
    )
    every_epochs: int | None = Field(
        None,
        ge=1,
        le=MOST,
        description="Epochs of each stage before the next, at most; null leaves it to "
        "`monitor`, and is 1 without that.",
    )
    monitor: str | None = Field(
        None, description="Metric that unfreezes once it stops improving, each time."
    )
    patience: Count = Field(
        2, description="Epochs without improvement after which to unfreeze."
    )
    min_delta: MinDelta = 0.0
    mode: MonitorMode = "auto"
    learning_rate: float = Field(1e-5, gt=0, description="Of all that trains from then on.")
    learning_rate_factor: float = Field(
        1.0, gt=0, le=1, description="What it is multiplied by at each further stage."
    )
    schedule: ScheduleConfig | None = Field(
        None,
        description="How it changes, as `optimizer.schedule`, with epochs counted from "
        "then on. A warm-up before cosine or linear takes half of what is "
        "left at most.",
    )
    train_batch_norm: bool = Field(
        False, description="Train BatchNorm of the unfrozen layers, too."
    )

    @model_validator(mode="after")
    def _layers_and_time_are_given_once(self) -> "BackboneFinetuningConfig":
        names = ("unfreeze_from", "last_layers", "stages")
        given = [f"`{name}`" for name in names if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} can't be set together")
        if self.at_epoch is None and self.monitor is None:
            raise ValueError("`at_epoch` or `monitor` must be set")
        return self

    @model_validator(mode="after")
    def _there_are_stages_for_what_is_of_stages(self) -> "BackboneFinetuningConfig":
        if self.stages is None and self.every_epochs is not None:
            raise ValueError("`every_epochs` needs `stages`")
        if self.stages is None and self.learning_rate_factor != 1.0:
            raise ValueError("`learning_rate_factor` needs `stages`")
        return self


class ModelCheckpointConfig(Section):
    """Saves checkpoints and keeps the best and the last."""

    monitor: str | None = Field(
        None,
        description="Metric by which checkpoints are compared; `val_loss` by default, "
        "or `loss` without validation.",
    )
    mode: MonitorMode = "auto"
    save_top_k: Count = Field(1, description="How many of the best to keep.")
    save_last: bool = Field(True, description="Keep the newest as well.")
    every_n_epochs: Count = Field(1, description="Epochs between checkpoints.")
    every_n_steps: Count | None = Field(
        None, description="Steps between further checkpoints within epochs."
    )
    every_n_minutes: float | None = Field(
        None, gt=0, description="Minutes between further checkpoints within epochs."
    )
    restore_best: bool = Field(
        True, description="End with the weights of the best checkpoint."
    )
    soup: SoupKind | None = Field(
        None,
        description="At the end average the weights of the `save_top_k` best checkpoints, "
        "and end with the mean if it is as good on validation: `greedy` adds one after the "
        "other as long as that holds, `uniform` all of them.",
    )
    save_weights_only: bool = Field(
        False,
        description="Keep the weights of the model alone, in directories `weights-...`: "
        "smaller, and no run resumes from them. An interrupted run is saved "
        "whole nevertheless.",
    )
    save_on_exception: bool = Field(
        False,
        description="Save where an error ends the fit, to resume there. Nothing is "
        "saved if the error came from within a step.",
    )

    @model_validator(mode="after")
    def _soup_has_what_it_needs(self) -> "ModelCheckpointConfig":
        if self.soup is None:
            return self
        if self.save_top_k < 2:
            raise ValueError("`soup` needs several checkpoints: try save_top_k=5")
        if not self.restore_best:
            raise ValueError("`soup` can't be set with restore_best=false")
        if not (self.monitor or "val_").startswith("val_"):
            raise ValueError("`soup` needs a metric of validation, such as val_loss")
        return self


class LearningRateFinderConfig(Section):
    """Tries learning rates before training and takes a good one."""

    smallest: float = Field(1e-6, gt=0, description="First learning rate to try.")
    largest: float = Field(1.0, gt=0, description="Last learning rate to try.")
    num_steps: int = Field(100, ge=3, le=MOST, description="How many to try.")
