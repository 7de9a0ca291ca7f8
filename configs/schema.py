"""The settings of a run: their names, types, limits and defaults.

The same names stand in YAML files, on the command line (`trainer.max_epochs=5`) and in
Python (`Trainer(max_epochs=5)`). Unknown names are errors.

Example:
    >>> from keraunos.configs import RunConfig
    >>> RunConfig(seed=1).trainer.max_epochs
    10
"""

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from .callbacks import IMPORTABLE, check_callbacks, switched
from .choices import (
    Accelerator,
    Backbone,
    FeatureCache,
    Loss,
    MetricName,
    OptimizerName,
    Precision,
)
from .data import DataConfig
from .optimizers import ScheduleConfig, unknown_options
from .search import SearchConfig
from .section import MOST, Count, Section
from .space import check_space

MAX_TIME = "^[0-9]{1,6}:[0-9]{2}:[0-9]{2}:[0-9]{2}$"
BatchLimit = Count | Annotated[float, Field(gt=0, le=1)] | None


class ModelConfig(Section):
    """What is trained: a frozen backbone with a new head, or a model of one's own."""

    backbone: Backbone = Field("ResNet50", description="A model of keras.applications.")
    weights: str | None = Field(
        "imagenet",
        description="`imagenet`, a weights file, or null for a random start.",
    )
    dropout: float = Field(0.2, ge=0, lt=1, description="Dropout rate before the head.")
    standardize_features: bool = Field(
        False, description="Give each feature mean 0 and variance 1 on training data."
    )
    loss: Loss = Field(
        "crossentropy", description="`focal` gives easy pictures less weight."
    )
    label_smoothing: float = Field(
        0.0, ge=0, lt=1, description="Part of each target that all classes share."
    )
    metrics: list[MetricName] = Field(
        ["accuracy", "balanced_accuracy"],
        description="What is measured while training and validating; any can be "
        "monitored. `recall_per_class` is one for each class, named recall_CLASS.",
    )
    builder: str | None = Field(
        None,
        pattern=IMPORTABLE,
        description="`package.module:name` of a function that returns a compiled "
        "keras.Model, or of a Module, in place of a backbone.",
    )
    arguments: dict[str, Any] = Field({}, description="Arguments of the builder.")

    @model_validator(mode="after")
    def _one_kind(self) -> "ModelConfig":
        own = {"builder", "arguments"}
        if self.builder is None and self.arguments:
            raise ValueError("`arguments` belong to a `builder`, and none is given")
        if self.builder is not None and self.model_fields_set - own:
            others = ", ".join(sorted(self.model_fields_set - own))
            raise ValueError(f"`builder` and {others} can't be set together")
        return self

    @model_serializer(mode="wrap")
    def _write_one_kind(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        values: dict[str, Any] = write(self)
        if self.builder is None:
            return values
        return {name: values[name] for name in ("builder", "arguments")}


class OptimizerConfig(BaseModel):
    """A Keras optimizer by name; its other arguments go by their Keras names."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True, allow_inf_nan=False)

    __pydantic_extra__: dict[str, bool | int | float | None]

    name: OptimizerName = Field("adam", description="Name of the Keras optimizer.")
    learning_rate: float = Field(0.001, gt=0, description="Step size.")
    schedule: ScheduleConfig | None = Field(
        None, description="How the learning rate changes from epoch to epoch."
    )

    @model_validator(mode="after")
    def _options_exist(self) -> "OptimizerConfig":
        problem = unknown_options(self.name, self.model_extra or {})
        if problem:
            raise ValueError(problem)
        return self


class AugmentationConfig(Section):
    """How training pictures are varied: flips, rotation, zoom, shift, tone."""

    strength: float = Field(
        0.5, ge=0, le=1, description="0 leaves pictures as they are; scales all kinds."
    )
    views: Literal["fresh"] | Count = Field(
        "fresh",
        description="`fresh` draws anew each time; a number draws that many versions "
        "of each picture once and goes through them.",
    )


class TrainerConfig(Section):
    """Where and how long to train."""

    strategy: str = Field("auto", description="auto, single, mirrored or multi_worker.")
    accelerator: Accelerator = Field(
        "auto", description="`gpu` never falls back to the CPU."
    )
    devices: Literal["auto"] | Count = Field(
        "auto", description="How many; all of them with `auto`."
    )
    cpu_devices: Count | None = Field(
        None,
        description="Virtual devices where there is no GPU, for trying things out.",
    )
    precision: Precision = Field("float32", description="Keras dtype policy.")
    deterministic: bool = Field(
        False, description="Ask TensorFlow for repeatable operations; slower on GPUs."
    )
    max_epochs: Count = Field(10, description="Epochs after which to stop.")
    min_epochs: int = Field(
        0, ge=0, le=MOST, description="Epochs before which no callback can stop the run."
    )
    max_steps: Count | None = Field(None, description="Steps after which to stop.")
    max_time: Annotated[str, Field(pattern=MAX_TIME)] | None = Field(
        None, description="DD:HH:MM:SS after which to save and stop, to be resumed."
    )
    limit_train_batches: BatchLimit = Field(
        None, description="Batches (a whole number) or part (up to 1.0) of an epoch."
    )
    limit_val_batches: BatchLimit = Field(
        None, description="Batches (a whole number) or part (up to 1.0) of validation."
    )
    overfit_batches: BatchLimit = Field(
        None,
        description="Train and validate on so many batches (a whole number) or this part "
        "(up to 1.0) of the first epoch, again and again.",
    )
    validate_every_n_epochs: Count = Field(1, description="Epochs between validations.")
    validate_every_n_steps: Count | None = Field(
        None, description="Steps between further validations within epochs."
    )
    sanity_validation_batches: int = Field(
        0, ge=0, le=MOST, description="Batches to validate on before the first step."
    )
    fast_dev_run: bool = Field(
        False, description="One batch of each kind and nothing written: a smoke test."
    )
    steps_per_execution: Literal["auto"] | Count = Field(
        "auto", description="Steps that run on the device between looks from Python."
    )
    sync_batch_norm: Literal["auto"] | bool = Field(
        "auto", description="Share batch statistics between devices: on with `auto`."
    )
    check_replicas: bool = Field(
        True,
        description="Run a small batch whole and cut before the first step on several "
        "devices, and refuse what would depend on their number.",
    )


def max_seconds(max_time: str | None) -> float | None:
    """The seconds of a time written as DD:HH:MM:SS.

    Example:
        >>> max_seconds("00:01:30:00")
        5400.0
    """
    if max_time is None:
        return None
    days, hours, minutes, seconds = map(int, max_time.split(":"))
    return float(((days * 24 + hours) * 60 + minutes) * 60 + seconds)


class RunConfig(Section):
    """Everything that a run is asked for."""

    run_dir: str | None = Field(
        None, description="Where to write; null takes the next free runs/<name>-<NNN>."
    )
    seed: int = Field(0, ge=0, lt=2**31, description="Seed of everything random.")
    cache_dir: str | None = Field(
        None, description="What runs share; $KERAUNOS_CACHE_DIR or the user's cache."
    )
    data: DataConfig = DataConfig()
    model: ModelConfig = ModelConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    augmentation: AugmentationConfig = AugmentationConfig()
    feature_cache: FeatureCache = Field(
        "auto",
        description="Compute what a frozen backbone makes of a picture once, and keep "
        "it for all runs; `auto` does so where augmentation.views is a number or "
        "strength 0.",
    )
    trainer: TrainerConfig = TrainerConfig()
    callbacks: dict[str, dict[str, Any] | None] = Field(
        {},
        description="Callbacks by label, in order; null or false switches one off, true "
        "is one without options.",
    )
    search: SearchConfig = SearchConfig()

    @field_validator("callbacks", mode="before")
    @classmethod
    def _callbacks_are_on_or_off(cls, value: Any) -> Any:
        return switched(value)

    @field_validator("callbacks")
    @classmethod
    def _callbacks_exist(cls, value: dict[str, Any]) -> dict[str, Any]:
        return check_callbacks(value)

    @model_validator(mode="after")
    def _space_is_of_settings(self) -> "RunConfig":
        check_space(self, self.search.space or {})
        return self
