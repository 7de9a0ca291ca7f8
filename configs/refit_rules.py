"""What can't be trained without validation images, of which a refit has none."""

from collections.abc import Iterator, Mapping
from typing import Any

from ..core.errors import ConfigError, message
from .callbacks import callback_class

_WATCHES_VALIDATION = {"ReduceLROnPlateau"}  # of Keras, unless it is told otherwise


def require_refit_without_validation(callbacks: Mapping[str, Any]) -> None:
    """Refuses a refit of what is decided by validation while it trains.

    Args:
        callbacks: Of the configuration, before anything is trained.

    Raises:
        ConfigError: A callback watches a metric of validation.
    """
    watching = dict(_watching(callbacks))
    if watching:
        raise ConfigError(
            message(
                "`search.finish=refit` trains on all images, so that there is no "
                "validation which a callback could watch.",
                "Try search.finish=ensemble, or leave these callbacks out.",
                **{f"callbacks.{label}": each for label, each in watching.items()},
            )
        )


def _watching(callbacks: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for label, options in callbacks.items():
        name, arguments = callback_class(label, options or {})
        if options is None or name in ("early_stopping", "model_checkpoint"):
            continue
        default = "val_loss" if name in _WATCHES_VALIDATION else ""
        monitor = str(arguments.get("monitor") or default)
        if monitor.startswith("val_"):
            yield label, monitor
