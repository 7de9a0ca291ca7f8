"""The settings of the section `trainer`: where and how long to train."""

from typing import Annotated, Literal

from pydantic import Field

from .choices import Accelerator, Precision
from .section import MOST, Count, Section

MAX_TIME = "^[0-9]{1,6}:[0-9]{2}:[0-9]{2}:[0-9]{2}$"
BatchLimit = Count | Annotated[float, Field(gt=0, le=1)] | None


class TrainerConfig(Section):
    """Where and how long to train."""

    strategy: str = Field(
        "auto",
        description="`auto`, `single`, `mirrored`, `multi_worker`, or a name that was "
        "registered.",
    )
    accelerator: Accelerator = Field(
        "auto", description="`gpu` never falls back to the CPU."
    )
    devices: Literal["auto"] | Count = Field(
        "auto", description="How many; all of them with `auto`."
    )
    cpu_devices: Count | None = Field(
        None,
        description="Split the CPU into that many virtual devices, for trying things out "
        "without a GPU.",
    )
    gpu_memory_limit_gib: Annotated[float, Field(gt=0, le=MOST)] | None = Field(
        None,
        description="GiB that a process takes of each GPU at most, so that several trials "
        "or users can share one. Without a limit, too, memory is taken as it is needed.",
    )
    precision: Precision = Field("float32", description="Keras dtype policy.")
    deterministic: bool = Field(
        False,
        description="Ask TensorFlow for repeatable operations: slower on GPUs, and on for "
        "the rest of the process.",
    )
    max_epochs: Count = Field(10, description="Epochs after which to stop.")
    min_epochs: int = Field(
        0, ge=0, le=MOST, description="Epochs before which no callback can stop the fit."
    )
    max_steps: Count | None = Field(
        None, description="Steps after which to stop; an epoch that it cuts short counts."
    )
    max_time: Annotated[str, Field(pattern=MAX_TIME)] | None = Field(
        None, description="`DD:HH:MM:SS` after which to save and stop, to be resumed."
    )
    limit_train_batches: BatchLimit = Field(
        None,
        description="Batches per epoch at most (a whole number), or a part of them (up "
        "to 1.0).",
    )
    limit_val_batches: BatchLimit = Field(
        None,
        description="Validation batches at most (a whole number), or a part of them (up to "
        "1.0).",
    )
    overfit_batches: BatchLimit = Field(
        None,
        description="Batches of the first epoch (a whole number), or a part of them (up to "
        "1.0), to train and validate on again and again: can the model learn at all?",
    )
    validate_every_n_epochs: Count = Field(1, description="Epochs between validations.")
    validate_every_n_steps: Count | None = Field(
        None, description="Steps between further validations within epochs."
    )
    sanity_validation_batches: int = Field(
        0,
        ge=0,
        le=MOST,
        description="Batches to validate on before the first step, so that a fault in "
        "validation shows at once.",
    )
    fast_dev_run: bool = Field(
        False,
        description="One batch of training and of validation, and nothing is kept: a smoke "
        "test.",
    )
    steps_per_execution: Literal["auto"] | Count = Field(
        "auto",
        description="Steps per call of the device; `auto` makes calls of about a tenth of "
        "a second.",
    )
    jit_compile: Literal["auto"] | bool = Field(
        "auto",
        description="Whether XLA compiles the forward and backward pass of each replica; "
        "`auto` does on GPUs, where a first batch shows that it compiles and "
        "gives the same.",
    )
    use_ema_weights: bool = Field(
        False,
        description="Validate, save and export moving averages of the weights in their "
        "place; needs `optimizer.use_ema`.",
    )
    sync_batch_norm: Literal["auto"] | bool = Field(
        "auto",
        description="Whether BatchNorm shares batch statistics between replicas; `auto` "
        "does. Without, results depend on the number of replicas, and "
        "moving statistics are the mean of theirs.",
    )
    check_replicas: bool = Field(
        True,
        description="Run a small batch whole and cut before the first step on several "
        "devices, and refuse what would depend on their number: a model that mixes rows, a "
        "loss or a metric of a whole batch.",
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
