"""Checks an ONNX file for external files and nonstandard operations."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .refusal import refusal

_DOMAINS = {"", "ai.onnx", "ai.onnx.ml"}
_MICROSOFT = "com.microsoft"  # only the operations of quantized models are allowed
_QUANTIZED = {
    *("DequantizeLinear", "QuantizeLinear", "DynamicQuantizeMatMul", "QGemm"),
    *("MatMulIntegerToFloat", "QLinearAdd", "QLinearAveragePool", "QLinearConcat"),
    *("QLinearConv", "QLinearGlobalAveragePool", "QLinearLeakyRelu", "QLinearMul"),
    *("QLinearReduceMean", "QLinearSigmoid", "QLinearSoftmax", "QLinearWhere"),
    *("FusedConv", "FusedGemm", "FusedMatMul", "Gelu", "BiasGelu", "QuickGelu"),
}


def require_harmless(file: Path) -> None:
    """Checks that an ONNX file has only standard operations, and contains its weights.

    Raises:
        ModelFileError: It has other operations or external weights.
    """
    import onnx

    model = onnx.load(file, load_external_data=False)
    own = {(function.domain, function.name) for function in model.functions}
    elsewhere, unknown = [], []
    for message in _messages(model):
        if isinstance(message, onnx.TensorProto) and _is_external(message):
            elsewhere.append(message.name or "a constant")
        if isinstance(message, onnx.NodeProto) and not _is_known(message, own):
            unknown.append(f"{message.domain} {message.op_type}".strip())
    if elsewhere:
        raise refusal(file, "has weights in other files", *elsewhere)
    if unknown:
        raise refusal(file, "has operations that are not standard", *sorted(set(unknown)))


def _is_external(tensor: Any) -> bool:
    return bool(tensor.external_data) or tensor.data_location != tensor.DEFAULT


def _is_known(node: Any, own: set[tuple[str, str]]) -> bool:
    is_quantized = node.domain == _MICROSOFT and node.op_type in _QUANTIZED
    return node.domain in _DOMAINS or is_quantized or (node.domain, node.op_type) in own


def _messages(message: Any) -> Iterator[Any]:
    """Yields a message and all messages nested in it."""
    from google.protobuf.message import Message

    pending = [message]
    while pending:
        each = pending.pop()
        yield each
        for descriptor, value in each.ListFields():
            if descriptor.message_type is not None:
                pending += [value] if isinstance(value, Message) else list(value)
