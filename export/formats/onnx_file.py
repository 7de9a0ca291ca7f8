"""The format `onnx`: a file for ONNX Runtime and Triton."""

from pathlib import Path
from typing import Any

import keras
import numpy as np

from ...core.files import write_bytes_atomic
from ...core.table_features import TableFeatures
from ..description import Description
from ..portable.columns import IMAGES
from .contract import Format
from .conversion import converting
from .inference import PROBABILITIES, inference_function, require_inputs_and_output

_OPSET = 17  # supported since ONNX Runtime 1.13 of 2022


def _write(model: keras.Model, description: Description, directory: Path) -> None:
    import onnx.checker

    columns = description.columns
    with converting(ONNX.name):
        proto = onnx_of(model, columns)
        onnx.checker.check_model(proto)
    file = directory / ONNX.file
    counts = len(proto.graph.input), len(proto.graph.output)
    require_inputs_and_output(*counts, columns, file)
    file.parent.mkdir()
    write_bytes_atomic(file, proto.SerializeToString())


def onnx_of(model: keras.Model, columns: TableFeatures | None = None) -> Any:
    """Converts a model to a `ModelProto` from `images` and columns to `probabilities`.

    The function of a model captures constants, such as the means of its preprocessing, like
    variables. `tf2onnx.convert.from_function` and `model.export` would convert them to
    inputs; here, they are frozen first, like all weights.
    """
    import tf2onnx
    from tf2onnx.tf_loader import from_function

    infer = inference_function(model, columns, is_for_converters=True)
    function = infer.get_concrete_function()
    names = [IMAGES, *(columns.input_names if columns is not None else ())]
    inputs = [tensor.name for tensor in function.inputs[: len(names)]]
    outputs = [function.outputs[0].name]
    frozen = from_function(function, inputs, outputs)
    proto, _ = tf2onnx.convert.from_graph_def(
        frozen,
        name=model.name,
        input_names=inputs,
        output_names=outputs,
        opset=_OPSET,
        custom_op_handlers={"Erfc": (_write_erfc, [])},
        tensors_to_rename=dict(
            zip([*inputs, *outputs], [*names, PROBABILITIES], strict=True)
        ),
    )
    for value in (*proto.graph.input, *proto.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = IMAGES  # any number of them
    return proto


def _write_erfc(graph: Any, node: Any, name: str, args: Any) -> None:
    """Converts erfc(x), which a GELU uses and tf2onnx does not support, to 1 - erf(x)."""
    output = node.output[0]
    shape, dtype = graph.get_shape(output), graph.get_dtype(output)
    graph.remove_node(name)
    one = graph.make_const(f"{name}/one", np.array(1, np.float32)).output[0]
    erf = graph.make_node("Erf", node.input, shapes=[shape], dtypes=[dtype]).output[0]
    graph.make_node(
        "Sub", [one, erf], name=name, outputs=[output], shapes=[shape], dtypes=[dtype]
    )


ONNX = Format(
    "onnx",
    "1/model.onnx",
    _write,
    ("onnxruntime>=1.22",),
    ("tf2onnx", "onnx", "onnxruntime"),
    "onnx",
)
