"""Finds hooks of callbacks that do not exist: they would silently never be called."""

from collections.abc import Mapping

from ..core.errors import message
from ..core.names import did_you_mean
from .base import Callback

_STEP = "on_train_step_end"
# Names of Keras and Lightning whose equivalent is not the most similar name.
_EQUIVALENTS = {
    "on_after_backward": _STEP,
    "on_batch_end": _STEP,
    "on_before_backward": _STEP,
    "on_before_optimizer_step": _STEP,
    "on_before_zero_grad": _STEP,
    "on_batch_begin": _STEP,
    "on_batch_start": _STEP,
    "on_epoch_start": "on_epoch_begin",
    "on_fit_start": "on_fit_begin",
    "on_load_checkpoint": "load_state_dict",
    "on_save_checkpoint": "state_dict",
    "on_step_end": _STEP,
    "on_test_begin": "on_validation_begin",
    "on_test_end": "on_validation_end",
    "on_train_batch_begin": _STEP,
    "on_train_batch_end": _STEP,
    "on_train_batch_start": _STEP,
    "on_train_begin": "on_fit_begin",
    "on_train_end": "on_fit_end",
    "on_train_epoch_end": "on_epoch_end",
    "on_train_epoch_start": "on_epoch_begin",
    "on_train_start": "on_fit_begin",
    "on_validation_batch_end": "on_validation_end",
    "on_validation_batch_start": "on_validation_begin",
    "on_validation_epoch_end": "on_validation_end",
    "on_validation_epoch_start": "on_validation_begin",
    "on_validation_start": "on_validation_begin",
}


def hooks_of(kind: type) -> set[str]:
    """Returns the public methods of a class that are named like hooks."""
    names = (name for name in dir(kind) if name.startswith("on_"))
    return {name for name in names if callable(getattr(kind, name))}


def unknown_hooks(callbacks: Mapping[str, Callback]) -> list[str]:
    """Returns an error message for each callback with hooks that are never called.

    Args:
        callbacks: Callbacks by label.
    """
    known = sorted(hooks_of(Callback))
    return [
        message(
            f"A callback has the hooks {', '.join(known)}; others are never called.",
            " ".join(dict.fromkeys(_remedy(hook, known) for hook in unknown)),
            callback=type(each).__name__,
            hook=", ".join(unknown),
        )
        for each in callbacks.values()
        if (unknown := sorted(hooks_of(type(each)) - {*known, *each.uncalled_hooks}))
    ]


def _remedy(hook: str, known: list[str]) -> str:
    if hook in _EQUIVALENTS:
        return f"Write {_EQUIVALENTS[hook]} instead of {hook}."
    if hook.startswith(("on_test_", "on_predict_")):
        return "Trainer.test and Trainer.predict call no callbacks."
    rename = f"If it is not a hook, rename it to _{hook}."
    return f"{did_you_mean(hook, known)} {rename}".strip()
