"""Checks before the first step that results don't depend on the number of replicas.

A loss that averages over its batch, a layer that mixes rows, and a metric whose state is
not a sum give different results on several replicas than on one, without an error.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ...core.errors import KeraunosError, OutOfMemoryError, message
from ...core.suggestion import Suggestion
from ...models import Module
from ...models.variables import value_on_host
from ...strategies import workers_of
from ..contracts import BatchSource
from ..step.losses import ADDITIONAL, Kind, divide
from ..step.metric_values import JOIN
from .differences import Difference, compare, difference, refusal
from .first_rows import first_rows
from .metric_probe import MetricProbe
from .one_pass import Batch, OnePass
from .plain_variables import PlainVariables
from .probe_runs import ProbeRuns, Runs, leaves
from .rounding import FLOORS, SAFETY, Rounding, differ
from .same_rows import require_same_rows

_MIXES_ROWS = (
    "The outputs of a model for a row must depend on that row alone; where rows interact, "
    "gather them: tf.distribute.get_replica_context().all_gather(rows, axis=0)."
)
_DRAWS = (
    "A model must draw random numbers with keras.random or tf.random, which can be fixed "
    "for this check."
)
_LOSS = (
    "A loss must have a value for each row that depends on that row alone: return it from "
    "the loss function, or from Module.training_step."
)
_ADDED = "The argument of add_loss must be a mean over rows, as computed by keras.ops.mean."
_VARIABLE = (
    "The state of a layer must not depend on which rows it sees: keep sums in a "
    "keras.metrics.Metric of the layer, or sum over all replicas first: "
    'tf.distribute.get_replica_context().all_reduce("sum", values).'
)
_GRADIENT = "Gradients must be sums over rows: check tf.custom_gradient."


def check_replicas(
    model: keras.Model,
    module: Module,
    strategy: tf.distribute.Strategy,
    source: BatchSource,
) -> None:
    """Checks that splitting a batch between replicas does not change results.

    The batch has two rows per replica and one more, so that its parts differ in size.
    Dropout is off, and BatchNorm synchronizes its statistics. Metrics are reset; nothing
    else changes. All workers must call this.

    Args:
        model: The model to train, built and compiled.
        module: The module, which may define its own `training_step`.
        strategy: The strategy to train with.
        source: The training batches.

    Raises:
        ConfigError: Results differ, or workers read different rows; lists them.
        OutOfMemoryError: The memory of a device does not suffice for the check.
    """
    num_replicas = strategy.num_replicas_in_sync
    num_rows = 2 * num_replicas + 1
    rows = first_rows(source, num_rows) if num_replicas > 1 else None
    if rows is None:
        return  # one replica, or no data, for which training raises an error
    probe = ReplicaProbe(model, module, strategy)
    try:
        found = probe.differences_on_all_workers(source.prepare(rows))
    except KeraunosError:
        raise
    except tf.errors.ResourceExhaustedError as error:
        raise OutOfMemoryError(
            message(
                "The rows that are run whole and split must fit into a device's memory.",
                rows=num_rows,
            ),
            Suggestion("", {"trainer.check_replicas": False}, "skips this check."),
        ) from error
    except Exception as error:
        error.add_note(
            f"This happened while running {num_rows} rows whole and split, before the "
            "first step. To skip this check, switch trainer.check_replicas off."
        )
        raise
    if found:
        require_same_rows(workers_of(strategy), rows)
        raise refusal(found, num_replicas, num_rows)


class ReplicaProbe:
    """Compares the results of a batch run whole and split between replicas.

    Args:
        model: The model, built and compiled.
        module: The module, which may define its own `training_step`.
        strategy: The strategy in whose scope the model was built.
    """

    def __init__(
        self, model: keras.Model, module: Module, strategy: tf.distribute.Strategy
    ) -> None:
        self._model = model
        self._workers = workers_of(strategy)
        self._metrics = MetricProbe(model, strategy)
        plain = PlainVariables(model, strategy)
        self._pass = OnePass(model, module, plain.by_name)
        self._rounding = Rounding(model)
        self._run = ProbeRuns(model, strategy, self._pass, plain, self._rounding)
        self._floor = FLOORS[self._rounding.dtype]
        self._exact = FLOORS[keras.config.floatx()] / 10  # for results of the same outputs

    def differences_on_all_workers(self, batch: Batch) -> list[Difference]:
        """Returns the differences on all workers. All workers must call this."""
        gathered = self._workers.gather(self._differences(batch))
        found = [Difference(*each) for some in gathered for each in some]
        if any(each.remedy == _MIXES_ROWS for each in found):
            self._pass.keeps_layers = True
            firsts = self._workers.gather(self._first_layer(self._run(batch)))
            _, path = min((tuple(each) for each in firsts if each), default=(0, ""))
            found = [_add_first_layer(path, each) for each in found]
        return found

    def _differences(self, batch: Batch) -> list[Difference]:
        """Returns differences, except for those that follow from one already found."""
        runs = self._run(batch)
        found = [
            *(list(self._compare_predictions(runs)) or self._compare_losses(runs)),
            *self._compare_variables(runs),
            *self._compare_metrics(runs),
        ]
        return found or self._compare_gradients(runs)

    def _compare_predictions(self, runs: Runs) -> Iterator[Difference]:
        wholes, repeated, others = (
            leaves(each.predictions) for each in (runs.whole, runs.repeated, runs.nudged)
        )
        for number, (whole, again, other) in enumerate(
            zip(wholes, repeated, others, strict=True)
        ):
            name = f"output {number} of the model" if number else "the output of the model"
            yield from compare(name, _DRAWS, whole, again, whole, self._floor)
            for rows, part in runs.parts:
                own = leaves(part.predictions)[number]
                expected, noisy = self._own_rows(whole, rows), self._own_rows(other, rows)
                yield from compare(name, _MIXES_ROWS, expected, own, noisy, self._floor)

    def _first_layer(self, runs: Runs) -> tuple[int, str] | None:
        """Returns the index and path of the first layer whose output differs."""
        for place, path in enumerate(runs.whole.layers):
            whole, other = (leaves(r.layers[path]) for r in (runs.whole, runs.nudged))
            for rows, part in runs.parts:
                own = leaves(part.layers[path])
                if any(
                    differ(self._own_rows(w, rows), o, self._own_rows(n, rows), self._floor)
                    for w, o, n in zip(whole, own, other, strict=True)
                ):
                    return place, path
        return None

    def _own_rows(self, leaf: Any, rows: slice) -> Any:
        """Returns a replica's rows of an output, or all of an output without rows."""
        return leaf[rows] if leaf.ndim and len(leaf) == self._run.num_rows else leaf

    def _compare_losses(self, runs: Runs) -> Iterator[Difference]:
        """Compares compiled losses for the same outputs, then other losses and values."""
        kinds, whole, cut, other = (
            self._pass.kinds,
            runs.whole.sums,
            runs.sums,
            runs.nudged.sums,
        )
        for given, parts in zip(runs.given, cut.given, strict=True):
            compiled = kinds[: len(given[0])]
            if compiled:
                values = [divide(compiled, *sums)[1:] for sums in (given, parts, given)]
                yield from self._compare_loss_values(compiled, values, self._exact)
        num_compiled = len(cut.given[0][0]) if cut.given else 0
        values = [
            divide(kinds, sums.numerators, sums.denominators)[1 + num_compiled :]
            for sums in (whole, cut, other)
        ]
        yield from self._compare_loss_values(kinds[num_compiled:], values, self._floor)
        for name, value in whole.values.items():
            sums = value, cut.values[name], other.values[name]
            means = [each / self._run.num_rows for each in sums]
            what = f"{name!r} of training_step"
            yield from compare(what, _LOSS, means[0], means[1], means[2], self._floor)

    def _compare_loss_values(
        self, kinds: Sequence[Kind], values: Sequence[Any], floor: float
    ) -> Iterator[Difference]:
        for kind, whole, cut, other in zip(kinds, *values, strict=True):
            is_added = kind.name == ADDITIONAL
            what = "the loss of add_loss" if is_added else f"loss {kind.name!r}"
            remedy = _ADDED if is_added else _LOSS
            yield from compare(what, remedy, whole, cut, other, floor)

    def _compare_metrics(self, runs: Runs) -> Iterator[Difference]:
        whole, other = (
            self._updates_by_variable(run.updates) for run in (runs.whole, runs.nudged)
        )
        own = [self._updates_by_variable(each) for each in runs.updates]
        for seen in runs.seen or (None,):
            nudged = seen and self._rounding.nudged(seen, seed=2)
            yield from self._metrics.differences(
                seen, nudged, (whole, own, other), self._exact
            )

    def _updates_by_variable(self, updates: Any) -> dict[int, Any]:
        return {id(self._pass.variables[place]): each for place, each in updates.items()}

    def _compare_variables(self, runs: Runs) -> Iterator[Difference]:
        of_metrics = {id(each) for each in self._metrics.variables}
        for place in sorted({place for each in runs.updates for place in each}):
            if id(self._pass.variables[place]) not in of_metrics:
                yield from self._compare_variable(place, runs)

    def _compare_variable(self, place: int, runs: Runs) -> list[Difference]:
        variable = self._pass.variables[place]
        rule = variable.aggregation if isinstance(variable, keras.Variable) else "none"
        kept: Any = (
            value_on_host(variable) if isinstance(variable, keras.Variable) else None
        )
        whole, other = (
            np.asarray(each.updates.get(place, kept)) for each in (runs.whole, runs.nudged)
        )
        values = np.stack([each.get(place, kept) for each in runs.updates])
        # Without aggregation, each replica keeps its own value.
        joined = values if rule == "none" else [JOIN[rule](values, axis=0)]
        name = f"variable {self._pass.names[place]!r}"
        found = (compare(name, _VARIABLE, whole, cut, other, self._floor) for cut in joined)
        return next(filter(None, found), [])

    def _compare_gradients(self, runs: Runs) -> list[Difference]:
        """Returns the difference for the variable whose gradients differ most.

        Gradients are compared as one vector, since a ReLU that rounding turns off changes
        single entries by much.
        """
        sums = runs.whole.sums, runs.sums, runs.nudged.sums
        gradients = [
            _as_arrays(each) for each in zip(*(s.gradients for s in sums), strict=True)
        ]
        apart = [float(np.linalg.norm(cut - whole)) for whole, cut, _ in gradients]
        noise = _norm(other - whole for whole, _, other in gradients)
        norm = _norm(whole for whole, _, _ in gradients)
        allowed = self._floor * norm + SAFETY * noise
        if not np.isfinite(allowed) or np.linalg.norm(apart) <= allowed:
            return []
        furthest = int(np.argmax(apart))
        name = f"gradient of {self._model.trainable_variables[furthest].path!r}"
        return [difference(name, _GRADIENT, *gradients[furthest][:2])]


def _add_first_layer(path: str, difference: Difference) -> Difference:
    """Adds the first layer whose outputs differ to a difference, if it is known."""
    if not path or difference.remedy != _MIXES_ROWS:
        return difference
    return difference._replace(what=f"{difference.what}, starting with layer {path!r}")


def _norm(arrays: Iterable[npt.NDArray[Any]]) -> float:
    return float(np.linalg.norm([np.linalg.norm(each) for each in arrays]))


def _as_arrays(gradients: Sequence[Any]) -> list[npt.NDArray[Any]]:
    """Converts gradients of a variable to arrays; sparse ones to the rows they have."""
    if not all(isinstance(each, tf.IndexedSlices) for each in gradients):
        return [
            np.zeros(()) if each is None else np.asarray(tf.convert_to_tensor(each))
            for each in gradients
        ]
    rows, places = np.unique(
        np.concatenate([each.indices for each in gradients]), return_inverse=True
    )
    ends = np.cumsum([len(each.indices) for each in gradients])[:-1]
    return [
        np.asarray(tf.math.unsorted_segment_sum(each.values, own, len(rows)))
        for each, own in zip(gradients, np.split(places, ends), strict=True)
    ]
