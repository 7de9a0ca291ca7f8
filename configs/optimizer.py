"""The Keras optimizers that a configuration can name, and what each can be told.

Keras itself is not asked, so that a misspelt option is found before TensorFlow is
loaded; a test holds this table against Keras.
"""

from collections.abc import Iterable
from typing import get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ..core.names import did_you_mean
from .choices import OptimizerName, ScheduleName, WeightDecayExclusion
from .section import MOST, Count, Section

COMMON_OPTIONS = frozenset(
    {
        "weight_decay",
        "clipnorm",
        "clipvalue",
        "global_clipnorm",
        "use_ema",
        "ema_momentum",
        "ema_overwrite_frequency",
        "loss_scale_factor",
        "gradient_accumulation_steps",
    }
)
_ADAM = {"beta_1", "beta_2", "epsilon"}
OWN_OPTIONS: dict[str, set[str]] = {
    "sgd": {"momentum", "nesterov"},
    "rmsprop": {"rho", "momentum", "epsilon", "centered"},
    "adam": {*_ADAM, "amsgrad"},
    "adamw": {*_ADAM, "amsgrad"},
    "adagrad": {"initial_accumulator_value", "epsilon"},
    "adadelta": {"rho", "epsilon"},
    "adamax": _ADAM,
    "nadam": _ADAM,
    "adafactor": {
        "beta_2_decay",
        "epsilon_1",
        "epsilon_2",
        "clip_threshold",
        "relative_step",
    },
    "ftrl": {
        "learning_rate_power",
        "initial_accumulator_value",
        "l1_regularization_strength",
        "l2_regularization_strength",
        "l2_shrinkage_regularization_strength",
        "beta",
    },
    "lion": {"beta_1", "beta_2"},
    "lamb": _ADAM,
}

# Not of Keras's optimizers.
LAYERWISE_OPTIONS = ("layer_decay", "exclude_from_weight_decay")

SCHEDULE_OPTIONS: dict[str, set[str]] = {
    "cosine": {"epochs", "final_factor"},
    "linear": {"epochs", "final_factor"},
    "exponential": {"factor"},
    "step": {"factor", "step_epochs"},
    "constant": set(),
}


class ScheduleConfig(Section):
    """How the learning rate changes from epoch to epoch; `learning_rate` is the highest.

    Where it is to fall when a metric stops improving, use the callback ReduceLROnPlateau
    of Keras in place of a schedule.
    """

    name: ScheduleName = Field(description="What comes after the warm-up.")
    warmup_epochs: float = Field(
        0.0, ge=0, description="Epochs in which it rises from almost nothing."
    )
    epochs: int | None = Field(
        None,
        ge=1,
        le=MOST,
        description="When cosine and linear end; trainer.max_epochs if null.",
    )
    final_factor: float = Field(
        0.0, ge=0, le=1, description="What part is left at the end of cosine and linear."
    )
    factor: float | None = Field(
        None,
        gt=0,
        le=1,
        description="What exponential multiplies by in each epoch (0.9 by default), and "
        "step after each step_epochs (0.1).",
    )
    step_epochs: Count = Field(10, description="Epochs between two steps of step.")

    @property
    def ends_with_training(self) -> bool:
        """Whether another `trainer.max_epochs` makes it another schedule."""
        return self.name in ("cosine", "linear") and self.epochs is None

    @model_validator(mode="after")
    def _options_are_of_this_kind(self) -> "ScheduleConfig":
        others = self.model_fields_set - {"name", "warmup_epochs"}
        others -= SCHEDULE_OPTIONS[self.name]
        given = {name for name in others if getattr(self, name) is not None}
        given -= {
            n for n in given if getattr(self, n) == type(self).model_fields[n].default
        }
        if given:
            raise ValueError(f"{self.name} has no option {', '.join(sorted(given))}")
        return self


class OptimizerConfig(BaseModel):
    """A Keras optimizer by name; its other arguments go by their Keras names."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True, allow_inf_nan=False)

    __pydantic_extra__: dict[str, bool | int | float | None]

    name: OptimizerName = Field("adam", description="Name of the Keras optimizer.")
    learning_rate: float = Field(0.001, gt=0, description="Step size.")
    schedule: ScheduleConfig | None = Field(
        None, description="How the learning rate changes from epoch to epoch."
    )

    layer_decay: float | None = Field(
        None,
        gt=0,
        le=1,
        description="By what the learning rate is multiplied from each stage of the "
        "network to the one before it; the head has the whole of it.",
    )
    exclude_from_weight_decay: WeightDecayExclusion = Field(
        "none",
        description="What weight decay leaves alone: `biases_and_norms`, or "
        "`biases_norms_and_embeddings` (those of positions and class tokens, too).",
    )

    @property
    def is_layerwise(self) -> bool:
        """Whether something differs from layer to layer."""
        return self.layer_decay is not None or self.exclude_from_weight_decay != "none"

    @model_validator(mode="after")
    def _there_is_weight_decay(self) -> "OptimizerConfig":
        default = 0.004 if self.name == "adamw" else None  # of Keras
        has_decay = (self.model_extra or {}).get("weight_decay", default)
        if self.exclude_from_weight_decay != "none" and not has_decay:
            raise ValueError("`exclude_from_weight_decay` needs a `weight_decay` above 0")
        return self

    @model_validator(mode="after")
    def _options_exist(self) -> "OptimizerConfig":
        problem = unknown_options(self.name, self.model_extra or {})
        if problem:
            raise ValueError(problem)
        return self


def optimizer_names() -> tuple[str, ...]:
    """The names that `optimizer.name` takes."""
    return get_args(OptimizerName)


def keras_options() -> list[str]:
    """The options that go to Keras as they are, of any optimizer."""
    return sorted(COMMON_OPTIONS.union(*OWN_OPTIONS.values()))


def unknown_options(name: str, options: Iterable[str]) -> str:
    """Says which of `options` the optimizer `name` does not have, or nothing."""
    known = COMMON_OPTIONS | OWN_OPTIONS[name]
    words = []
    for option in sorted(set(options) - known):
        guess = did_you_mean(option, known) or f"it takes {', '.join(sorted(known))}"
        words.append(f"{name} has no option `{option}` ({guess})")
    return "; ".join(words)
