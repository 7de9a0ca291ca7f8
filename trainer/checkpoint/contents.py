"""Checks that a checkpoint is complete."""

from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, NonNegativeInt, ValidationError, model_validator

from ...core.bundle import Bundle
from ...core.errors import CheckpointError

ARRAYS = ("weights", "optimizer", "epoch", "metrics")


class _State(BaseModel):
    """The fields of the document `state` that all runs have."""

    model_config = ConfigDict(strict=True, extra="allow")

    epoch: NonNegativeInt
    step: NonNegativeInt
    epoch_step: NonNegativeInt
    samples: NonNegativeInt
    validated_step: NonNegativeInt | None
    training_metrics: dict[str, float] | None
    history: dict[str, list[float]]
    phases: list[dict[str, Any]]
    requested_phases: list[dict[str, Any]]
    stop_reason: str | None
    callbacks: dict[str, dict[str, Any]]
    jit_compile: bool = False

    @model_validator(mode="after")
    def _has_all_epochs(self) -> Self:
        if any(len(values) != self.epoch for values in self.history.values()):
            raise ValueError("the history must have a value per epoch")
        return self


class _Documents(BaseModel):
    """The documents of a checkpoint."""

    state: _State
    settings: dict[str, Any]


def check_contents(path: Path, bundle: Bundle) -> None:
    """Checks that a checkpoint has all arrays and valid documents.

    Raises:
        CheckpointError: Something is missing or has the wrong type; lists all problems.
    """
    problems = [
        f"{name}.safetensors is missing" for name in ARRAYS if name not in bundle.arrays
    ]
    try:
        _Documents.model_validate(dict(bundle.documents))
    except ValidationError as error:
        problems += [
            f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()
        ]
    if problems:
        raise CheckpointError(f"{path} contains something else ({'; '.join(problems)})")
