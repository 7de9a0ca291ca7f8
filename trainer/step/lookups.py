"""Determines which entries of a sparse gradient the replicas share.

The gradient of a variable whose rows are looked up, such as that of an `Embedding`, is
sparse, with one entry per index of each lookup. Optimizers that square gradients, and
clipping, use the entries rather than their sum. The sum over replicas must therefore have
the entries that a single device would have:

- A lookup whose number of indices does not depend on the rows of the batch, such as
  `arange(n)` for positions, has as many entries on one device as on each replica. Entries
  of the replicas at the same position are added.
- A lookup with indices for each row, such as tokens, or positions repeated for each row,
  has different entries on each replica. They are concatenated.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import tensorflow as tf

from ...strategies import SharedSlices

# Any two numbers would do; these are divisible, for models that reshape rows into groups.
_NUMBERS_OF_ROWS = (24, 48)
_OTHER_SIZE = 16


def with_lookups_apart(gradient: Any, batch: Any) -> Any:
    """Splits a sparse gradient of a replica by whether its lookups depend on the batch.

    Args:
        gradient: Symbolic gradient of one variable. Dense gradients and None are returned
            unchanged, and so are all in eager execution, where there is no graph.
        batch: The tensors that the gradient was computed from, in any structure.

    Returns:
        For a sparse gradient, a list of `SharedSlices` and `tf.IndexedSlices`.
    """
    if not isinstance(gradient, tf.IndexedSlices) or tf.executing_eagerly():
        return gradient
    lookups = _lookups(gradient.indices)
    sizes = zip(
        *(_infer_sizes(lookups, batch, rows) for rows in _NUMBERS_OF_ROWS), strict=True
    )
    is_shared = [few == many and few is not None for few, many in sizes]
    if len(set(is_shared)) == 1:
        return [
            _slices_class(is_shared[0])(
                gradient.values, gradient.indices, gradient.dense_shape
            )
        ]
    values = tf.split(gradient.values, [tf.size(each) for each in lookups])
    return [
        _slices_class(shared)(own_values, indices, gradient.dense_shape)
        for shared, own_values, indices in zip(is_shared, values, lookups, strict=True)
    ]


def joined(gradients: list[Any]) -> list[Any]:
    """Concatenates the parts of each gradient that `with_lookups_apart` has split."""
    return [
        _concatenate_slices(each) if isinstance(each, list) else each for each in gradients
    ]


def _concatenate_slices(gradient: list[tf.IndexedSlices]) -> tf.IndexedSlices:
    if len(gradient) == 1:
        return gradient[0]
    return tf.IndexedSlices(
        tf.concat([part.values for part in gradient], 0),
        tf.concat([part.indices for part in gradient], 0),
        gradient[0].dense_shape,
    )


def _slices_class(is_shared: bool) -> type[tf.IndexedSlices]:
    return SharedSlices if is_shared else tf.IndexedSlices


def _lookups(indices: tf.Tensor) -> list[tf.Tensor]:
    """Returns the indices of each lookup, which TensorFlow concatenates per variable."""
    if indices.op.type != "ConcatV2":
        return [indices]
    return list(indices.op.inputs)[:-1]


def _infer_sizes(tensors: Sequence[tf.Tensor], batch: Any, rows: int) -> list[int | None]:
    """Infers the number of elements of tensors for a number of rows; None if unknown.

    TensorFlow infers their shapes from a copy of the operations that compute them from the
    batch. Nothing is computed.
    """
    with tf.Graph().as_default():
        given = {each.name: _placeholder(each, rows) for each in _tensors(batch)}
        definition = tf.compat.v1.GraphDef()
        definition.versions.producer = tf.version.GRAPH_DEF_VERSION
        used: set[str] = set()
        for operation in _ancestors(tensors, given):
            if _can_be_copied(operation):
                definition.node.append(_copy(operation))
                used.update(each.name for each in operation.inputs)
            else:
                given |= {each.name: _placeholder(each) for each in operation.outputs}
        computed = [each.name for each in tensors if each.name not in given]
        inputs = {name: each for name, each in given.items() if name in used}
        try:
            copies = tf.graph_util.import_graph_def(definition, inputs, computed)
        except (ValueError, tf.errors.InvalidArgumentError):  # rejects this number of rows
            return [None] * len(tensors)
        found = given | dict(zip(computed, copies, strict=True))
        # Some static shapes are known to Python only; none depends on the rows.
        return [
            found[tensor.name].shape.num_elements() or tensor.shape.num_elements()
            for tensor in tensors
        ]


def _tensors(batch: Any) -> list[tf.Tensor]:
    flat = tf.nest.flatten(batch, expand_composites=True)
    return [each for each in flat if isinstance(each, tf.Tensor)]


def _placeholder(tensor: tf.Tensor, rows: int | None = None) -> tf.Tensor:
    """Creates a placeholder for a tensor, with a given number of rows if not None."""
    shape = tensor.shape
    if rows is not None and shape.rank:
        shape = [rows, *(_OTHER_SIZE if size is None else size for size in shape[1:])]
    return tf.compat.v1.placeholder(tensor.dtype, shape)


def _ancestors(
    tensors: Iterable[tf.Tensor], given: Mapping[str, Any]
) -> Iterator[tf.Operation]:
    """Yields the operations that compute tensors from the given ones."""
    waiting = [tensor.op for tensor in tensors if tensor.name not in given]
    seen: set[str] = set()
    while waiting:
        operation = waiting.pop()
        if operation.name in seen:
            continue
        seen.add(operation.name)
        yield operation
        if _can_be_copied(operation):
            waiting += [each.op for each in operation.inputs if each.name not in given]


def _can_be_copied(operation: tf.Operation) -> bool:
    """Returns whether an operation depends only on its inputs, so that it can be copied."""
    attributes = operation.node_def.attr.values()
    calls_functions = any(each.HasField("func") for each in attributes)
    has_inputs = bool(operation.inputs) and operation.type != "ReadVariableOp"
    return (has_inputs and not calls_functions) or operation.type == "Const"


def _copy(operation: tf.Operation) -> tf.compat.v1.NodeDef:
    node = tf.compat.v1.NodeDef()
    node.CopyFrom(operation.node_def)
    node.device = ""
    node.attr.pop("_class", None)  # constrains device placement
    inputs = [each for each in node.input if not each.startswith("^")]
    del node.input[:]
    node.input.extend(inputs)
    return node
