"""Quantizes an OpenVINO IR to 8-bit integers with NNCF."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..portable.telemetry import import_silently
from .float_tail import Node, float_tail

_WEIGHED = (
    "Convolution", "ConvolutionBackpropData", "GroupConvolution",
    "GroupConvolutionBackpropData", "MatMul",
)  # fmt: skip


def quantize_openvino(source: Path, images: npt.NDArray[np.uint8], target: Path) -> None:
    """Writes a model in 8-bit integers.

    Args:
        source: The `.xml` file in float32, with a `.bin` file next to it.
        images: `(images, height, width, 3)` uint8, for measuring ranges.
        target: The new `.xml` file.
    """
    openvino, nncf = import_silently("openvino"), import_silently("nncf")
    model: Any = openvino.Core().read_model(source)
    examples = nncf.Dataset(images, lambda image: image[np.newaxis].astype(np.float32))
    tail = nncf.IgnoredScope(names=float_tail(_nodes(model)), validate=False)
    ranges = nncf.quantization.range_estimator.RangeEstimatorParametersSet.MINMAX
    quantized = nncf.quantize(
        model,
        examples,
        subset_size=len(images),
        ignored_scope=tail,
        advanced_parameters=nncf.AdvancedQuantizationParameters(
            activations_range_estimator_params=ranges
        ),
    )
    openvino.save_model(quantized, target, compress_to_fp16=False)


def _nodes(model: Any) -> Iterator[Node]:
    for each in model.get_ordered_ops():
        inputs = [_tensor(value.get_source_output()) for value in each.inputs()]
        outputs = [_tensor(value) for value in each.outputs()]
        is_weighed = each.get_type_name() in _WEIGHED
        yield Node(each.get_friendly_name(), inputs, outputs, is_weighed)


def _tensor(output: Any) -> str:
    return f"{output.get_node().get_friendly_name()}:{output.get_index()}"
