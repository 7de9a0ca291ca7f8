"""Groups the variables of a model by block, from input to output."""

from collections.abc import Sequence

import keras
import numpy as np

from .stages import find_stages


class Blocks:
    """Groups variables by the block of a model that they belong to.

    A block is a stage found by `find_stages`, or a layer if it finds none. Variables
    outside of blocks form another one with the name of the model.

    Args:
        model: The model, built.
        variables: The variables to group.

    Attributes:
        names: Names of the blocks with variables, from input to output.

    Example:
        >>> model = keras.Sequential([
        ...     keras.Input((4,)), keras.layers.Dense(3, name="first"),
        ...     keras.layers.Dense(2, name="last")])
        >>> blocks = Blocks(model, model.trainable_variables)
        >>> blocks.names
        ['stem', 'head']
        >>> blocks.lengths([3.0, 4.0, 0.0, 2.0])
        {'stem': 5.0, 'head': 2.0}
    """

    def __init__(self, model: keras.Model, variables: Sequence[keras.Variable]) -> None:
        stages = find_stages(model)
        parts = (
            [(layer.name, [layer]) for layer in model.layers]
            if stages is None
            else [(stage.name, stage.layers) for stage in stages]
        )
        of = {
            id(w): name for name, layers in parts for each in layers for w in each.weights
        }
        self._of = [of.get(id(each), model.name) for each in variables]
        order = [*dict.fromkeys(name for name, _ in parts), model.name]
        self.names = sorted(set(self._of), key=order.index)

    def lengths(self, of_variables: Sequence[float]) -> dict[str, float]:
        """Computes the norm of each block from the norms of the variables."""
        squares = dict.fromkeys(self.names, 0.0)
        for name, length in zip(self._of, of_variables, strict=True):
            squares[name] += float(length) ** 2
        return {name: float(np.sqrt(square)) for name, square in squares.items()}
