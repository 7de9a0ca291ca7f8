"""Quantizes an ONNX file to 8-bit integers with ONNX Runtime: static, QDQ format."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..portable.telemetry import import_silently
from .float_tail import Node, float_tail

_WEIGHED = ("Conv", "ConvTranspose", "Gemm", "MatMul")


def quantize_onnx(source: Path, images: npt.NDArray[np.uint8], target: Path) -> None:
    """Writes a model in 8-bit integers.

    Weights have a scale per channel, activations a scale per tensor. Both are unsigned:
    products of signed weights overflow in the 16-bit sums of x86 processors without VNNI,
    which silently costs accuracy there.

    Args:
        source: The file in float32.
        images: `(images, height, width, 3)` uint8, for measuring ranges.
        target: The new file.
    """
    import onnx

    import_silently("onnxruntime")
    from onnxruntime import quantization
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with tempfile.TemporaryDirectory(prefix="keraunos-") as directory:
        prepared = Path(directory, "model.onnx")
        quant_pre_process(source, prepared, skip_symbolic_shape=True)
        graph: Any = onnx.load(prepared).graph
        quantization.quantize_static(
            prepared,
            target,
            _reader(graph.input[0].name, images),
            quant_format=quantization.QuantFormat.QDQ,
            per_channel=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QUInt8,
            nodes_to_exclude=float_tail(map(_node, graph.node)),
        )


def _node(node: Any) -> Node:
    return Node(node.name, node.input, node.output, node.op_type in _WEIGHED)


def _reader(name: str, images: npt.NDArray[np.uint8]) -> Any:
    """Returns a reader that passes the images to ONNX Runtime one by one."""
    from onnxruntime.quantization import CalibrationDataReader

    rows: Iterator[Any] = iter(images)

    class Reader(CalibrationDataReader):
        def get_next(self) -> dict[str, Any] | None:
            image = next(rows, None)
            return None if image is None else {name: image[np.newaxis].astype(np.float32)}

    return Reader()
