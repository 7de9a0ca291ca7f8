"""What can't be trained without validation images, of which a refit has none."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..core.errors import ConfigError, message
from .callbacks import callback_class
from .schema import RunConfig
from .space import Space, with_each_value

# They decide nothing in a refit, which has them watch nothing of validation.
DO_WITHOUT = ("early_stopping", "model_checkpoint", "plateau_watch")
_UNFREEZES = {"backbone_finetuning"}
_WATCHES_VALIDATION = {"ReduceLROnPlateau"}  # of Keras, unless it is told otherwise


def require_refit_without_validation(config: RunConfig, space: Space) -> None:
    """Rejects a refit of what is decided by validation while it trains.

    Args:
        config: That of the search, before anything is trained.
        space: What varies, so that any of it may win.

    Raises:
        ConfigError: A callback watches a metric of validation, or may do so.
    """
    possible = [config, *with_each_value(config, space, "callbacks.")]
    watching = {
        label: monitor for each in possible for label, monitor in _watching(each.callbacks)
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
    """What to type instead; unfreezing alone does without a metric."""
    unfreezing = [
        f"callbacks.{label}.monitor=null (it then unfreezes at its at_epoch)"
        for label in watching
        if callback_class(label, config.callbacks.get(label) or {})[0] in _UNFREEZES
    ]
    ways = ["search.finish=ensemble", "leave these callbacks out"]
    return ", or ".join([*unfreezing, *ways])


def _watching(callbacks: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for label, options in callbacks.items():
        name, arguments = callback_class(label, options or {})
        if options is None or name in DO_WITHOUT:
            continue
        default = "val_loss" if name in _WATCHES_VALIDATION else ""
        monitor = str(arguments.get("monitor") or default)
        if monitor.startswith("val_"):
            yield label, monitor
