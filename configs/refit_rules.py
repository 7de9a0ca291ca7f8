"""Checks that a refit, which has no validation images, does not need any."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..core.errors import ConfigError, message
from .callbacks import callback_class
from .schema import RunConfig
from .space import Space, with_each_value

# A refit reconfigures these callbacks, so that they monitor no validation metric.
RECONFIGURED = ("early_stopping", "model_checkpoint", "plateau_watch")
_UNFREEZES = {"backbone_finetuning"}
_WATCHES_VALIDATION = {"ReduceLROnPlateau"}  # by default monitors val_loss


def require_refit_without_validation(config: RunConfig, space: Space) -> None:
    """Rejects `finish=refit` if a callback monitors a validation metric.

    Args:
        config: The configuration of the search, before any training.
        space: The search space: any of its values may win.

    Raises:
        ConfigError: A callback monitors a validation metric, or might do so.
    """
    possible = [config, *with_each_value(config, space, "callbacks.")]
    watching = {
        label: monitor
        for each in possible
        for label, monitor in _validation_monitors(each.callbacks)
    }
    if watching:
        raise ConfigError(
            message(
                "`search.finish=refit` trains on all images, so there are no validation "
                "metrics that a callback could monitor.",
                f"Try {_remedy(config, watching)}.",
                **{f"callbacks.{label}": each for label, each in watching.items()},
            )
        )


def _remedy(config: RunConfig, watching: Iterable[str]) -> str:
    """Returns what to do instead; only unfreezing works without a metric."""
    unfreezing = [
        f"callbacks.{label}.monitor=null (it then unfreezes at its at_epoch)"
        for label in watching
        if callback_class(label, config.callbacks.get(label) or {})[0] in _UNFREEZES
    ]
    ways = ["search.finish=ensemble", "leave these callbacks out"]
    return ", or ".join([*unfreezing, *ways])


def _validation_monitors(callbacks: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for label, options in callbacks.items():
        name, arguments = callback_class(label, options or {})
        if options is None or name in RECONFIGURED:
            continue
        default = "val_loss" if name in _WATCHES_VALIDATION else ""
        monitor = str(arguments.get("monitor") or default)
        if monitor.startswith("val_"):
            yield label, monitor
