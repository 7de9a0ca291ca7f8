"""A model made of models as one list of calls, from its images to its outputs.

A tensor inside a nested model belongs to its own graph, from which Keras can make no
model that leads to the outputs of the outer one ("graph disconnected"). Here the layers of
all graphs are called one after another on tensors, so that each tensor is within reach.
"""

import functools
import inspect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from ...models.keras_graph import Node, functional_form, nodes_in_order
from ...models.table_inputs import is_beside_columns

Values = dict[int, Any]


class NoGraphError(Exception):
    """A model has no graph that could be followed; says why."""


@dataclass(frozen=True)
class Slot:
    """Where the value of a tensor stands among all values of a graph."""

    number: int


@dataclass(frozen=True, eq=False)
class Call:
    """One call of a layer or operation.

    Attributes:
        path: Names of the models around it and its own, such as `"resnet50/conv1_conv"`.
        operation: What is called.
        arguments: Positional and keyword arguments, with a `Slot` for each tensor.
        inputs: Numbers of the slots among them.
        outputs: Numbers of the slots that it fills.
    """

    path: str
    operation: Any
    arguments: tuple[Any, Any]
    inputs: Sequence[int]
    outputs: Sequence[int]


class FlatGraph:
    """The calls of a functional or sequential model and of all such models inside it.

    Args:
        model: Takes one image tensor, and columns of a table beside it; returns one tensor.

    Attributes:
        calls: Each after those whose outputs it takes.
        tensors: The symbolic tensor of each slot, with shape and dtype.
        named: The last call by path and by plain name; that of a nested model is the
            call that returns its output.
        input: The slot of the images.
        columns: The slots of the columns, in the order of the model's inputs.
        output: The slot of what the model returns.

    Raises:
        NoGraphError: The model is of another kind.

    Example:
        >>> layers = [keras.Input((4, 4, 3)), keras.layers.Flatten(name="flat")]
        >>> [call.path for call in FlatGraph(keras.Sequential(layers)).calls]
        ['flat']
    """

    def __init__(self, model: keras.Model) -> None:
        graph = functional_form(model)
        if graph is None:
            raise NoGraphError("the model is neither functional nor sequential")
        has_one_image = len(graph.inputs) == 1 or is_beside_columns(model)
        if not has_one_image or len(graph.outputs) != 1:
            raise NoGraphError("the model has several inputs or outputs")
        if graph.inputs[0].shape[0] is not None:
            raise NoGraphError("the model takes batches of one size only")
        self.calls: list[Call] = []
        self.tensors: list[keras.KerasTensor] = []
        self.named: dict[str, Call] = {}
        self.input, *self.columns = map(self._new_slot, graph.inputs)
        (self.output,) = self._inline(graph, [self.input, *self.columns], "")

    def run(self, calls: Iterable[Call], values: Values) -> Values:
        """Runs calls as in inference.

        Args:
            calls: Some of those of the graph, in its order.
            values: Tensors by slot, with all that the calls take from others.

        Returns:
            These values and those that the calls return.
        """
        values = dict(values)
        for call in calls:
            args, kwargs = keras.tree.map_structure(
                lambda leaf: values[leaf.number] if isinstance(leaf, Slot) else leaf,
                call.arguments,
            )
            outputs = keras.tree.flatten(call.operation(*args, **kwargs))
            values.update(zip(call.outputs, outputs, strict=True))
        return values

    def behind(self, call: Call) -> list[Call]:
        """The calls that depend on the outputs of one."""
        reached, found = set(call.outputs), []
        for each in self.calls:
            if reached.intersection(each.inputs):
                found.append(each)
                reached.update(each.outputs)
        return found

    def is_bypassed(self, call: Call) -> bool:
        """Whether another way leads from the images to the outputs."""
        reached = {self.input}
        for each in self.calls:
            if each is not call and reached.intersection(each.inputs):
                reached.update(each.outputs)
        return self.output in reached

    def _new_slot(self, tensor: keras.KerasTensor) -> int:
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def _inline(self, graph: Any, inputs: Sequence[int], prefix: str) -> list[int]:
        """Adds the calls of a graph; returns the slots of its outputs."""
        slots = {
            id(own): self._cast(slot, own.dtype, prefix)
            for own, slot in zip(graph.inputs, inputs, strict=True)
        }
        for node in nodes_in_order(graph):
            path = f"{prefix}{node.operation.name}"
            inner = _graph_within(node)
            if inner is None:
                filled = self._add(node, slots, path)
            else:
                filled = self._inline(inner, [slots[id(node.inputs[0])]], f"{path}/")
                self._note_nested(path, filled, node.outputs)
            slots.update(zip(map(id, node.outputs), filled, strict=True))
        return [slots[id(tensor)] for tensor in graph.outputs]

    def _add(self, node: Node, slots: dict[int, int], path: str) -> Sequence[int]:
        def as_slot(leaf: Any) -> Any:
            is_tensor = isinstance(leaf, keras.KerasTensor)
            return Slot(slots[id(leaf)]) if is_tensor else leaf

        args, kwargs = keras.tree.map_structure(as_slot, node.arguments)
        if _takes_training(node.operation):
            kwargs = {**kwargs, "training": False}
        inputs = [slots[id(tensor)] for tensor in node.inputs]
        outputs = [self._new_slot(tensor) for tensor in node.outputs]
        self._append(Call(path, node.operation, (args, kwargs), inputs, outputs))
        return outputs

    def _cast(self, slot: int, dtype: str, path: str) -> int:
        """A nested model casts what it is given to the dtype of its inputs."""
        tensor = self.tensors[slot]
        if tensor.dtype == dtype:
            return slot
        cast = functools.partial(keras.ops.cast, dtype=dtype)
        filled = self._new_slot(keras.KerasTensor(tensor.shape, dtype))
        self._append(Call(f"{path}cast", cast, ((Slot(slot),), {}), [slot], [filled]))
        return filled

    def _append(self, call: Call) -> None:
        self.calls.append(call)
        self.named[call.path.rpartition("/")[2]] = self.named[call.path] = call

    def _note_nested(
        self, path: str, slots: Sequence[int], tensors: Sequence[keras.KerasTensor]
    ) -> None:
        """Keeps the shapes of a nested model's outputs as the outer one knows them."""
        for slot, tensor in zip(slots, tensors, strict=True):
            self.tensors[slot] = tensor
        makers = [call for call in self.calls if slots[0] in call.outputs]
        for name in (path, path.rpartition("/")[2]) if makers else ():
            self.named[name] = makers[-1]


def _graph_within(node: Node) -> Any:
    """The graph of a nested model that takes the only input of its call as it is."""
    graph = functional_form(node.operation)
    if graph is None or len(graph.inputs) != 1 or len(node.inputs) != 1:
        return None
    others = {**node.arguments[1], "training": None}
    is_plain = all(value is None for value in others.values())
    same_rank = len(graph.inputs[0].shape) == len(node.inputs[0].shape)
    return graph if is_plain and same_rank else None


def _takes_training(operation: Any) -> bool:
    if not isinstance(operation, keras.Layer):
        return False
    return "training" in inspect.signature(operation.call).parameters
