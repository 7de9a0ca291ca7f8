"""Runs a replica's pass without changing variables, and returns the updates."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from .keras_internals import attached, seed_generators, with_attached
from .replica_pass import Batch, PassResult, ReplicaPass


class Outputs(NamedTuple):
    """The outputs of a detached pass.

    Attributes:
        result: The result of the pass.
        updates: New values of the variables that layers assign, in the order of their first
            assignment.
    """

    result: PassResult
    updates: list[tf.Tensor]


class DetachedPass:
    """Runs a `ReplicaPass`, eagerly or while tracing, without changing variables.

    Updates don't include the state of random generators, which is set before each step.

    Args:
        replica_pass: The pass to run.
        model: The model of that pass.

    Attributes:
        written: The variables that layers assign; empty before the first pass.
    """

    def __init__(self, replica_pass: ReplicaPass, model: keras.Model) -> None:
        self._pass = replica_pass
        self._seeds = {id(each.state) for each in seed_generators(model)}
        # Regularizers look up their variables in the scope only.
        self._trained = {id(each): each.value for each in model.trainable_variables}
        self.written: list[keras.Variable] = []

    def __call__(self, batch: Batch, repeats: tf.Tensor) -> Outputs:
        """Runs the pass; in replica context.

        Raises:
            ValueError: A layer assigns a variable in a branch or a separate function, whose
                values can't be returned.
        """
        scope = _Recording(collect_losses=True)
        scope.state_mapping.update(self._trained)
        with scope:
            result = self._pass(batch, repeats)
        self.written = [v for v in scope.written.values() if id(v) not in self._seeds]
        return Outputs(result, [scope.state_mapping[id(v)] for v in self.written])

    def write(self, updates: Sequence[tf.Tensor]) -> None:
        """Assigns updates to their variables; in replica context."""
        for variable, value in zip(self.written, updates, strict=True):
            variable.assign(value)


class _Recording(keras.StatelessScope):
    """Records assigned variables; rejects assignments in branches and functions."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.written: dict[int, keras.Variable] = {}
        self._graph = tf.compat.v1.get_default_graph()

    def add_update(self, update: tuple[keras.Variable, Any]) -> None:
        variable, _ = update
        graph = tf.compat.v1.get_default_graph()
        if graph is not self._graph and not tf.executing_eagerly():
            raise ValueError(
                f"a layer writes its variable {variable.path!r} in a branch or a separate "
                "tf.function"
            )
        self.written[id(variable)] = variable
        super().add_update(update)


class Packing:
    """Flattens a structure of tensors into a list, and packs such lists again.

    Preserves sparse gradients, and the attributes that Keras attaches to tensors, both of
    which get lost when a `tf.function` or a branch returns them.

    Args:
        structure: Tensors, sparse gradients and None, in any structure.

    Attributes:
        tensors: All tensors, in a fixed order.
    """

    def __init__(self, structure: Any) -> None:
        self._structure = structure
        self._leaves = tf.nest.flatten(structure)
        self.tensors = [tensor for leaf in self._leaves for tensor in _tensors(leaf)]

    def unpack(self, tensors: Sequence[tf.Tensor]) -> Any:
        """Returns the structure with other tensors in place of its own."""
        left = iter(tensors)
        leaves = [_with_tensors(leaf, left) for leaf in self._leaves]
        return tf.nest.pack_sequence_as(self._structure, leaves)


def _tensors(leaf: Any) -> list[tf.Tensor]:
    if leaf is None:
        return []
    if isinstance(leaf, tf.IndexedSlices):
        return [leaf.values, leaf.indices, leaf.dense_shape]
    return [tf.convert_to_tensor(leaf), *attached(leaf)]


def _with_tensors(leaf: Any, tensors: Iterator[tf.Tensor]) -> Any:
    if leaf is None:
        return None
    if isinstance(leaf, tf.IndexedSlices):
        return type(leaf)(next(tensors), next(tensors), next(tensors))
    return with_attached(lambda _: next(tensors), leaf)
