"""Calls the hooks of all callbacks of a run."""

import traceback
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import keras

from ..core.console import notify
from ..core.errors import ConfigError, message
from ..core.names import choose, snake_case
from ..core.run_events import Event
from ..core.signatures import wrong_signatures
from .base import Callback
from .keras_callback import KerasCallback, as_callback
from .known_hooks import unknown_hooks
from .registry import CALLBACK_CLASSES
from .run_state import RunState

Given = Sequence[Any] | Mapping[str, Any] | None


class CallbackList:
    """Calls a hook of every callback, in order.

    Args:
        callbacks: Callbacks by label.
        silent: Labels of callbacks that are not called.
    """

    def __init__(
        self, callbacks: Mapping[str, Callback], silent: Collection[str] = ()
    ) -> None:
        self.callbacks = dict(callbacks)
        self._called = {n: each for n, each in self.callbacks.items() if n not in silent}
        self._failed: set[str] = set()

    def without_writers(self) -> "CallbackList":
        """Returns the same list, in which callbacks for the chief are not called.

        They still determine when hooks are due, because all workers pause at these steps.
        """
        silent = [label for label, each in self.callbacks.items() if each.chief_only]
        return CallbackList(self.callbacks, silent)

    def announce(self, lines: Sequence[str]) -> None:
        """Calls `announce` of all callbacks."""
        for callback in self._called.values():
            callback.announce(lines)

    def notify(self, hook: str, run: RunState, *args: Any) -> None:
        """Calls a hook of all callbacks."""
        for callback in self._called.values():
            getattr(callback, hook)(run, *args)

    def notify_step_end(self, run: RunState) -> None:
        """Calls `on_train_step_end` of the callbacks that are due."""
        for callback in self._called.values():
            if callback.every_n_steps is None or run.step % callback.every_n_steps == 0:
                callback.on_train_step_end(run)

    def listen(self, run: RunState) -> None:
        """Calls `on_event` of all callbacks for events from now on.

        Errors in `on_event` never end a run; they are reported once per callback.
        """
        self._failed.clear()
        run.events.listen(lambda event: self._notify_event(run, event))

    def _notify_event(self, run: RunState, event: Event) -> None:
        for label, callback in self._called.items():
            try:
                callback.on_event(run, event)
            except Exception as error:
                if label not in self._failed:
                    self._failed.add(label)
                    notify(f"{label} failed on an event ({error!r}); training continues")

    def notify_exception(self, run: RunState, error: BaseException) -> None:
        """Calls `on_exception` of every callback, even if others fail."""
        for label, callback in self._called.items():
            try:
                callback.on_exception(run, error)
            except Exception:
                error.add_note(f"{label} also failed:\n{traceback.format_exc()}")

    def steps_until_due(self, step: int) -> int | None:
        """Returns the number of steps until a callback is due; None if no callback is."""
        due = [each.steps_until_due(step) for each in self.callbacks.values()]
        return min((steps for steps in due if steps is not None), default=None)

    @property
    def samples_every_n_steps(self) -> int | None:
        """Number of steps between samples; None if no callback needs any."""
        asked = [each.samples_every_n_steps for each in self.callbacks.values()]
        return min((steps for steps in asked if steps is not None), default=None)

    @property
    def wants_validation_predictions(self) -> bool:
        """Whether any callback needs the predictions for the validation data."""
        return any(each.wants_validation_predictions for each in self.callbacks.values())

    @property
    def saves_checkpoints(self) -> bool:
        """Whether any callback will request checkpoints."""
        return any(each.saves_checkpoints for each in self.callbacks.values())

    def not_resumable(self) -> list[str]:
        """Returns the labels of callbacks whose state can't be saved."""
        return [n for n, each in self.callbacks.items() if not each.is_resumable]

    def uncalled_hooks(self) -> dict[str, Sequence[str]]:
        """Returns the hooks that are never called, by label."""
        listed = self.callbacks.items()
        return {n: each.uncalled_hooks for n, each in listed if each.uncalled_hooks}

    def reset(self) -> None:
        """Clears the state of the previous fit in all callbacks."""
        for callback in self._called.values():
            callback.reset()

    def state_dict(self) -> dict[str, Any]:
        """Returns the state of each callback by label."""
        return {label: each.state_dict() for label, each in self._called.items()}

    def load_state_dict(self, states: Mapping[str, Any]) -> None:
        """Restores the state of each callback; those without saved state start fresh."""
        for label, callback in self._called.items():
            if states.get(label):
                callback.load_state_dict(states[label])


