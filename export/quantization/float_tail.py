"""Finds the part of a model that stays in float32 when the rest is quantized.

This is the last layers with weights and all that follows them, such as softmax,
calibration and the mean of several models. They cost almost nothing, and 256 steps would
be too few for them: a probability of 0.001 would become 0.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Node:
    """An operation of a graph, in any format.

    Attributes:
        name: Name for the quantizer of the format.
        inputs: Names of the input tensors.
        outputs: Names of the output tensors.
        has_weights: Whether the operation is a convolution or matrix product.
    """

    name: str
    inputs: Sequence[str]
    outputs: Sequence[str]
    has_weights: bool = False


def float_tail(nodes: Iterable[Node]) -> list[str]:
    """Returns the names of the nodes that no node with weights depends on.

    Args:
        nodes: Nodes in topological order.

    Example:
        >>> float_tail([
        ...     Node("conv", ["images"], ["maps"], has_weights=True),
        ...     Node("mean", ["maps"], ["features"]),
        ...     Node("dense", ["features"], ["logits"], has_weights=True),
        ...     Node("softmax", ["logits"], ["probabilities"]),
        ... ])
        ['dense', 'softmax']
    """
    tail: list[str] = []
    weighed: set[str] = set()  # tensors that a node with weights depends on
    for node in reversed([*nodes]):
        is_weighed = not weighed.isdisjoint(node.outputs)
        if not is_weighed:
            tail.append(node.name)
        if is_weighed or node.has_weights:
            weighed.update(node.inputs)
    return tail[::-1]
