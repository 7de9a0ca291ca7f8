"""Runs the parts of an evaluation over one set of predictions."""

import traceback
from collections.abc import Iterable, Mapping

from ..core.console import notify
from ..core.errors import KeraunosError, message
from ..evaluation.evidence import Evidence
from ..evaluation.finding import Finding
from .registry import Part
from .subject import Explainer, Subject

NO_MODEL = "the model was not run"


def measure(
    parts: Mapping[str, Part],
    evidence: Evidence,
    subject: Subject | None,
    reason: str = NO_MODEL,
) -> dict[str, Finding]:
    """Returns the results of all parts, in order.

    A part whose input is missing, such as a moved image, becomes a gap with the reason. So
    does a part that fails, for example a user's own: its traceback goes to standard error,
    and the other parts are measured.

    Args:
        parts: Parts by name.
        evidence: Predictions of the model.
        subject: The model; None if only its predictions exist.
        reason: Why there is no model.
    """
    return {
        name: _measure(name, part, evidence, subject, reason)
        for name, part in parts.items()
    }


def needs_predictions_alone(parts: Mapping[str, Part]) -> dict[str, Part]:
    """Returns the parts that do not run the model again, which are cheap."""
    return {n: part for n, part in parts.items() if not isinstance(part, Explainer)}


def unmeasured(names: Iterable[str], reason: str) -> dict[str, Finding]:
    """Returns a gap for each part.

    Example:
        >>> unmeasured(["grad_cam"], "there are no images")["grad_cam"].gaps
        ['not measured: there are no images']
    """
    return {name: _gap(name, reason) for name in names}


def _measure(
    name: str, part: Part, evidence: Evidence, subject: Subject | None, reason: str
) -> Finding:
    if subject is None and isinstance(part, Explainer):
        return _gap(name, reason)
    try:
        return _run(name, part, evidence, subject)
    except KeraunosError as error:
        return _gap(name, str(error))
    except Exception as error:
        notify(f"evaluation.{name} failed:\n{traceback.format_exc().rstrip()}")
        why = f"{type(error).__name__}: {error}".rstrip(": ")
        return _gap(name, f"it failed with {why}; its traceback is in the output")


def _run(name: str, part: Part, evidence: Evidence, subject: Subject | None) -> Finding:
    if isinstance(part, Explainer) and subject is not None:
        found = part.explain(evidence, subject)
    else:
        found = part.evaluate(evidence)  # type: ignore[union-attr]
    if not isinstance(found, Finding):
        raise TypeError(
            message(f"`evaluation.{name}` must return a Finding.", returned=found)
        )
    return found


def _gap(name: str, reason: str) -> Finding:
    title = name.replace("_", " ").capitalize()
    return Finding(title, gaps=[f"not measured: {reason}"])
