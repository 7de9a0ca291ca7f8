"""JSON messages between chief and workers of a search."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from ...core import errors
from ...core.errors import KeraunosError
from ...core.files import sha256_of_json
from ..progress import TrialProgress
from ..trials import Outcome, TrialPlan

BUSY = "its directory is in use by another process"  # reason to return a trial


class Sender(NamedTuple):
    """The sender of a message to the chief, encoded as an id of Keras Tuner.

    Attributes:
        fingerprint: Fingerprint of the settings of its search.
        tuner_id: Name of the worker.
        task: Its current task, see `task_name`; empty if it asks for one.
        progress: Progress of the task, or None.

    Example:
        >>> read_sender(Sender("abc", "worker-0", "trial-3").to_json()).task
        'trial-3'
    """

    fingerprint: Annotated[str, Field(max_length=100)]
    tuner_id: Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]{1,200}$")]
    task: Annotated[str, Field(pattern=r"^((trial|export)-\d{1,9})?$")] = ""
    progress: TrialProgress | None = None

    def to_json(self) -> str:
        """Encodes the sender for `read_sender`."""
        return json.dumps(self)


_SENDER = TypeAdapter(Sender)


def read_sender(text: str) -> Sender:
    """Decodes the result of `Sender.to_json`.

    Raises:
        ValueError: The text is not a valid sender.
    """
    return _SENDER.validate_json(text)


def fingerprint_of(settings: Mapping[str, Any]) -> str:
    """Returns the fingerprint of the settings of a search.

    Example:
        >>> fingerprint_of({"seed": 1}) == fingerprint_of({"seed": 2})
        False
    """
    return sha256_of_json(settings)


def settings_to_json(settings: Mapping[str, Any]) -> str:
    """Encodes the settings of a search, which contain no secrets.

    Example:
        >>> read_settings(settings_to_json({"seed": 1}))
        {'seed': 1}
    """
    return json.dumps(settings)


def read_settings(text: str) -> dict[str, Any]:
    """Decodes the result of `settings_to_json`."""
    return dict(json.loads(text))


def task_name(plan: TrialPlan) -> str:
    """Returns the name of a task: the training of a trial, or the export of its model.

    Example:
        >>> task_name(TrialPlan(3, {"values": {}}, Path("trial-003"), export=True))
        'export-3'
    """
    return f"{'export' if plan.export else 'trial'}-{plan.number}"


def plan_to_json(plan: TrialPlan) -> str:
    """Encodes the plan of a trial.

    Example:
        >>> plan = TrialPlan(3, {"values": {"rate": 0.1}}, Path("trial-003"))
        >>> read_plan(plan_to_json(plan)) == plan
        True
    """
    return json.dumps(asdict(plan), default=str)


def read_plan(text: str) -> TrialPlan:
    """Decodes the result of `plan_to_json`."""
    fields = json.loads(text)
    fields["rival"] = tuple(fields["rival"])
    paths = {"directory": Path(fields["directory"])}
    if fields["continues"] is not None:
        paths["continues"] = Path(fields["continues"])
    return TrialPlan(**fields | paths)


class _Outcome(BaseModel):
    """The JSON form of an outcome; scores that are not finite are null."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    status: Literal["completed", "failed", "interrupted"]
    scores: list[float | None]
    seconds: Annotated[float, Field(ge=0)]
    reason: str
    signal: Annotated[int, Field(ge=1, le=64)] | None
    error: tuple[str, str] | None
    traceback: str
    hyperparameters: dict[str, Any] | None
    fold_scores: list[float] = []
    fold_epochs: list[int] = []


def outcome_to_json(outcome: Outcome) -> str:
    """Encodes the outcome of a trial.

    Example:
        >>> outcome = Outcome("failed", reason="x", error=errors.DataError("none"))
        >>> read_outcome(outcome_to_json(outcome)).error
        DataError('none')
    """
    fields = asdict(replace(outcome, error=None))
    fields["scores"] = [s if math.isfinite(s) else None for s in map(float, outcome.scores)]
    if outcome.error is not None:
        fields["error"] = [type(outcome.error).__name__, str(outcome.error)]
    return json.dumps(fields)


def read_outcome(text: str) -> Outcome:
    """Decodes the result of `outcome_to_json`.

    Raises:
        ValueError: The text is not a valid outcome.
    """
    fields: dict[str, Any] = dict(_Outcome.model_validate_json(text))
    for name in ("fold_scores", "fold_epochs"):
        fields[name] = tuple(fields[name])
    fields["scores"] = [math.nan if s is None else s for s in fields["scores"]]
    if fields["error"] is not None:
        name, words = fields["error"]
        kind = getattr(errors, name, KeraunosError)
        is_ours = isinstance(kind, type) and issubclass(kind, KeraunosError)
        fields["error"] = (kind if is_ours else KeraunosError)(words)
    return Outcome(**fields)
