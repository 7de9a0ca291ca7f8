"""Finds what depends on how a batch is cut, before the first step on several replicas.

A loss that averages over its batch, a layer that mixes rows, a metric whose state is no
sum: on several replicas each gives other numbers than on one, without an error.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ...core.errors import KeraunosError, OutOfMemoryError, message
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
    """Checks that to cut a batch for several replicas changes nothing.

    The batch has two rows for each replica and one more, so that its parts are not equal.
    Dropout is off, and BatchNorm shares its statistics. Metrics are reset; nothing else
    changes. All workers must call this.

    Args:
        model: What is trained; built and compiled.
        module: May define its own `training_step`.
        strategy: Where it is trained.
        source: What it is trained on.

    Raises:
        ConfigError: Something differs; the message names it.
    """
    num_replicas = strategy.num_replicas_in_sync
    num_rows = 2 * num_replicas + 1
    rows = first_rows(source, num_rows) if num_replicas > 1 else None
    if rows is None:
        return  # nothing is cut; or there are not data, which training refuses
    probe = ReplicaProbe(model, module, strategy)
    try:
        found = probe.everywhere(source.prepare(rows))
    except KeraunosError:
        raise
    except tf.errors.ResourceExhaustedError as error:
        raise OutOfMemoryError(
            message(
                "A device must have memory for the rows that are run both whole and split.",
                "trainer.check_replicas=false skips this check.",
                rows=num_rows,
            )
        ) from error
    except Exception as error:
        error.add_note(
            f"This happened while running {num_rows} rows whole and split, before the "
            "first step. trainer.check_replicas=false skips this check."
        )
        raise
    if found:
        raise refusal(found, num_replicas, num_rows)


class ReplicaProbe:
    """Compares a batch that is run whole with the same one cut for the replicas.

    Args:
        model: Built and compiled.
        module: May define its own `training_step`.
        strategy: In whose scope the model was built.
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
        self._exact = FLOORS[keras.config.floatx()] / 10  # of what sees the same outputs

    def everywhere(self, batch: Batch) -> list[Difference]:
        """What differs on any worker. All must call this."""
        gathered = self._workers.gather(self._differences(batch))
        found = [Difference(*each) for some in gathered for each in some]
        if any(each.remedy == _MIXES_ROWS for each in found):
            self._pass.keeps_layers = True
            firsts = self._workers.gather(self._first_layer(self._run(batch)))
            _, path = min((tuple(each) for each in firsts if each), default=(0, ""))
            found = [_from_layer(path, each) for each in found]
        return found

    def _differences(self, batch: Batch) -> list[Difference]:
        """What differs, except for consequences of what is named already."""
        runs = self._run(batch)
        found = [
            *(list(self._of_predictions(runs)) or self._of_losses(runs)),
            *self._of_variables(runs),
            *self._of_metrics(runs),
        ]
        return found or self._of_gradients(runs)

    def _of_predictions(self, runs: Runs) -> Iterator[Difference]:
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
                expected, noisy = self._own(whole, rows), self._own(other, rows)
                yield from compare(name, _MIXES_ROWS, expected, own, noisy, self._floor)

    def _first_layer(self, runs: Runs) -> tuple[int, str] | None:
        """The first layer whose output differs: how many came before, and its path."""
        for place, path in enumerate(runs.whole.layers):
            whole, other = (leaves(r.layers[path]) for r in (runs.whole, runs.nudged))
            for rows, part in runs.parts:
                own = leaves(part.layers[path])
                if any(
                    differ(self._own(w, rows), o, self._own(n, rows), self._floor)
                    for w, o, n in zip(whole, own, other, strict=True)
                ):
                    return place, path
        return None

    def _own(self, leaf: Any, rows: slice) -> Any:
        """A replica's rows of an output; all of it if it has no row for each."""
        return leaf[rows] if leaf.ndim and len(leaf) == self._run.num_rows else leaf

    def _of_losses(self, runs: Runs) -> Iterator[Difference]:
        """Compiled losses of the same outputs, and what only a pass of the model gives."""
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
                yield from self._compared(compiled, values, self._exact)
        num_compiled = len(cut.given[0][0]) if cut.given else 0
        values = [
            divide(kinds, sums.numerators, sums.denominators)[1 + num_compiled :]
            for sums in (whole, cut, other)
        ]
        yield from self._compared(kinds[num_compiled:], values, self._floor)
        for name, value in whole.values.items():
            sums = value, cut.values[name], other.values[name]
            means = [each / self._run.num_rows for each in sums]
            what = f"{name!r} of training_step"
            yield from compare(what, _LOSS, means[0], means[1], means[2], self._floor)

    def _compared(
        self, kinds: Sequence[Kind], values: Sequence[Any], floor: float
    ) -> Iterator[Difference]:
        for kind, whole, cut, other in zip(kinds, *values, strict=True):
            is_added = kind.name == ADDITIONAL
            what = "what add_loss adds" if is_added else f"loss {kind.name!r}"
            remedy = _ADDED if is_added else _LOSS
            yield from compare(what, remedy, whole, cut, other, floor)

    def _of_metrics(self, runs: Runs) -> Iterator[Difference]:
        whole, other = (self._by_id(run.updates) for run in (runs.whole, runs.nudged))
        own = [self._by_id(each) for each in runs.updates]
        for seen in runs.seen or (None,):
            nudged = seen and self._rounding.nudged(seen, seed=2)
            yield from self._metrics.differences(
                seen, nudged, (whole, own, other), self._exact
            )

    def _by_id(self, updates: Any) -> dict[int, Any]:
        return {id(self._pass.variables[place]): each for place, each in updates.items()}

    def _of_variables(self, runs: Runs) -> Iterator[Difference]:
        of_metrics = {id(each) for each in self._metrics.variables}
        for place in sorted({place for each in runs.updates for place in each}):
            if id(self._pass.variables[place]) not in of_metrics:
                yield from self._of_variable(place, runs)

    def _of_variable(self, place: int, runs: Runs) -> list[Difference]:
        variable = self._pass.variables[place]
        rule = variable.aggregation if isinstance(variable, keras.Variable) else "none"
        kept: Any = (
            value_on_host(variable) if isinstance(variable, keras.Variable) else None
        )
        whole, other = (
            np.asarray(each.updates.get(place, kept)) for each in (runs.whole, runs.nudged)
        )
        values = np.stack([each.get(place, kept) for each in runs.updates])
        # Without a rule each replica keeps its own.
        joined = values if rule == "none" else [JOIN[rule](values, axis=0)]
        name = f"variable {self._pass.names[place]!r}"
        found = (compare(name, _VARIABLE, whole, cut, other, self._floor) for cut in joined)
        return next(filter(None, found), [])

    def _of_gradients(self, runs: Runs) -> list[Difference]:
        """That of the variable in which they are furthest apart.

        All are one large vector: a unit that rounding turns off changes single entries.
        """
        sums = runs.whole.sums, runs.sums, runs.nudged.sums
        gradients = [
            _dense(each) for each in zip(*(s.gradients for s in sums), strict=True)
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


def _from_layer(path: str, difference: Difference) -> Difference:
    """Names the layer from which on outputs differ, if it is known."""
    if not path or difference.remedy != _MIXES_ROWS:
        return difference
    return difference._replace(what=f"{difference.what}, from layer {path!r} on")


def _norm(arrays: Iterable[npt.NDArray[Any]]) -> float:
    return float(np.linalg.norm([np.linalg.norm(each) for each in arrays]))


def _dense(gradients: Sequence[Any]) -> list[npt.NDArray[Any]]:
    """Gradients of one variable as arrays; of sparse ones the rows that any of them has."""
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
