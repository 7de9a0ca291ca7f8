"""Checks that a search over folds has no other rule for choosing validation images."""

from collections.abc import Iterable

from ..core.errors import ConfigError, message
from .schema import RunConfig

# Settings of `data` that do not affect the assignment of images to folds.
_SAME_FOLDS = {
    "data.batch_size",
    "data.bit_depth",
    "data.cache",
    "data.categorical_features",
    "data.class_balance",
    "data.features",
    "data.image_size",
}


def require_one_division(config: RunConfig, space: Iterable[str] = ()) -> None:
    """Rejects `search.folds` together with another rule for choosing validation images.

    Args:
        config: The configuration of the search.
        space: The settings that vary.

    Raises:
        ConfigError: Another setting chooses validation images, or the folds would differ
            between trials.
    """
    if config.search.folds is None:
        return
    names = ("folds", "fold", "validation", "split")
    others = {f"data.{name}": getattr(config.data, name) for name in names}
    given = {name: value for name, value in others.items() if value is not None}
    if given:
        raise ConfigError(
            message(
                "`search.folds` decides which images are validation images: a part of "
                "`data.train` in each fold. It can't be set with "
                f"{', '.join(f'`{n}`' for n in given)}.",
                "Leave one out.",
                **{"search.folds": config.search.folds},
                **given,
            )
        )
    dividing = [f"`{name}`" for name in space if _changes_folds(name)]
    if dividing:
        raise ConfigError(
            message(
                "Trials over folds are compared fold by fold, so settings that decide "
                f"which images are in a fold can't vary: {', '.join(dividing)}.",
                "Take it out of `search.space`, or leave search.folds out.",
                **{"search.folds": config.search.folds},
            )
        )


def _changes_folds(name: str) -> bool:
    return name == "seed" or (name.startswith("data.") and name not in _SAME_FOLDS)
