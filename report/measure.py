"""Runs the parts of an evaluation over one set of predictions."""

from collections.abc import Mapping

from ..core.errors import KeraunosError
from ..evaluation.evidence import Evidence
from ..evaluation.finding import Finding
from .registry import Part
from .subject import Explainer, Subject


def measure(
    parts: Mapping[str, Part], evidence: Evidence, subject: Subject
) -> dict[str, Finding]:
    """What each part comes to, in their order.

    A part whose input is not there, an image that was moved, say, is a gap that names the
    reason.
    """
    return {name: _measure(part, evidence, subject) for name, part in parts.items()}


def _measure(part: Part, evidence: Evidence, subject: Subject) -> Finding:
    try:
        if isinstance(part, Explainer):
            return part.explain(evidence, subject)
        return part.evaluate(evidence)
    except KeraunosError as error:
        return Finding(type(part).__name__, gaps=[f"not measured: {error}"])
