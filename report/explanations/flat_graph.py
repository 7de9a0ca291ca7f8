"""Flattens a model with nested models to one list of calls.

A tensor inside a nested model belongs to that model's graph; Keras can't create a model
from it to the outputs of the outer model ("graph disconnected"). Calling the layers of all
graphs one after another on tensors makes each tensor accessible.
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
    """A model has no suitable graph; the message says why."""


@dataclass(frozen=True)
class Slot:
    """Reference to the value of a tensor among all values of a graph."""

    number: int


@dataclass(frozen=True, eq=False)
class Call:
    """One call of a layer or operation.

    Attributes:
        path: Its name, with the names of enclosing models: `"resnet50/conv1_conv"`.
        operation: The called layer or operation.
        arguments: Positional and keyword arguments, with a `Slot` for each tensor.
        inputs: Numbers of the slots among the arguments.
        outputs: Numbers of the slots of the outputs.
    """

    path: str
    operation: Any
    arguments: tuple[Any, Any]
    inputs: Sequence[int]
    outputs: Sequence[int]


class FlatGraph:
    """The calls of a functional or sequential model, including nested models.

    Args:
        model: Model with one image input, optional inputs of table columns, and one output.

    Attributes:
        calls: The calls in topological order.
        tensors: The symbolic tensor of each slot, with shape and dtype.
        named: The last call by path and by plain name; for a nested model, the call that
            returns its output.
        input: The slot of the images.
        columns: The slots of the table columns, in the order of the model's inputs.
        output: The slot of the output.

    Raises:
        NoGraphError: The model has another structure.

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
        """Runs calls in inference mode.

        Args:
            calls: Some calls of the graph, in order.
            values: Tensors by slot, including all inputs of the calls from other calls.

        Returns:
            These values and the outputs of the calls.
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
        """Returns the calls that depend on the outputs of a call."""
        reached, found = set(call.outputs), []
        for each in self.calls:
            if reached.intersection(each.inputs):
                found.append(each)
                reached.update(each.outputs)
        return found

    def is_bypassed(self, call: Call) -> bool:
        """Returns whether a path from the images to the output avoids a call."""
        reached = {self.input}
        for each in self.calls:
            if each is not call and reached.intersection(each.inputs):
                reached.update(each.outputs)
        return self.output in reached

    def _new_slot(self, tensor: keras.KerasTensor) -> int:
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def _inline(self, graph: Any, inputs: Sequence[int], prefix: str) -> list[int]:
        """Adds the calls of a graph, and returns the slots of its outputs."""
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
        """Adds the cast to the input dtype that a nested model performs."""
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
        """Records the outputs of a nested model with their shapes in the outer model."""
        for slot, tensor in zip(slots, tensors, strict=True):
            self.tensors[slot] = tensor
        makers = [call for call in self.calls if slots[0] in call.outputs]
        for name in (path, path.rpartition("/")[2]) if makers else ():
            self.named[name] = makers[-1]


def _graph_within(node: Node) -> Any:
    """Returns the graph of a nested model with an unchanged single input, or None."""
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
