"""Runs an exported model in the runtime of its format, in float32.

ONNX Runtime, LiteRT and OpenVINO run on the CPU, TensorFlow on any device it finds.
"""

import os
import sys
import threading
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .columns import IMAGES
from .fields import ModelFileError
from .telemetry import import_silently

Images = npt.NDArray[np.uint8]
# Images, or the inputs of a model by name: images and table columns.
Inputs = Images | Mapping[str, npt.NDArray[Any]]
Run = Callable[[Inputs], npt.NDArray[np.float32]]

SIGNATURE = "serving_default"
OUTPUT = "probabilities"
_MAX_REASON = 500  # characters


class MissingRuntimeError(ImportError):
    """The package that runs a format is not installed; the message says how to get it."""


def open_runtime(format: str, file: Path, threads: int | None = None) -> Run:
    """Loads a model.

    Args:
        format: One of `keras`, `saved_model`, `onnx`, `litert` and `openvino`.
        file: The file, or the directory of a SavedModel.
        threads: Number of threads; by default chosen by the runtime. Ignored by
            TensorFlow, whose threads are set for the whole process.

    Returns:
        A function of images `(images, height, width, 3)` uint8, any number of them, or of
        all inputs by name (see `columns.inputs_for`), that returns the outputs
        `(images, classes)` float32. It is thread-safe.

    Raises:
        MissingRuntimeError: The package that runs the format is not installed.
        ModelFileError: There is no such format, or the runtime can't open the file.
    """
    if format not in _RUNTIMES:
        raise ModelFileError(
            f"`format` must be one of {', '.join(_RUNTIMES)}. Received: format={format!r}."
        )
    module, package, open_file = _RUNTIMES[format]
    if find_spec(module) is None:
        raise MissingRuntimeError(
            f"A model of the format {format} runs in {package}, which is not installed: "
            f"pip install {package}"
        )
    try:
        return open_file(file, threads)
    except MemoryError:
        raise
    except Exception as error:  # each runtime has its own exceptions
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:_MAX_REASON]
        raise ModelFileError(f"{package} can't open {file.name} ({reason}).") from error


class KerasRun:
    """Runs a Keras model.

    Attributes:
        model: The Keras model.
    """

    def __init__(self, model: Any) -> None:
        self.model = model

    def __call__(self, inputs: Inputs) -> npt.NDArray[np.float32]:
        """Returns the outputs for images, or for images and table columns by name."""
        return np.asarray(self.model.predict_on_batch(_keras_inputs(inputs)))


def _keras_inputs(inputs: Inputs) -> Any:
    """Converts images to float32; named inputs become tensors, as Keras needs for text."""
    if not isinstance(inputs, Mapping):
        return inputs.astype(np.float32)
    import tensorflow as tf

    arrays = _with_float_images(inputs)
    return {name: tf.constant(array) for name, array in arrays.items()}


def _with_float_images(inputs: Inputs, image: str = IMAGES) -> dict[str, npt.NDArray[Any]]:
    """Returns all inputs by name, with images converted to float32."""
    arrays = dict(inputs) if isinstance(inputs, Mapping) else {image: inputs}
    return {
        name: array.astype(np.float32) if array.dtype == np.uint8 else array
        for name, array in arrays.items()
    }


def _open_keras(file: Path, threads: int | None) -> Run:
    import keras

    return KerasRun(keras.models.load_model(file, compile=False, safe_mode=True))


def _open_saved_model(file: Path, threads: int | None) -> Run:
    import tensorflow as tf

    model: Any = tf.saved_model.load(str(file))

    def run(inputs: Inputs) -> npt.NDArray[np.float32]:
        # The closure keeps the model alive, and so its variables.
        infer = model.signatures[SIGNATURE]
        arrays = _with_float_images(inputs)
        return infer(**{name: tf.constant(each) for name, each in arrays.items()})[
            OUTPUT
        ].numpy()

    return run


def _open_onnx(file: Path, threads: int | None) -> Run:
    onnxruntime = import_silently("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or 0  # 0: one for each core
    session: Any = onnxruntime.InferenceSession(
        os.fspath(file), options, providers=["CPUExecutionProvider"]
    )
    first = session.get_inputs()[0].name
    return lambda inputs: session.run([OUTPUT], _with_float_images(inputs, first))[0]


def _open_litert(file: Path, threads: int | None) -> Run:
    from ai_edge_litert.interpreter import Interpreter

    interpreter: Any = Interpreter(os.fspath(file), num_threads=threads or _cores())
    places = _litert_places(interpreter)
    output = interpreter.get_output_details()[0]["index"]
    lock = threading.Lock()
    shapes: dict[str, tuple[int, ...]] = {}

    def run(inputs: Inputs) -> npt.NDArray[np.float32]:
        nonlocal shapes
        arrays = _with_float_images(inputs)
        with lock:
            if shapes != (wanted := {name: each.shape for name, each in arrays.items()}):
                for name, shape in wanted.items():
                    interpreter.resize_tensor_input(places[name], shape)
                interpreter.allocate_tensors()
                shapes = wanted
            for name, array in arrays.items():
                interpreter.set_tensor(places[name], array)
            interpreter.invoke()
            return interpreter.get_tensor(output)

    return run


def _litert_places(interpreter: Any) -> dict[str, int]:
    """Maps input names of the signature to tensor indices; a single input is the images."""
    details = interpreter.get_input_details()
    if len(details) == 1:
        return {IMAGES: details[0]["index"]}
    runner = interpreter.get_signature_runner(SIGNATURE)
    return {name: each["index"] for name, each in runner.get_input_details().items()}


def _open_openvino(file: Path, threads: int | None) -> Run:
    openvino = import_silently("openvino")
    # By default, OpenVINO computes in bfloat16 on processors where that is faster.
    exact: dict[str, Any] = {
        "INFERENCE_PRECISION_HINT": "f32",
        "EXECUTION_MODE_HINT": "ACCURACY",
        "INFERENCE_NUM_THREADS": threads or 0,  # 0: one for each core
    }
    model: Any = openvino.Core().compile_model(file, "CPU", exact)
    lock = threading.Lock()

    def run(inputs: Inputs) -> npt.NDArray[np.float32]:
        arrays = _with_float_images(inputs)
        with lock:
            is_alone = len(arrays) == 1
            return np.array(model(arrays[IMAGES] if is_alone else arrays)[0])

    return run


def _cores() -> int:
    is_linux = sys.platform == "linux"
    return len(os.sched_getaffinity(0)) if is_linux else os.cpu_count() or 1


# The module and package of each runtime, and the function that opens a file.
_RUNTIMES = {
    "keras": ("keras", "keras", _open_keras),
    "saved_model": ("tensorflow", "tensorflow", _open_saved_model),
    "onnx": ("onnxruntime", "onnxruntime", _open_onnx),
    "litert": ("ai_edge_litert", "ai-edge-litert", _open_litert),
    "openvino": ("openvino", "openvino", _open_openvino),
}
