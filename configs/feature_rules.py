"""Checks which settings can be combined with `data.features`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..core.errors import message
from .model import FITTED_HEADS
from .problems import Problem, problem


def feature_problems(
    features: Sequence[str] | None, model: Mapping[str, Any], mixes: bool
) -> Iterator[Problem]:
    """Yields a problem for each setting that conflicts with `data.features`.

    Args:
        features: The setting `data.features`.
        model: The section `model`.
        mixes: Whether mixup or CutMix is on.
    """
    if features is None:
        return
    if mixes:
        yield Problem("data.features", mixed_features(features))
    if model["builder"] is not None:
        yield problem(
            "data.features",
            "is for models of Keraunos",
            "In Python, a custom Module receives them as inputs by name; see "
            "docs/table-features.md.",
            **{"data.features": list(features), "model.builder": model["builder"]},
        )
    elif model["head"] in FITTED_HEADS:
        yield Problem("data.features", fitted_on_features(features, model["head"]))


def mixed_features(features: Sequence[str]) -> str:
    """Returns the error message for mixing images that come with table columns."""
    return message(
        "Mixed images can't be combined with columns of a table: categories can't be mixed "
        "like pixels.",
        "Leave out augmentation.mixup and augmentation.cutmix, or data.features.",
        **{"data.features": list(features)},
    )


def fitted_on_features(features: Sequence[str], head: str) -> str:
    """Returns the error message for a fitted head, which supports only images."""
    return message(
        "Columns of a table need a trained head.",
        "Choose the head linear, or leave out data.features.",
        **{"data.features": list(features), "model.head": head},
    )
