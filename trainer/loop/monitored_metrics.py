"""Requires that monitored metrics exist: else a fit would fail after its first epoch."""

from collections.abc import Iterator

from ...callbacks import Callback, CallbackList
from ...core.errors import ConfigError
from ...core.metric_names import UnknownMetricError, unknown_metric
from ...features import Trainee
from ...models import Module
from ..contracts import class_names_of
from ..step.losses import loss_names, overrides_training_step
from ..step.metric_values import read_metrics, with_unique_names
from .epochs import STATISTICS
from .speed import speed_name

# Hooks in which a callback of the user's own may add metrics for those after it.
_ADD_METRICS = ("on_validation_end", "on_epoch_end")


def require_monitored_metrics(
    callbacks: CallbackList, module: Module, trainee: Trainee
) -> None:
    """Compares what callbacks monitor with what an epoch measures. All workers call this.

    Where only the epoch itself tells, as a `training_step`, a `trained_part` or a callback
    of the user's own can add metrics, nothing is checked.

    Raises:
        UnknownMetricError: A metric does not exist; the message has a line for each.
    """
    monitored = {
        name: label
        for label, each in reversed(callbacks.callbacks.items())
        for name in each.monitored_metrics
    }
    if not monitored or _may_add_metrics(callbacks, module):
        return
    known = list(_names(module, trainee))
    errors = [
        unknown_metric(f"callbacks.{label}.monitor", name, known)
        for name, label in reversed(monitored.items())
        if name not in known
    ]
    if errors:
        raise _merge_errors(errors)


def _names(module: Module, trainee: Trainee) -> Iterator[str]:
    model = trainee.model
    for prefix, source in (("", trainee.train), ("val_", trainee.validation)):
        if source is not None:
            names = class_names_of(source)
            metrics = read_metrics(model, model.distribute_strategy, names)
            measured = [*loss_names(model, module), *metrics]
            for name in with_unique_names((each, 0.0) for each in measured):
                yield prefix + name
    yield from (name for name in STATISTICS if not name.endswith("_per_second"))
    yield speed_name(trainee.train)


def _may_add_metrics(callbacks: CallbackList, module: Module) -> bool:
    kind = type(module)
    return (
        overrides_training_step(module)
        or kind.trained_part is not Module.trained_part
        or any(_is_custom_with_hooks(each) for each in callbacks.callbacks.values())
    )


def _is_custom_with_hooks(callback: Callback) -> bool:
    hooks = (getattr(type(callback), hook) for hook in _ADD_METRICS)
    return not all(hook.__module__.startswith("keraunos.") for hook in hooks)


def _merge_errors(errors: list[UnknownMetricError]) -> ConfigError:
    joined = UnknownMetricError("\n".join(map(str, errors)))
    joined.metric, joined.known = errors[0].metric, errors[0].known
    return joined
