"""Which part of a model stays in float32 where the rest becomes integers.

The last layers with weights, and all that follows them: softmax, a correction of
probabilities, the mean of several models. They cost almost nothing, and 256 steps would
be too few for them: a probability of 0.001 would become 0.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Node:
    """An operation of a graph, whatever its format.

    Attributes:
        name: As its format's quantizer knows it.
        inputs: Names of the tensors that it takes.
        outputs: Names of the tensors that it makes.
        has_weights: Whether it is a convolution, or a product with a matrix.
    """

    name: str
    inputs: Sequence[str]
    outputs: Sequence[str]
    has_weights: bool = False


def float_tail(nodes: Iterable[Node]) -> list[str]:
    """The names of the nodes that no node with weights comes after.

    Args:
        nodes: In an order in which each comes after those that it depends on.

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
