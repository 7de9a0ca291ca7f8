"""States of runs made by hand, so that callbacks are called without training."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helpers import classifier, replicas
from keraunos.callbacks import Callback, CallbackList, RunState
from keraunos.core.bundle import Bundle, read_bundle, write_bundle
from keraunos.models.variables import changing_variables, copy_values
from keraunos.trainer.checkpoint.saver import Saver
from keraunos.trainer.checkpoint.state import put_arrays_back, take_arrays_out

STEPS = 3
SPEED = {
    "learning_rate": 0.1,
    "gradient_norm": 2.5,
    "images_per_second": 1234.5,
    "data_wait_seconds": 0.1,
    "seconds": 2.0,
}


@dataclass
class FakeEngine:
    """Answers callbacks as the loop would, without a device.

    Attributes:
        read_metrics: The training metrics so far.
        try_learning_rates: The losses of a step with each rate.
        trains_on_features: Whether batches are of cached features.
    """

    read_metrics: Callable[[], dict[str, float]] = dict
    try_learning_rates: Callable[[Sequence[float]], list[float]] = lambda rates: [
        1 / (1 + n) for n in range(len(rates))
    ]
    trains_on_features: bool = False


def new_run(engine: FakeEngine | None = None, **values: Any) -> RunState:
    """The state of a run before its first step; epochs have three steps."""
    model = classifier()()
    model.optimizer.build(model.trainable_variables)
    made: dict[str, Any] = {
        "model": model,
        "strategy": replicas(1),
        "max_epochs": 9,
        "steps_per_epoch": STEPS,
        "engine": engine or FakeEngine(),
    }
    return RunState(**{**made, **values})


def end_epoch(run: RunState, *callbacks: Callback, **metrics: float) -> None:
    """Ends an epoch with these metrics, and saves a checkpoint if that is requested."""
    run.step += STEPS
    run.end_epoch(metrics)
    named = CallbackList({f"{n}": each for n, each in enumerate(callbacks)})
    named.notify("on_epoch_end", run)
    if run.save_requested:
        run.save_requested = False
        named.notify("on_checkpoint_saved", run, save(run, named))


def end_fit(run: RunState, *callbacks: Callback) -> None:
    """Ends a fit, and waits for its background jobs."""
    with run.background:
        for each in callbacks:
            each.on_fit_end(run)


def save(run: RunState, callbacks: CallbackList) -> Path | None:
    """Writes a checkpoint of the weights and of the callbacks' states."""

    def capture(run: RunState) -> Bundle:
        states, arrays = take_arrays_out(callbacks.state_dict())
        weights = copy_values(changing_variables(run.model))
        return Bundle(
            {"weights": weights, "callbacks": arrays}, {"state": {"callbacks": states}}
        )

    saver = Saver(capture, lambda run: Bundle())
    saver.save(run)
    return saver.finish()


def fill_weights(run: RunState, value: float) -> None:
    """Gives all weights of a run's model one value."""
    for variable in run.model.weights:
        variable.assign(variable * 0 + value)


def through_a_file(state: dict[str, Any], path: Path) -> dict[str, Any]:
    """Writes a callback's state as a checkpoint does, and reads it again."""
    rest, arrays = take_arrays_out(state)
    write_bundle(path, Bundle({"callbacks": arrays}, {"state": rest}))
    found = read_bundle(path)
    return put_arrays_back(found.documents["state"], found.arrays["callbacks"])
