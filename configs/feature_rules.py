"""Which settings go with columns that a model takes in addition to the image."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..core.errors import message
from .model import FITTED_HEADS


def feature_problems(
    features: Sequence[str] | None, model: Mapping[str, Any], mixes: bool
) -> Iterator[str]:
    """What does not go with `data.features`, a line each.

    Args:
        features: `data.features`.
        model: The section `model`.
        mixes: Whether images are mixed.
    """
    if features is None:
        return
    if mixes:
        yield mixed_features(features)
    if model["builder"] is not None:
        yield message(
            "`data.features` is for models of Keraunos.",
            "In Python, a custom Module receives them as inputs by name; see "
            "docs/table-features.md.",
            **{"data.features": list(features), "model.builder": model["builder"]},
        )
    elif model["head"] in FITTED_HEADS:
        yield fitted_on_features(features, model["head"])


def mixed_features(features: Sequence[str]) -> str:
    """The message for mixed images that have columns in addition to them."""
    return message(
        "Mixed images can't be combined with columns of a table: words can't be mixed like "
        "pixels.",
        "Leave out augmentation.mixup and augmentation.cutmix, or data.features.",
        **{"data.features": list(features)},
    )


def fitted_on_features(features: Sequence[str], head: str) -> str:
    """The message for a head that is fitted to features of images alone."""
    return message(
        "Columns of a table need a trained head.",
        "Set model.head=linear, or leave out data.features.",
        **{"data.features": list(features), "model.head": head},
    )
