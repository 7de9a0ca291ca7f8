"""A replica's pass that hands out what it would write, and as tensors alone."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from .keras_internals import attached, seed_generators, with_attached
from .replica_pass import Batch, PassResult, ReplicaPass


class Outputs(NamedTuple):
    """What a pass gives.

    Attributes:
        result: Of the pass itself.
        updates: New values of the variables that layers write, in the order in which
            they were written first.
    """

    result: PassResult
    updates: list[tf.Tensor]


class DetachedPass:
    """Runs a `ReplicaPass`, eagerly or while tracing, and changes no variable.

    Random generators are left out of the updates: they are set again for each step.

    Args:
        replica_pass: What to run.
        model: Of that pass.

    Attributes:
        written: The variables that layers write; known once a pass has run.
    """

    def __init__(self, replica_pass: ReplicaPass, model: keras.Model) -> None:
        self._pass = replica_pass
        self._seeds = {id(each.state) for each in seed_generators(model)}
        # Regularisers look for their variables in the scope only.
        self._trained = {id(each): each.value for each in model.trainable_variables}
        self.written: list[keras.Variable] = []

    def __call__(self, batch: Batch, repeats: tf.Tensor) -> Outputs:
        """Runs the pass; in replica context.

        Raises:
            ValueError: A layer writes a variable in a branch or a function of its own,
                so that what it wrote can't be handed out.
        """
        scope = _Recording(collect_losses=True)
        scope.state_mapping.update(self._trained)
        with scope:
            result = self._pass(batch, repeats)
        self.written = [v for v in scope.written.values() if id(v) not in self._seeds]
        return Outputs(result, [scope.state_mapping[id(v)] for v in self.written])

    def write(self, updates: Sequence[tf.Tensor]) -> None:
        """Gives the variables their new values; in replica context."""
        for variable, value in zip(self.written, updates, strict=True):
            variable.assign(value)


class _Recording(keras.StatelessScope):
    """Remembers which variables are written, and refuses where that may not happen."""

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
    """Takes a structure of tensors apart into a flat list, and puts it together again.

    Sparse gradients keep their kind, and tensors what Keras has attached to them: both
    get lost where a `tf.function` or a branch returns them as they are.

    Args:
        structure: Tensors, sparse gradients and None, in any structure.

    Attributes:
        tensors: All of them, in a fixed order.
    """

    def __init__(self, structure: Any) -> None:
        self._structure = structure
        self._leaves = tf.nest.flatten(structure)
        self.tensors = [tensor for leaf in self._leaves for tensor in _tensors(leaf)]

    def unpack(self, tensors: Sequence[tf.Tensor]) -> Any:
        """The structure with other tensors in place of its own."""
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
