"""Which settings go with columns that a model takes beside the image."""

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
            "`data.features` is for the models of Keraunos.",
            "In Python, a Module of your own gets them as inputs by name; see "
            "docs/table-features.md.",
            **{"data.features": list(features), "model.builder": model["builder"]},
        )
    elif model["head"] in FITTED_HEADS:
        yield fitted_on_features(features, model["head"])


def mixed_features(features: Sequence[str]) -> str:
    """The message for mixed images that have columns beside them."""
    return message(
        "Images that are mixed can't have columns beside them: words are not mixed as "
        "pixels are.",
        "Leave out augmentation.mixup and augmentation.cutmix, or data.features.",
        **{"data.features": list(features)},
    )


def fitted_on_features(features: Sequence[str], head: str) -> str:
    """The message for a head that is fitted to features of images alone."""
    return message(
        "Columns of a table go into a head that is trained.",
        "Set model.head=linear, or leave out data.features.",
        **{"data.features": list(features), "model.head": head},
    )
