"""Checks a SavedModel: its operations, and the objects that loading creates.

A TensorFlow graph is a program. Loading it runs some of its functions, and predicting runs
the others.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .operations import COMPUTING, SAVING
from .refusal import refusal

_GRAPH = "saved_model.pb"
_FILES = {_GRAPH, "fingerprint.pb", "variables/variables.index"}
_WEIGHTS = "variables/variables.data-"
_FUNCTIONS_THAT_SAVE = ("__inference__traced_save_", "__inference__traced_restore_")
_NAMES_OF_WHAT_IT_REPLACES = {"_implements", "api_implements"}
_OBJECTS = {
    "_generic_user_object",
    "signature_map",
    *(f"trackable_{kind}_wrapper" for kind in ("dict", "list", "tuple")),
}
_KINDS = {
    "bare_concrete_function",
    "captured_tensor",
    "constant",
    "function",
    "user_object",
    "variable",
}
_REGISTERED = {"", "tf.TrackableConstant"}


def require_harmless(directory: Path) -> None:
    """Checks that a SavedModel only computes.

    Raises:
        ModelFileError: It has other files, operations or objects.
    """
    from tensorflow.core.protobuf import saved_model_pb2

    _require_files(directory)
    model = saved_model_pb2.SavedModel()
    model.ParseFromString((directory / _GRAPH).read_bytes())
    if not len(model.meta_graphs):
        raise refusal(directory, "has no graph", _GRAPH)
    for graph in model.meta_graphs:
        _require_operations(directory, graph)
        _require_objects(directory, graph)


def _require_files(directory: Path) -> None:
    files = [each for each in directory.rglob("*") if not each.is_dir()]
    names = [each.relative_to(directory).as_posix() for each in files]
    other = [n for n in names if n not in _FILES and not n.startswith(_WEIGHTS)]
    if other:
        raise refusal(directory, "has files other than its weights", *other)


def _require_operations(directory: Path, graph: Any) -> None:
    saving = {
        function.signature.name
        for function in graph.graph_def.library.function
        if function.signature.name.startswith(_FUNCTIONS_THAT_SAVE)
    }
    found = {node.op for node in graph.graph_def.node} - COMPUTING
    for function in graph.graph_def.library.function:
        name = function.signature.name
        operations = {node.op for node in function.node_def} - COMPUTING
        found |= operations - SAVING if name in saving else operations
        called = {
            each for node in function.node_def for each in _called_functions(node)
        } & saving
        found |= {f"a call of {each}" for each in called}
        if name in saving and function.attr.keys() & _NAMES_OF_WHAT_IT_REPLACES:
            found.add(f"a replacement by {name}")
    named = saving & set(graph.object_graph_def.concrete_functions)
    found |= {f"a call of {name}" for name in named}
    if found:
        raise refusal(directory, "has operations that could do more", *sorted(found))


def _called_functions(node: Any) -> Iterator[str]:
    """Yields the names of the functions that a node calls."""
    for value in node.attr.values():
        yield from (each.name for each in (value.func, *value.list.func) if each.name)


def _require_objects(directory: Path, graph: Any) -> None:
    """Checks the kinds of objects that TensorFlow creates; some others open files."""
    found = []
    for node in graph.object_graph_def.nodes:
        kind = node.WhichOneof("kind") or "nothing"
        registered = {node.registered_name, node.registered_saver} - _REGISTERED
        identifier = node.user_object.identifier
        is_known = kind != "user_object" or identifier in _OBJECTS
        if kind not in _KINDS or registered or not is_known:
            found.append(", ".join(registered) or identifier or kind)
    if graph.asset_file_def:
        found.append("files next to it")
    if not len(graph.object_graph_def.nodes):
        found.append("the format of TensorFlow 1")
    if found:
        raise refusal(directory, "has objects that could do more", *sorted(set(found)))
