"""Settings of the section `trainer`: where and how long to train."""

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
        description="`auto`, `single`, `mirrored`, `multi_worker`, or the name of a "
        "registered strategy.",
    )
    accelerator: Accelerator = Field(
        "auto", description="Type of device to train on; `gpu` never falls back to the CPU."
    )
    devices: Literal["auto"] | Count = Field(
        "auto", description="Number of devices; `auto` uses all of them."
    )
    cpu_devices: Count | None = Field(
        None,
        description="Split the CPU into this many virtual devices, to try out several "
        "devices without a GPU.",
    )
    gpu_memory_limit_gib: Annotated[float, Field(gt=0, le=MOST)] | None = Field(
        None,
        description="Maximum memory in GiB that a process uses on each GPU, so that "
        "several trials or users can share one. With or without a limit, memory is "
        "allocated as needed.",
    )
    precision: Precision = Field("float32", description="Keras dtype policy.")
    deterministic: bool = Field(
        False,
        description="Make TensorFlow use deterministic operations. Slower on GPUs; stays "
        "enabled for the rest of the process.",
    )
    max_epochs: Count = Field(10, description="Maximum number of epochs.")
    min_epochs: int = Field(
        0,
        ge=0,
        le=MOST,
        description="Minimum number of epochs; no callback can stop training earlier.",
    )
    max_steps: Count | None = Field(
        None,
        description="Maximum number of steps; an epoch that this cuts short counts as an "
        "epoch.",
    )
    max_time: Annotated[str, Field(pattern=MAX_TIME)] | None = Field(
        None,
        description="Maximum training time, `DD:HH:MM:SS`, after which the run saves its "
        "state and stops; it can be resumed.",
    )
    limit_train_batches: BatchLimit = Field(
        None,
        description="Maximum number of training batches per epoch (integer), or the "
        "fraction of them to use (float up to 1.0).",
    )
    limit_val_batches: BatchLimit = Field(
        None,
        description="Maximum number of validation batches (integer), or the fraction of "
        "them to use (float up to 1.0).",
    )
    overfit_batches: BatchLimit = Field(
        None,
        description="Train and validate repeatedly on this number (integer) or fraction "
        "(float up to 1.0) of the batches of the first epoch, to check that the model can "
        "learn at all.",
    )
    validate_every_n_epochs: Count = Field(1, description="Epochs between validations.")
    validate_every_n_steps: Count | None = Field(
        None, description="Steps between additional validations within an epoch."
    )
    sanity_validation_batches: int = Field(
        0,
        ge=0,
        le=MOST,
        description="Validation batches to run before the first training step, so that a "
        "bug in validation shows at once.",
    )
    fast_dev_run: bool = Field(
        False,
        description="Smoke test: run one training batch and one validation batch, and "
        "keep nothing.",
    )
    steps_per_execution: Literal["auto"] | Count = Field(
        "auto",
        description="Steps per call of the device; `auto` makes each call take about a "
        "tenth of a second.",
    )
    jit_compile: Literal["auto"] | bool = Field(
        "auto",
        description="Whether to compile the forward and backward pass of each replica "
        "with XLA. `auto` does so on GPUs if a first batch compiles and gives the same "
        "results.",
    )
    use_ema_weights: bool = Field(
        False,
        description="Validate, save and export the moving averages of the weights instead "
        "of the weights; needs `optimizer.use_ema`.",
    )
    sync_batch_norm: Literal["auto"] | bool = Field(
        "auto",
        description="Whether BatchNormalization shares batch statistics between replicas; "
        "`auto` does. Without it, results depend on the number of replicas, and the "
        "moving statistics are the mean over the replicas.",
    )
    check_replicas: bool = Field(
        True,
        description="Before the first step on several devices, run a small batch both "
        "whole and split, and refuse anything whose result would depend on the number of "
        "devices: a model that mixes examples, or a loss or metric of the whole batch.",
    )


def max_seconds(max_time: str | None) -> float | None:
    """Converts a duration written as DD:HH:MM:SS to seconds.

    Example:
        >>> max_seconds("00:01:30:00")
        5400.0
    """
    if max_time is None:
        return None
    days, hours, minutes, seconds = map(int, max_time.split(":"))
    return float(((days * 24 + hours) * 60 + minutes) * 60 + seconds)
