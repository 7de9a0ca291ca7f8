"""The settings of the section `trainer`: where and how long to train."""

from typing import Annotated, Literal

from pydantic import Field

from .choices import Accelerator, Precision
from .section import MOST, Count, Section

MAX_TIME = "^[0-9]{1,6}:[0-9]{2}:[0-9]{2}:[0-9]{2}$"
BatchLimit = Count | Annotated[float, Field(gt=0, le=1)] | None


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
