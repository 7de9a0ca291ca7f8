"""A small ONNX model, written without TensorFlow."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIZE = 16
CLASSES = 3


def write_onnx_model(path: Path, seed: int = 0) -> None:
    """Writes two convolutions and a softmax, for images from 0 to 255.

    Args:
        path: The new file.
        seed: Seed of its weights.
    """
    random = np.random.default_rng(seed)
    weights = {
        "first": random.normal(0, 0.01, (8, 3, 3, 3)),
        "second": random.normal(0, 0.2, (8, 8, 3, 3)),
        "dense": random.normal(0, 0.3, (8, CLASSES)),
        "bias": np.linspace(-0.2, 0.2, CLASSES),
    }
    nodes = [
        helper.make_node("Transpose", ["images"], ["channels"], "turn", perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["channels", "first"], ["a"], "conv", strides=[2, 2]),
        helper.make_node("Relu", ["a"], ["b"], "relu"),
        helper.make_node("Conv", ["b", "second"], ["c"], "conv_again"),
        helper.make_node("GlobalAveragePool", ["c"], ["d"], "pool"),
        helper.make_node("Flatten", ["d"], ["e"], "flatten"),
        helper.make_node("Gemm", ["e", "dense", "bias"], ["logits"], "head"),
        helper.make_node("Softmax", ["logits"], ["probabilities"], "softmax", axis=1),
    ]
    shapes = {"images": ["n", SIZE, SIZE, 3], "probabilities": ["n", CLASSES]}
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in shapes.items()
    ]
    tensors = [
        numpy_helper.from_array(value.astype(np.float32), name)
        for name, value in weights.items()
    ]
    graph = helper.make_graph(nodes, "small", ends[:1], ends[1:], tensors)
    opset = [helper.make_opsetid("", 17)]
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=9), path)


def write_onnx_export(directory: Path) -> None:
    """Writes the directory of an export with such a model, without code to run it."""
    from keraunos.core.files import sha256_of_file, write_json_atomic
    from keraunos.export.description import Description

    name = "1/model.onnx"
    write_onnx_model(directory / name)
    document = Description("small", ["one", "two", "three"], SIZE).as_json()
    files = {name: sha256_of_file(directory / name)}
    write_json_atomic(
        directory / "model.json",
        {**document, "format": "onnx", "file": name, "files": files},
    )
