"""Settings of the section `optimizer`: Keras optimizers and their options.

The tables of options are written out, so that a misspelled option is found before
TensorFlow is imported; a test compares them with Keras.
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

# Options that Keras optimizers do not have.
LAYERWISE_OPTIONS = ("layer_decay", "exclude_from_weight_decay")

SCHEDULE_OPTIONS: dict[str, set[str]] = {
    "cosine": {"epochs", "final_factor"},
    "linear": {"epochs", "final_factor"},
    "exponential": {"factor"},
    "step": {"factor", "step_epochs"},
    "constant": set(),
}


class ScheduleConfig(Section):
    """Learning rate schedule over epochs, starting from `learning_rate` as the maximum.

    To lower the learning rate when a metric stops improving, use the Keras callback
    ReduceLROnPlateau instead.
    """

    name: ScheduleName = Field(description="Shape of the schedule after the warm-up.")
    warmup_epochs: float = Field(
        0.0,
        ge=0,
        description="Epochs in which the learning rate rises linearly from almost 0.",
    )
    epochs: int | None = Field(
        None,
        ge=1,
        le=MOST,
        description="Epoch at which cosine and linear end; null means trainer.max_epochs.",
    )
    final_factor: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Fraction of the learning rate that remains at the end of cosine and "
        "linear.",
    )
    factor: float | None = Field(
        None,
        gt=0,
        le=1,
        description="Factor that exponential applies in each epoch (0.9 by default), and "
        "step after every step_epochs (0.1).",
    )
    step_epochs: Count = Field(10, description="Epochs between two reductions by step.")

    @property
    def ends_with_training(self) -> bool:
        """Whether the schedule depends on `trainer.max_epochs`."""
        return self.name in ("cosine", "linear") and self.epochs is None

    @model_validator(mode="after")
    def _check_schedule_options(self) -> "ScheduleConfig":
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
    """A Keras optimizer; further arguments keep their Keras names."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True, allow_inf_nan=False)

    __pydantic_extra__: dict[str, bool | int | float | None]

    name: OptimizerName = Field("adam", description="Name of the Keras optimizer.")
    learning_rate: float = Field(
        0.001, gt=0, description="Learning rate; with a schedule, its maximum."
    )
    schedule: ScheduleConfig | None = Field(
        None, description="How the learning rate changes from epoch to epoch."
    )

    layer_decay: float | None = Field(
        None,
        gt=0,
        le=1,
        description="Factor on the learning rate from each stage of the network to the "
        "one before it; the head trains with the full rate.",
    )
    exclude_from_weight_decay: WeightDecayExclusion = Field(
        "none",
        description="Weights that weight decay does not apply to: `biases_and_norms`, or "
        "`biases_norms_and_embeddings` (position embeddings and class tokens as well).",
    )

    @property
    def is_layerwise(self) -> bool:
        """Whether learning rate or weight decay differ between layers."""
        return self.layer_decay is not None or self.exclude_from_weight_decay != "none"

    @model_validator(mode="after")
    def _require_weight_decay(self) -> "OptimizerConfig":
        default = 0.004 if self.name == "adamw" else None  # the defaults of Keras
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
    """Returns the values that `optimizer.name` accepts."""
    return get_args(OptimizerName)


def keras_options() -> list[str]:
    """Returns the options of all optimizers that are passed to Keras unchanged."""
    return sorted(COMMON_OPTIONS.union(*OWN_OPTIONS.values()))


def unknown_options(name: str, options: Iterable[str]) -> str:
    """Returns a message that names the `options` that optimizer `name` lacks, or ""."""
    known = COMMON_OPTIONS | OWN_OPTIONS[name]
    words = []
    for option in sorted(set(options) - known):
        guess = did_you_mean(option, known) or f"it takes {', '.join(sorted(known))}"
        words.append(f"{name} has no option `{option}` ({guess})")
    return "; ".join(words)
