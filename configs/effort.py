"""Efforts: `effort: quick|good|best` selects settings to apply on top of a recipe.

A file defines the settings of each effort in its section `efforts`. Those of the chosen
effort override the file; later files and `key=value` override them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from .layers import Layer
from .problems import ProblemsError, problem

EFFORT, EFFORTS = "effort", "efforts"
# Settings that an effort can't change: itself, and locations.
_NOT_IN_EFFORTS = (EFFORT, EFFORTS, "run_dir", "cache_dir")


def chosen_effort(layers: Sequence[Layer]) -> str | None:
    """Returns the effort that the last layer selects, if any layer defines it."""
    named = [each.values[EFFORT] for each in layers if EFFORT in each.values]
    name = named[-1] if named else None
    is_known = isinstance(name, str) and any(name in efforts_of(each) for each in layers)
    return name if is_known else None


def resolve(layers: Sequence[Layer], effort: str | None) -> Layer:
    """Merges layers from left to right, each with the settings of its effort."""
    resolved = Layer()
    for layer in layers:
        resolved = _effort_layer(layer, effort).over(layer.over(resolved))
    return resolved


def efforts_of(layer: Layer) -> Mapping[str, Any]:
    """Returns the settings of each effort that a layer defines."""
    efforts = layer.values.get(EFFORTS)
    return efforts if isinstance(efforts, dict) else {}


def _effort_layer(layer: Layer, name: str | None) -> Layer:
    values = efforts_of(layer).get(name) if name else None
    if not isinstance(values, dict):
        return Layer()
    start = f"{EFFORTS}.{name}."
    origins = {
        setting.removeprefix(start): place
        for setting, place in layer.origins.items()
        if setting.startswith(start)
    }
    return Layer(values, origins)


def check_effort(effort: str | None, efforts: Mapping[Any, Mapping[str, Any]]) -> None:
    """Checks that the effort exists, and that no effort changes a forbidden setting.

    Raises:
        ProblemsError: There are problems; the message lists all of them.
    """
    problems = []
    if effort is not None and effort not in efforts:
        known = f"There are {', '.join(efforts)}." if efforts else ""
        remedy = known or f"Try keraunos fit classify {EFFORT}={effort}."
        problems.append(
            problem(
                EFFORT,
                f"must be in the section `{EFFORTS}` of a recipe or file",
                remedy,
                effort=effort,
            )
        )
    problems += [
        problem(
            f"{EFFORTS}.{name}.{setting}", "can't depend on the effort", "Leave it out."
        )
        for name, settings in efforts.items()
        for setting in _NOT_IN_EFFORTS
        if setting in settings
    ]
    if problems:
        raise ProblemsError(*problems)
