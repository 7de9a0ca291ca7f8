"""What chief and workers of a search say to each other, as JSON."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ..core import errors
from ..core.errors import KeraunosError
from .trials import Outcome, TrialPlan


def plan_to_json(plan: TrialPlan, fingerprint: str) -> str:
    """What a worker is to do, and the fingerprint of the search's settings.

    Example:
        >>> plan = TrialPlan(3, {"values": {"rate": 0.1}}, Path("trial-003"))
        >>> read_plan(plan_to_json(plan, "abc")) == (plan, "abc")
        True
    """
    return json.dumps([asdict(plan), fingerprint], default=str)


def read_plan(text: str) -> tuple[TrialPlan, str]:
    """Undoes `plan_to_json`."""
    fields, fingerprint = json.loads(text)
    paths = {"directory": Path(fields["directory"])}
    if fields["continues"] is not None:
        paths["continues"] = Path(fields["continues"])
    return TrialPlan(**fields | paths), fingerprint


def outcome_to_json(outcome: Outcome) -> str:
    """What came of a trial.

    Example:
        >>> outcome = Outcome("failed", reason="x", error=errors.DataError("none"))
        >>> read_outcome(outcome_to_json(outcome)).error
        DataError('none')
    """
    fields = asdict(replace(outcome, error=None))
    if outcome.error is not None:
        fields["error"] = [type(outcome.error).__name__, str(outcome.error)]
    return json.dumps(fields)


def read_outcome(text: str) -> Outcome:
    """Undoes `outcome_to_json`."""
    fields: dict[str, Any] = json.loads(text)
    if fields["error"] is not None:
        name, words = fields["error"]
        kind = getattr(errors, name, KeraunosError)
        is_ours = isinstance(kind, type) and issubclass(kind, KeraunosError)
        fields["error"] = (kind if is_ours else KeraunosError)(words)
    return Outcome(**fields)
