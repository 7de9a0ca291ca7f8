"""Quantizes a LiteRT file to 8-bit integers with the AI Edge Quantizer."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...core.files import write_bytes_atomic
from ...core.machine import usable_cores
from .float_tail import Node, float_tail

_WEIGHED = (
    "BATCH_MATMUL", "CONV_2D", "CONV_3D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED",
    "TRANSPOSE_CONV",
)  # fmt: skip
_FLOAT = "no_quantize"


def quantize_litert(source: Path, images: npt.NDArray[np.uint8], target: Path) -> None:
    """Writes a model in 8-bit integers.

    Weights have a scale per channel, activations a scale per tensor.

    Args:
        source: The file in float32.
        images: `(images, height, width, 3)` uint8, for measuring ranges.
        target: The new file.
    """
    from ai_edge_litert.interpreter import Interpreter
    from ai_edge_quantizer import calibrator, quantizer
    from ai_edge_quantizer.utils.qsv_utils import min_max_update

    content = source.read_bytes()
    [(signature, tensors)] = Interpreter(model_content=content).get_signature_list().items()
    [name] = tensors["inputs"]
    examples = [{name: image[np.newaxis].astype(np.float32)} for image in images]
    recipe = _recipe(content)
    # The default of the quantizer is a moving average, which weights the last images most.
    ranges: Any = calibrator.Calibrator(
        content, usable_cores(), qsv_update_func=min_max_update
    )
    ranges.calibrate({signature: examples}, recipe)
    work = quantizer.Quantizer(content, recipe.get_quantization_recipe())
    found = work.quantize(ranges.get_model_qsvs())
    write_bytes_atomic(target, bytes(found.quantized_model))


def _recipe(content: bytes) -> Any:
    """Returns the recipe: everything becomes int8 except input, output and float tail."""
    from ai_edge_quantizer import recipe
    from ai_edge_quantizer.recipe_manager import RecipeManager

    manager = RecipeManager()
    manager.load_quantization_recipe(recipe.static_wi8_ai8())
    for end in ("INPUT", "OUTPUT"):
        manager.add_quantization_config(".*", end, algorithm_key=_FLOAT)
    for scope in float_tail(_nodes(content)):
        manager.add_quantization_config(re.escape(scope), "*", algorithm_key=_FLOAT)
    return manager


def _nodes(content: bytes) -> Iterator[Node]:
    """Yields the operations in order, by the names that the quantizer matches."""
    from ai_edge_litert import schema_py_generated as schema

    model: Any = schema.ModelT.InitFromPackedBuf(content, 0)
    kinds = {value: name for name, value in vars(schema.BuiltinOperator).items()}
    graph = model.subgraphs[0]
    names = [tensor.name.decode() for tensor in graph.tensors]
    for each in graph.operators:
        code = model.operatorCodes[each.opcodeIndex]
        kind = kinds[max(code.builtinCode, code.deprecatedBuiltinCode)]
        outputs = [names[place] for place in each.outputs]
        inputs = [names[place] for place in each.inputs if place >= 0]
        yield Node(";".join(outputs) + ";", inputs, outputs, kind in _WEIGHED)
