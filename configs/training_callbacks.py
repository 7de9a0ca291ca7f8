"""Options of the callbacks that change how a run trains or what it saves."""

from typing import Annotated

from pydantic import Field, model_validator

from .choices import Mode, SoupKind
from .optimizer import ScheduleConfig
from .section import AS_LIST, MOST, Count, Section

# Options that callbacks with a monitored metric have in common.
MinDelta = Annotated[
    float,
    Field(ge=0, description="Minimum change that counts as an improvement."),
]
MonitorMode = Annotated[
    Mode,
    Field(
        description="Whether the metric is minimized or maximized; `auto` decides by its "
        "name."
    ),
]


class ChangesTraining(Section):
    """Options of a callback that changes how a model trains, so that it must be trained."""


class EarlyStoppingConfig(Section):
    """Stops training when a metric has stopped improving."""

    monitor: str = Field("val_loss", description="Metric to monitor.")
    patience: Count = Field(
        3, description="Epochs without improvement after which training stops."
    )
    min_delta: MinDelta = 0.0
    mode: MonitorMode = "auto"
    restore_best_weights: bool = Field(
        True, description="Restore the weights of the best epoch at the end."
    )
    stopping_threshold: float | None = Field(
        None, description="Stop once the metric is as good as this value."
    )
    divergence_threshold: float | None = Field(
        None, description="Stop once the metric is worse than this value."
    )
    check_finite: bool = Field(
        False,
        description="Stop at once if the metric is NaN or infinite; otherwise this counts "
        "as an epoch without improvement.",
    )


class BackboneFinetuningConfig(ChangesTraining):
    """Trains the head first, then unfreezes the backbone, at once or stage by stage."""

    unfreeze_from: str | None = Field(
        None,
        description="First layer to unfreeze (its name or the beginning of it) or a "
        "stage; all layers after it are unfrozen as well. Without this, `last_layers` and "
        "`stages`, the whole backbone is unfrozen.",
    )
    last_layers: int | None = Field(
        None,
        ge=1,
        le=MOST,
        description="Number of layers with weights to unfreeze, counted from the end.",
    )
    stages: Count | Annotated[list[str], AS_LIST, Field(min_length=1)] | None = Field(
        None,
        description="Number of stages of the backbone to unfreeze one after another, "
        "starting with the last; or a list of layers or stages to unfreeze from in turn.",
    )
    at_epoch: int | None = Field(
        5,
        ge=1,
        le=MOST,
        description="Maximum number of epochs for the head alone; null leaves this to "
        "`monitor`.",
    )
    every_epochs: int | None = Field(
        None,
        ge=1,
        le=MOST,
        description="Maximum number of epochs per stage before the next is unfrozen; null "
        "leaves this to `monitor`, and means 1 if there is no `monitor`.",
    )
    monitor: str | None = Field(
        None,
        description="Metric to monitor; each time it stops improving, the backbone or its "
        "next stage is unfrozen.",
    )
    patience: Count = Field(
        2, description="Epochs without improvement after which the next stage is unfrozen."
    )
    min_delta: MinDelta = 0.0
    mode: MonitorMode = "auto"
    learning_rate: float = Field(
        1e-5, gt=0, description="Learning rate of all trainable layers after unfreezing."
    )
    learning_rate_factor: float = Field(
        1.0, gt=0, le=1, description="Factor on the learning rate at each further stage."
    )
    schedule: ScheduleConfig | None = Field(
        None,
        description="Schedule of the learning rate after unfreezing, as in "
        "`optimizer.schedule`, with epochs counted from then on. A warm-up before cosine "
        "or linear takes at most half of the remaining epochs.",
    )
    train_batch_norm: bool = Field(
        False, description="Also train BatchNormalization layers among the unfrozen layers."
    )

    @model_validator(mode="after")
    def _check_layers_and_time(self) -> "BackboneFinetuningConfig":
        names = ("unfreeze_from", "last_layers", "stages")
        given = [f"`{name}`" for name in names if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} can't be set together")
        if self.at_epoch is None and self.monitor is None:
            raise ValueError("`at_epoch` or `monitor` must be set")
        return self

    @model_validator(mode="after")
    def _require_stages_for_stage_options(self) -> "BackboneFinetuningConfig":
        if self.stages is None and self.every_epochs is not None:
            raise ValueError("`every_epochs` needs `stages`")
        if self.stages is None and self.learning_rate_factor != 1.0:
            raise ValueError("`learning_rate_factor` needs `stages`")
        return self


class ModelCheckpointConfig(Section):
    """Saves checkpoints, and keeps the best and the newest."""

    monitor: str | None = Field(
        None,
        description="Metric by which checkpoints are compared; by default `val_loss`, or "
        "`loss` without validation.",
    )
    mode: MonitorMode = "auto"
    save_top_k: Count = Field(1, description="Number of best checkpoints to keep.")
    save_last: bool = Field(True, description="Also keep the newest checkpoint.")
    every_n_epochs: Count = Field(1, description="Epochs between checkpoints.")
    every_n_steps: Count | None = Field(
        None, description="Steps between additional checkpoints within an epoch."
    )
    every_n_minutes: float | None = Field(
        None, gt=0, description="Minutes between additional checkpoints within an epoch."
    )
    restore_best: bool = Field(
        True, description="Restore the weights of the best checkpoint at the end."
    )
    soup: SoupKind | None = Field(
        None,
        description="Model soup: at the end, average the weights of the `save_top_k` best "
        "checkpoints and use the mean if it is as good on validation. `greedy` adds "
        "checkpoints one by one as long as that holds, `uniform` averages all of them.",
    )
    save_weights_only: bool = Field(
        False,
        description="Save only the weights of the model, in directories `weights-...`. "
        "These are smaller, but no run can be resumed from them. The full state is still "
        "saved if a run is interrupted.",
    )
    save_on_exception: bool = Field(
        False,
        description="Save a checkpoint if an error ends training, to resume from there. "
        "Nothing is saved if the error occurred within a step.",
    )

    @model_validator(mode="after")
    def _check_soup(self) -> "ModelCheckpointConfig":
        if self.soup is None:
            return self
        if self.save_top_k < 2:
            raise ValueError("`soup` needs several checkpoints: try save_top_k=5")
        if not self.restore_best:
            raise ValueError("`soup` can't be set with restore_best=false")
        if not (self.monitor or "val_").startswith("val_"):
            raise ValueError("`soup` needs a metric of validation, such as val_loss")
        return self


class LearningRateFinderConfig(ChangesTraining):
    """Tries learning rates before training and uses a good one."""

    smallest: float = Field(1e-6, gt=0, description="First learning rate to try.")
    largest: float = Field(1.0, gt=0, description="Last learning rate to try.")
    num_steps: int = Field(
        100, ge=3, le=MOST, description="Number of learning rates to try."
    )