def merge_callbacks(given: Given, defaults: Mapping[str, Callback]) -> CallbackList:
    """Merges a user's callbacks with the default ones.

    Args:
        given: A list of callbacks, whose labels are the class names in snake_case; or a
            dict by label, in which None or False disables a default callback. A callback
            with the label of a default callback replaces it.
        defaults: Default callbacks by label, in order.

    Raises:
        ConfigError: An item is not a callback, or has hooks that are never called or do
            not take the arguments they are called with; or two callbacks write the same
            output.
    """
    named = _label_callbacks(given)
    chosen = {label: each for label, each in defaults.items() if label not in named}
    own = {
        label: as_callback(each)
        for label, each in named.items()
        if each is not None and each is not False
    }
    merged = sorted((chosen | own).items(), key=lambda item: item[1].runs_last)
    _require_one_writer(dict(merged))
    _require_valid_hooks(own)
    return CallbackList(dict(merged))


def _require_valid_hooks(callbacks: Mapping[str, Callback]) -> None:
    """Rejects hooks that would not be called, or would fail when they are.

    Raises:
        ConfigError: There are some; the message has a line for each.
    """
    lines = unknown_hooks(callbacks)
    for each in callbacks.values():
        if isinstance(each, KerasCallback):
            own, base = each.callback, keras.callbacks.Callback
            lines += wrong_signatures(own, base, each.uncalled_hooks)
        else:
            lines += wrong_signatures(each, Callback)
    if lines:
        raise ConfigError("\n".join(lines))


def _require_one_writer(callbacks: Mapping[str, Callback]) -> None:
    """Rejects two callbacks that would write the same output.

    Raises:
        ConfigError: There are two such callbacks.
    """
    labels = defaultdict(list)
    for label, each in callbacks.items():
        labels[each.writes_alone].append(label)
    for written, writers in labels.items():
        if written is not None and len(writers) > 1:
            kind = type(callbacks[writers[0]])
            raise ConfigError(
                message(
                    f"A run can have one {kind.__name__}: it writes {written}.",
                    f"Leave one out, or label yours {writers[0]}, which replaces the "
                    "other.",
                    callbacks=writers,
                )
            )


def _label_callbacks(given: Given) -> dict[str, Any]:
    _require_collection(given)
    if isinstance(given, Mapping):
        named = dict(given)
    else:
        named = {}
        for callback in given or ():
            label = base = default_label(callback)
            number = 2
            while label in named:
                label, number = f"{base}_{number}", number + 1
            named[label] = callback
    for label, callback in named.items():
        if callback is None and label.islower():
            choose("callbacks", label, CALLBACK_CLASSES)
        if not isinstance(callback, Callback | keras.callbacks.Callback | None):
            raise ConfigError(
                message(
                    "Each callback must be an instance of a Keraunos or Keras callback, "
                    "not a class.",
                    f"Write {callback.__name__}(...)."
                    if isinstance(callback, type)
                    else "",
                    **{label: callback},
                )
            )
    return named


def _require_collection(given: Any) -> None:
    """Rejects anything but a collection, such as a single callback.

    Raises:
        ConfigError: `given` is not a collection.
    """
    if given is None or (isinstance(given, Iterable) and not isinstance(given, str)):
        return
    kind = given if isinstance(given, type) else type(given)
    is_callback = issubclass(kind, Callback | keras.callbacks.Callback)
    raise ConfigError(
        message(
            "`callbacks` must be a list of callbacks, or a dict by label.",
            f"Write callbacks=[{kind.__name__}(...)]." if is_callback else "",
            callbacks=given,
        )
    )


def default_label(callback: Any) -> str:
    """Returns the label of a callback that was given without one.

    Example:
        >>> default_label(keras.callbacks.EarlyStopping())
        'keras_early_stopping'
    """
    kind = type(callback)
    name = next((key for key, own in CALLBACK_CLASSES.items() if own is kind), "")
    foreign = "keras_" if isinstance(callback, keras.callbacks.Callback) else ""
    return name or foreign + snake_case(kind.__name__)
