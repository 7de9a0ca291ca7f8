from collections import Counter

import numpy as np
import onnx
import pytest
from keraunos.export.portable.runtimes import open_runtime
from keraunos.export.quantization.onnx_file import quantize_onnx
from onnx_models import SIZE, write_onnx_model


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    shades = np.linspace(20, 255, 24)[:, None, None, None]
    return (np.random.default_rng(1).random((24, SIZE, SIZE, 3)) * shades).astype(np.uint8)


@pytest.fixture(scope="module")
def files(tmp_path_factory, images):
    folder = tmp_path_factory.mktemp("onnx")
    write_onnx_model(folder / "float32.onnx")
    quantize_onnx(folder / "float32.onnx", images, folder / "int8.onnx")
    return folder / "float32.onnx", folder / "int8.onnx"


def test_int8_predictions_are_close_to_float32_for_any_batch_size(files, images):
    wanted, found = (open_runtime("onnx", file)(images) for file in files)
    assert found.dtype == np.float32
    assert np.ptp(wanted, axis=0).max() > 0.1
    assert 1e-5 < np.abs(found - wanted).max() < 0.03
    alone = open_runtime("onnx", files[1])(images[5:6])
    assert alone == pytest.approx(found[5:6], abs=0.01)


def test_inputs_outputs_and_head_are_float_and_convolutions_int8(files):
    graph = onnx.load(files[1]).graph
    ends = [*graph.input, *graph.output]
    assert {each.type.tensor_type.elem_type for each in ends} == {onnx.TensorProto.FLOAT}
    makers = {output: node.op_type for node in graph.node for output in node.output}
    weights = {
        node.op_type: makers.get(node.input[1])
        for node in graph.node
        if node.op_type in ("Conv", "Gemm")
    }
    assert weights == {"Conv": "DequantizeLinear", "Gemm": None}
    assert Counter(node.op_type for node in graph.node)["QuantizeLinear"] >= 2
    integers = [t for t in graph.initializer if t.data_type == onnx.TensorProto.UINT8]
    assert len([t for t in integers if len(t.dims) == 4]) == 2
