"""A tiny model in ONNX, written by hand, and the images that it is compared on."""

import hashlib
import importlib.util
import io
import json
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import keras
import keraunos as kr
import numpy as np
from helpers import make_images, smooth_image
from keraunos.data.files.pixel_rules import PixelRules
from keraunos.evaluation.calibration.scaling import Correction
from keraunos.export.asked_export import ExportAnswers, read_answers
from keraunos.export.description import Description
from keraunos.export.formats.contract import Format
from PIL import Image

SIZE = 32
CLASSES = ("bird", "cat", "dog")
CORRECTION = Correction("temperature", temperature=2.5)
DESCRIPTION = Description("run-1", CLASSES, SIZE, PixelRules.of(12, 64.0), CORRECTION)


def draw_images(root: Path) -> Path:
    """Images of each class, some of kinds that decoders disagree about."""
    for place, name in enumerate(CLASSES):
        folder = root / name
        folder.mkdir(parents=True)
        for number in range(4):
            image = smooth_image(10 * place + number, 97, 61)
            image.save(folder / f"{number}.jpg", quality=92)
    turned = Image.Exif()
    turned[0x0112] = 6
    smooth_image(90).save(root / "cat" / "turned.jpg", exif=turned)
    clear = smooth_image(91).convert("RGBA")
    clear.putalpha(smooth_image(92).convert("L"))
    clear.save(root / "dog" / "clear.png")
    deep = np.asarray(smooth_image(93).convert("L"), np.uint16) * 16
    Image.fromarray(deep).save(root / "bird" / "deep.png")
    return root


def read_images(folder: Path) -> kr.ImageData:
    """Draws images, and reads them as data with a test split."""
    return kr.ImageData.from_folder(
        make_images(folder / "train", dict.fromkeys(CLASSES, 2)),
        test=draw_images(folder / "test"),
        image_size=SIZE,
        batch_size=4,
        bit_depth=12,
        cache_dir=folder / "cache",
    )


def tiny_model(seed: int = 0) -> keras.Model:
    """A softmax of all pixels, so that each of them matters."""
    start = keras.initializers.RandomNormal(stddev=0.02, seed=seed)
    head = keras.layers.Dense(len(CLASSES), "softmax", kernel_initializer=start)
    pixels = keras.Input((SIZE, SIZE, 3))
    scaled = keras.layers.Rescaling(1 / 64)(pixels)
    return keras.Model(pixels, head(keras.layers.Flatten()(scaled)))


def onnx_format(change: Callable[[Any], None] | None = None) -> Format:
    """A format that writes models like `tiny_model`.

    Args:
        change: Changes the weights and the inputs, which are given as a dictionary.
    """

    def write(model: keras.Model, description: Description, directory: Path) -> None:
        kernel, bias = model.layers[-1].get_weights()
        parts = {"kernel": kernel, "bias": bias, "scale": 1 / 64, "inputs": ["images"]}
        if change is not None:
            change(parts)
        (directory / "model.onnx").write_bytes(_serialized(**parts))

    return Format("onnx", "model.onnx", write, ("onnxruntime>=1.22",))


def _serialized(kernel: Any, bias: Any, scale: float, inputs: list[str]) -> bytes:
    from onnx import TensorProto, helper, numpy_helper

    constants = {
        "scale": np.float32(scale),
        "shape": np.array([-1, SIZE * SIZE * 3]),
        "kernel": np.asarray(kernel, np.float32),
        "bias": np.asarray(bias, np.float32),
    }
    nodes = [
        helper.make_node("Mul", ["images", "scale"], ["scaled"]),
        helper.make_node("Reshape", ["scaled", "shape"], ["flat"]),
        helper.make_node("Gemm", ["flat", "kernel", "bias"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"]),
    ]
    shape = ["images", SIZE, SIZE, 3]
    values = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "tiny",
        [values(name, TensorProto.FLOAT, shape) for name in inputs],
        [values("probabilities", TensorProto.FLOAT, ["images", len(CLASSES)])],
        [numpy_helper.from_array(np.asarray(v), name) for name, v in constants.items()],
    )
    opset = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=8)
    content: bytes = model.SerializeToString()
    return content


def rewrite_document(directory: Path, change: Callable[[Any], None]) -> None:
    """Changes `model.json` of an export, and updates it to match the files."""
    file = directory / "model.json"
    document = json.loads(file.read_text())
    change(document)
    for name in document["files"]:
        content = (directory / name).read_bytes()
        document["files"][name] = hashlib.sha256(content).hexdigest()
    file.write_text(json.dumps(document))


_runtimes: dict[tuple[str, ...], Any] = {}


def ask_in_process(directory: Path, files: list[Path]) -> ExportAnswers:
    """What `predict.py` prints with the files next to it, without starting a process."""
    written = io.StringIO()
    with redirect_stdout(written):
        _runtime_of(directory).main(directory, [str(file) for file in files])
    return read_answers(written.getvalue(), len(files), CLASSES)


def _runtime_of(directory: Path) -> Any:
    """Its command, from its own files; loaded once for files of the same text."""
    folder = directory / "runtime"
    key = tuple(file.read_text() for file in sorted(folder.rglob("*.py")))
    if key not in _runtimes:
        name = f"exported_runtime_{len(_runtimes)}"
        specification = importlib.util.spec_from_file_location(
            name, folder / "__init__.py", submodule_search_locations=[str(folder)]
        )
        assert specification is not None
        sys.modules[name] = importlib.util.module_from_spec(specification)
        _runtimes[key] = importlib.import_module(f"{name}.export.portable.command")
    return _runtimes[key]
