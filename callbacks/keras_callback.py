"""Adapts Keras callbacks to the hooks of Keraunos."""

from typing import Any

import keras

from ..core.errors import ConfigError, message
from .base import Callback
from .known_hooks import hooks_of
from .run_state import RunState

_TEST_BATCH_HOOKS = ("on_test_batch_begin", "on_test_batch_end")
_BATCH_HOOKS = (
    "on_batch_begin",
    "on_batch_end",
    "on_train_batch_begin",
    "on_train_batch_end",
)
# The attributes that contain the state of resumable Keras callbacks.
_STATE_ATTRIBUTES: dict[type, tuple[str, ...]] = {
    keras.callbacks.LearningRateScheduler: (),
    keras.callbacks.ReduceLROnPlateau: ("best", "wait", "cooldown_counter"),
    keras.callbacks.SwapEMAWeights: ("_ema_weights_in_model",),
    keras.callbacks.TerminateOnNaN: (),
}

# Keras callbacks that write; by name, because some exist only with optional libraries.
_WRITERS = (
    "BackupAndRestore",
    "CSVLogger",
    "ModelCheckpoint",
    "OrbaxCheckpoint",
    "ProgbarLogger",
    "RemoteMonitor",
    "TensorBoard",
)


class KerasCallback(Callback):
    """Calls the hooks of a `keras.callbacks.Callback` where Keras would.

    Batch hooks are called only if the callback overrides one, because each call makes the
    device wait. `on_test_batch_*` and hooks that Keras does not have are never called; a
    callback with such hooks is listed at the start of a run. The state of most Keras
    callbacks can't be saved: these start over when a run is resumed, and are listed as
    well.

    Args:
        callback: Any Keras callback.

    Example:
        >>> scheduler = keras.callbacks.LearningRateScheduler(lambda epoch: 0.1 / 2**epoch)
        >>> callback = KerasCallback(scheduler)
    """

    def __init__(self, callback: keras.callbacks.Callback) -> None:
        if isinstance(callback, keras.callbacks.BackupAndRestore):
            raise _resuming_callback_error(callback)
        self.callback = callback
        steps = any(self._overrides(hook) for hook in _BATCH_HOOKS)
        self.every_n_steps = 1 if steps else None
        self._batch_hooks = steps
        kinds = [kind for kind in type(callback).__mro__ if kind.__name__ in _WRITERS]
        self.chief_only = any(kind.__module__.startswith("keras.") for kind in kinds)
        self.is_resumable = type(callback) in _STATE_ATTRIBUTES
        unknown = hooks_of(type(callback)) - hooks_of(keras.callbacks.Callback)
        self.uncalled_hooks = (
            *filter(self._overrides, _TEST_BATCH_HOOKS),
            *sorted(unknown),
        )
        self.monitored_metrics = (
            (callback.monitor,) if _missing_monitor_error(callback) else ()
        )

    def state_dict(self) -> dict[str, Any]:
        """Returns the state of a resumable callback; empty for others."""
        names = _STATE_ATTRIBUTES.get(type(self.callback), ())
        return {name: getattr(self.callback, name) for name in names}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores the state of a resumable callback."""
        for name in self.state_dict().keys() & state.keys():
            setattr(self.callback, name, state[name])

    def on_fit_begin(self, run: RunState) -> None:
        """Sets the model and parameters, and forwards the hook."""
        self._require_single_weight_averaging(run)
        run.model.stop_training = False
        self.callback.set_model(run.model)
        self.callback.set_params(
            {"epochs": run.max_epochs, "steps": run.steps_per_epoch, "verbose": 0}
        )
        self.callback.on_train_begin({})
        # `Model.fit` would start at this epoch.
        if getattr(run.model, "_initial_epoch", None) is not None:
            raise _resuming_callback_error(self.callback)

    def on_epoch_begin(self, run: RunState) -> None:
        """Forwards the hook."""
        self.callback.on_epoch_begin(run.epoch, {})
        if self._batch_hooks:
            self.callback.on_train_batch_begin(run.epoch_step, {})

    def on_train_step_end(self, run: RunState) -> None:
        """Calls the hooks for the end of this batch and the start of the next."""
        if not self._batch_hooks:
            return
        self.callback.on_train_batch_end(run.epoch_step - 1, run.read_metrics())
        self._apply_stop_request(run)
        if run.stop_reason is None and run.epoch_step != run.steps_per_epoch:
            self.callback.on_train_batch_begin(run.epoch_step, {})

    def on_validation_begin(self, run: RunState) -> None:
        """Forwards the hook."""
        self.callback.on_test_begin({})

    def on_validation_end(self, run: RunState) -> None:
        """Forwards the hook, with metric names as in `Model.evaluate`."""
        values = {name.removeprefix("val_"): run.metrics[name] for name in run.metrics}
        self.callback.on_test_end(values)

    def on_epoch_end(self, run: RunState) -> None:
        """Forwards the hook."""
        self.callback.on_epoch_end(run.epoch - 1, dict(run.metrics))
        self._apply_stop_request(run)

    def on_fit_end(self, run: RunState) -> None:
        """Forwards the hook."""
        self.callback.on_train_end(dict(run.metrics))

    def _require_single_weight_averaging(self, run: RunState) -> None:
        swaps = isinstance(self.callback, keras.callbacks.SwapEMAWeights)
        if swaps and run.averages is not None:
            raise ConfigError(
                message(
                    "Only one callback or setting may set the weights to their averages.",
                    "Leave out this callback, or trainer.use_ema_weights.",
                    callback=type(self.callback).__name__,
                )
            )

    def _apply_stop_request(self, run: RunState) -> None:
        if run.model.stop_training:
            run.request_stop(f"{type(self.callback).__name__} requested it")
            run.model.stop_training = run.stop_reason is not None

    def _overrides(self, hook: str) -> bool:
        own = getattr(self.callback, hook)  # LambdaCallback sets it on the instance
        inherited = getattr(keras.callbacks.Callback, hook)
        return getattr(own, "__func__", own) is not inherited


def _missing_monitor_error(callback: keras.callbacks.Callback) -> bool:
    """Returns whether a callback has no effect without its metric, and only warns."""
    if isinstance(callback, keras.callbacks.ModelCheckpoint):
        return bool(callback.save_best_only)
    kinds = keras.callbacks.EarlyStopping, keras.callbacks.ReduceLROnPlateau
    return isinstance(callback, kinds)


def _resuming_callback_error(callback: keras.callbacks.Callback) -> ConfigError:
    """Returns the error for a callback that makes `Model.fit` start at a later epoch."""
    return ConfigError(
        message(
            "A callback must not resume training by itself: the Trainer would train all "
            "epochs again.",
            "Leave it out and give the Trainer a run_dir: a fit whose run_dir contains "
            "checkpoints resumes from the newest, bit for bit.",
            callback=type(callback).__name__,
        )
    )


def as_callback(value: Any) -> Callback:
    """Wraps a Keras callback; returns others unchanged."""
    return value if isinstance(value, Callback) else KerasCallback(value)
