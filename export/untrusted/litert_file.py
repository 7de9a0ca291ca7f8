"""Checks a LiteRT file for custom operations and external buffers."""

from pathlib import Path
from typing import Any

from .refusal import refusal


def require_harmless(file: Path) -> None:
    """Checks that a LiteRT file has only built-in operations, and contains its weights.

    Raises:
        ModelFileError: It has other operations, such as those of TensorFlow, or external
            weights.
    """
    from ai_edge_litert import schema_py_generated as schema

    model: Any = schema.Model.GetRootAs(file.read_bytes(), 0)
    own = {schema.BuiltinOperator.CUSTOM, schema.BuiltinOperator.DELEGATE}
    custom = []
    for place in range(model.OperatorCodesLength()):
        code = model.OperatorCodes(place)
        name = code.CustomCode()
        if name or own & {code.BuiltinCode(), code.DeprecatedBuiltinCode()}:
            custom.append((name or b"a delegate").decode(errors="replace"))
    if custom:
        raise refusal(file, "has custom operations", *custom)
    if model.ExternalBufferGroupsLength() or model.ExternalBuffersLength():
        raise refusal(file, "has weights in other files", "external buffers")
