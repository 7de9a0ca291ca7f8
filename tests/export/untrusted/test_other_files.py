"""ONNX, LiteRT and OpenVINO files that could do more than compute are rejected."""

from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import onnx
import pytest
from ai_edge_litert import schema_py_generated as schema
from keraunos.export.portable.fields import ModelFileError
from keraunos.export.untrusted.checks import require_harmless
from onnx import TensorProto, helper, numpy_helper

VALUE = helper.make_tensor_value_info
NET = """<?xml version="1.0"?><net name="m" version="11"><layers>{}</layers></net>"""
LAYER = '<layer id="0" name="a" type="{}" version="{}"><data offset="0" size="4"/></layer>'


def refused(format: str, file: Path, words: str) -> None:
    with pytest.raises(ModelFileError, match=words):
        require_harmless(format, file)


def graph(node: Any, *tensors: Any) -> Any:
    inputs = [VALUE("images", TensorProto.FLOAT, [1])]
    outputs = [VALUE("probabilities", TensorProto.FLOAT, [1])]
    return helper.make_graph([node], "g", inputs, outputs, tensors)


def model(graph: Any, functions: Any = ()) -> Any:
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    return helper.make_model(graph, functions=functions, opset_imports=opsets)


def elsewhere() -> Any:
    tensor = numpy_helper.from_array(np.ones(1, np.float32), "weight")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../secret")
    return tensor


def add(*more: Any) -> Any:
    return helper.make_node("Add", ["images", "weight"], ["probabilities"], *more)


def branch(inner: Any, *tensors: Any) -> Any:
    """Returns a graph with a nested branch."""
    result = VALUE("r", TensorProto.FLOAT, [1])
    for _ in range(2):
        body = helper.make_graph([inner], "b", [], [result], tensors)
        inner = helper.make_node("If", ["c"], ["r"], then_branch=body, else_branch=body)
        tensors = ()
    return graph(inner)


def own_function(inner: Any) -> Any:
    opsets = [helper.make_opsetid("", 17)]
    return helper.make_function("own", "Twice", ["x"], ["y"], [inner], opsets)


CALL = helper.make_node("Twice", ["images"], ["probabilities"], domain="own")
CONTEXT = helper.make_node("EPContext", ["images"], ["r"], domain="com.microsoft")
CONSTANT = helper.make_node("Constant", [], ["r"], value=elsewhere())
QUANTIZED = helper.make_node("QLinearAdd", ["images"], ["r"], domain="com.microsoft")


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (model(graph(add(), elsewhere())), "in other files: weight"),
        (model(branch(CONSTANT)), "in other files"),
        (model(branch(add(), elsewhere())), "in other files"),
        (model(graph(CALL), [own_function(CONSTANT)]), "in other files"),
        (model(graph(CALL)), "not standard: own Twice"),
        (model(branch(CONTEXT)), "not standard: com.microsoft EPContext"),
        (model(graph(CALL), [own_function(CONTEXT)]), "not standard"),
    ],
)
def test_onnx_files_with_external_data_or_custom_operations_are_rejected(
    tmp_path, made, words
):
    file = tmp_path / "model.onnx"
    file.write_bytes(made.SerializeToString())
    refused("onnx", file, words)


def test_onnx_would_read_external_data_without_the_check(tmp_path):
    (tmp_path / "secret").write_bytes(np.float32(7).tobytes())
    made = model(graph(add(), elsewhere()))
    made.graph.initializer[0].external_data[0].value = "secret"
    made.graph.initializer[0].ClearField("raw_data")
    file = tmp_path / "model.onnx"
    file.write_bytes(made.SerializeToString())
    refused("onnx", file, "in other files")
    loaded = onnx.load(file)
    assert numpy_helper.to_array(loaded.graph.initializer[0]) == 7


@pytest.mark.parametrize(
    "made",
    [
        model(graph(add(), numpy_helper.from_array(np.ones(1, np.float32), "weight"))),
        model(graph(CALL), [own_function(helper.make_node("Add", ["x", "x"], ["y"]))]),
        model(branch(QUANTIZED)),
    ],
)
def test_safe_onnx_files_pass(tmp_path, made):
    (tmp_path / "model.onnx").write_bytes(made.SerializeToString())
    require_harmless("onnx", tmp_path / "model.onnx")


def litert(tmp_path: Path, code: Any = None, **parts: Any) -> Path:
    made = schema.ModelT()
    made.version = 3
    made.operatorCodes = [code or builtin(0)]
    for name, part in parts.items():
        setattr(made, name, part)
    builder = flatbuffers.Builder()
    builder.Finish(made.Pack(builder), b"TFL3")
    file = tmp_path / "model.tflite"
    file.write_bytes(bytes(builder.Output()))
    return file


def builtin(number: int, custom: str | None = None) -> Any:
    code = schema.OperatorCodeT()
    code.builtinCode, code.deprecatedBuiltinCode = number, min(number, 127)
    code.customCode = custom
    return code


def test_litert_file_allows_only_builtin_operations_and_internal_weights(tmp_path):
    require_harmless("litert", litert(tmp_path))
    refused("litert", litert(tmp_path, builtin(32, "FlexWriteFile")), "FlexWriteFile")
    refused("litert", litert(tmp_path, builtin(51)), "a delegate")
    refused("litert", litert(tmp_path, builtin(0, "hidden")), "hidden")
    group = schema.ExternalBufferGroupT()
    group.name = "../secret"
    file = litert(tmp_path, externalBufferGroups=[group])
    refused("litert", file, "external buffers")
    file.write_bytes(b"TFL3")
    refused("litert", file, "damaged")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            NET.format(LAYER.format("Own", "extension")),
            "custom operations: extension Own",
        ),
        (NET.format(LAYER.format("Own", "")), "custom operations: Own"),
        ('<?xml version="1.0"?><other/>', "not an OpenVINO model: other"),
        ('<!DOCTYPE net [<!ENTITY a "b">]>' + NET[21:].format(""), "DOCTYPE"),
        ("\x08\x08onnx", "damaged"),
        ("", "damaged"),
    ],
)
def test_invalid_or_custom_openvino_models_are_rejected(tmp_path, content, words):
    file = tmp_path / "model.xml"
    file.write_text(content)
    refused("openvino", file, words)


def test_safe_openvino_model_passes(tmp_path):
    file = tmp_path / "model.xml"
    file.write_text(NET.format(LAYER.format("Parameter", "opset1")))
    require_harmless("openvino", file)
