"""Fingerprints of everything that affects the outputs of a frozen part."""

import hashlib
import warnings
from typing import Any

import keras
import numpy as np

from ..core.array_bytes import bytes_of
from ..core.files import sha256_of_json
from ..core.machine import version_of
from ..core.sealed_file import SEAL_VERSION
from ..models import FrozenPart
from ..models.keras_graph import Node, functional_form, is_of_keras, nodes_in_order
from ..models.variables import value_on_host

FORMAT = (3, SEAL_VERSION)
_PLAIN = (type(None), bool, int, float, str)
# Layers of Keras that run code outside their configuration.
_WITH_CODE = (
    keras.layers.Lambda,
    keras.layers.TFSMLayer,
    keras.layers.JaxLayer,
    keras.layers.FlaxLayer,
    keras.layers.TorchModuleWrapper,
)


def fingerprint_of(frozen: FrozenPart) -> str:
    """Returns the SHA-256 of everything that affects the outputs of a frozen part.

    Names of layers do not count, because Keras numbers some of them per process.
    """
    weights = hashlib.sha256()
    for variable in frozen.model.weights:
        weights.update(bytes_of(value_on_host(variable)))
    versions = [version_of(name) for name in ("keras", "tensorflow")]
    shapes = [list(variable.shape) for variable in frozen.model.weights]
    parts = [_describe_model(frozen.model), dict(frozen.settings), versions]
    return sha256_of_json([FORMAT, weights.hexdigest(), shapes, *parts])


def is_describable(node: Node) -> bool:
    """Returns whether the description of a call covers all that affects its outputs."""
    try:
        with warnings.catch_warnings(action="ignore"):  # about lambdas, which are rejected
            description = [_describe(node.operation), _arguments(node, {})]
    except (TypeError, ValueError, NotImplementedError):
        return False
    return not _names_other_code(description)


def _describe_model(model: keras.Model) -> Any:
    """Describes the graph of a model; if it has none, its layers, given by the module."""
    graph = functional_form(model)
    if graph is not None:
        return _describe_graph(graph)
    return [[type(each).__name__, each.dtype_policy.name] for each in model.layers]


def _describe_graph(graph: Any) -> list[Any]:
    numbers = {id(tensor): place for place, tensor in enumerate(graph.inputs)}
    inputs = [[list(tensor.shape), str(tensor.dtype)] for tensor in graph.inputs]
    operations: dict[int, int] = {}  # an operation called twice has one number
    calls = []
    for node in nodes_in_order(graph):
        is_new = id(node.operation) not in operations
        place = operations.setdefault(id(node.operation), len(operations))
        what = _describe(node.operation) if is_new else None
        calls.append([place, what, _arguments(node, numbers)])
        for tensor in node.outputs:
            numbers[id(tensor)] = len(numbers)
    return [inputs, calls, [numbers[id(tensor)] for tensor in graph.outputs]]


def _describe(operation: Any) -> Any:
    """Describes a layer or operation without its weights."""
    graph = functional_form(operation)
    kind = f"{type(operation).__module__}.{type(operation).__name__}"
    if graph is not None:
        return [operation.dtype_policy.name, _describe_graph(graph)]
    if not is_of_keras(operation) or isinstance(operation, _WITH_CODE):
        return {"module": f"code of {kind}"}
    config = {**operation.get_config(), "name": None}
    return [kind, _without_names(_serialized(config))]


def _arguments(node: Node, numbers: dict[int, int]) -> Any:
    def described(value: Any) -> Any:
        if isinstance(value, keras.KerasTensor):
            return {"tensor": numbers.get(id(value))}
        return _serialized(value)

    return keras.tree.map_structure(described, list(node.arguments))


def _serialized(value: Any) -> Any:
    """Returns a value as JSON values; arrays and tensors become hashes of their content.

    Raises:
        TypeError: The value can't be serialized.
    """
    if type(value) in _PLAIN:  # most are, and `is_tensor` is slower
        return value
    if isinstance(value, dict):
        return {str(name): _serialized(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_serialized(each) for each in value]
    if isinstance(value, np.generic | np.ndarray) or keras.ops.is_tensor(value):
        array = np.asarray(keras.ops.convert_to_numpy(value))
        digest = hashlib.sha256(array.tobytes()).hexdigest()
        return {"array": digest, "shape": list(array.shape), "dtype": str(array.dtype)}
    if isinstance(value, str | int | float):  # of a class derived from these
        return value
    return _serialized(keras.saving.serialize_keras_object(value))


def _without_names(value: Any) -> Any:
    """Removes the names of layers, and whether they would train."""
    if isinstance(value, list):
        return [_without_names(each) for each in value]
    if not isinstance(value, dict):
        return value
    ignored = {"name", "trainable"} if "trainable" in value else set()
    return {k: _without_names(v) for k, v in value.items() if k not in ignored}


def _names_other_code(value: Any) -> bool:
    """Returns whether functions or classes that are not Keras's occur in a description."""
    if isinstance(value, list):
        return any(map(_names_other_code, value))
    if not isinstance(value, dict):
        return False
    module = value.get("module")
    is_other = module is not None and str(module).split(".")[0] != "keras"
    is_function = value.get("class_name") in ("function", "__lambda__")
    return is_other or is_function or any(map(_names_other_code, value.values()))
