"""Runs an exported model in the runtime of its format, in float32.

ONNX Runtime, LiteRT and OpenVINO run on the CPU; TensorFlow where it finds a device.
"""

import os
import sys
import threading
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .fields import ModelFileError
from .telemetry import import_silently

Images = npt.NDArray[np.uint8]
Run = Callable[[Images], npt.NDArray[np.float32]]

SIGNATURE = "serving_default"
OUTPUT = "probabilities"
_LONGEST = 500  # characters of a reason


class MissingRuntimeError(ImportError):
    """The package that runs a format is not installed; the message says how to get it."""


def open_runtime(format: str, file: Path, threads: int | None = None) -> Run:
    """Loads a model.

    Args:
        format: One of `keras`, `saved_model`, `onnx`, `litert` and `openvino`.
        file: The file, or the directory of a SavedModel.
        threads: That compute; as many as the runtime likes by default. Those of TensorFlow
            are set for the whole process, and not here.

    Returns:
        A function of images `(images, height, width, 3)`, uint8, any number of them, that
        returns `(images, classes)`, float32. Threads may share it.

    Raises:
        MissingRuntimeError: The package that runs the format is not installed.
        ModelFileError: The runtime can't open the file.
    """
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
    except Exception as error:  # each runtime has classes of its own
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:_LONGEST]
        raise ModelFileError(f"{package} can't open {file.name} ({reason}).") from error


class KerasRun:
    """Runs a Keras model.

    Attributes:
        model: Which can be asked for more than outputs.
    """

    def __init__(self, model: Any) -> None:
        self.model = model

    def __call__(self, images: Images) -> npt.NDArray[np.float32]:
        """Outputs for images."""
        return np.asarray(self.model.predict_on_batch(images.astype(np.float32)))


def _open_keras(file: Path, threads: int | None) -> Run:
    import keras

    return KerasRun(keras.models.load_model(file, compile=False, safe_mode=True))


def _open_saved_model(file: Path, threads: int | None) -> Run:
    import tensorflow as tf

    model: Any = tf.saved_model.load(str(file))

    def run(images: Images) -> npt.NDArray[np.float32]:
        # By way of the model, which is so kept: its variables live as long as it does.
        infer = model.signatures[SIGNATURE]
        return infer(tf.constant(images, tf.float32))[OUTPUT].numpy()

    return run


def _open_onnx(file: Path, threads: int | None) -> Run:
    onnxruntime = import_silently("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or 0  # 0: one for each core
    session: Any = onnxruntime.InferenceSession(
        os.fspath(file), options, providers=["CPUExecutionProvider"]
    )
    name = session.get_inputs()[0].name
    return lambda images: session.run([OUTPUT], {name: images.astype(np.float32)})[0]


def _open_litert(file: Path, threads: int | None) -> Run:
    from ai_edge_litert.interpreter import Interpreter

    interpreter: Any = Interpreter(os.fspath(file), num_threads=threads or _cores())
    place = interpreter.get_input_details()[0]["index"]
    output = interpreter.get_output_details()[0]["index"]
    lock = threading.Lock()
    shape: tuple[int, ...] = ()

    def run(images: Images) -> npt.NDArray[np.float32]:
        nonlocal shape
        with lock:
            if shape != images.shape:
                interpreter.resize_tensor_input(place, images.shape)
                interpreter.allocate_tensors()
                shape = images.shape
            interpreter.set_tensor(place, images.astype(np.float32))
            interpreter.invoke()
            return interpreter.get_tensor(output)

    return run


def _open_openvino(file: Path, threads: int | None) -> Run:
    openvino = import_silently("openvino")
    # By itself, OpenVINO computes in bfloat16 on processors that are faster so.
    exact: dict[str, Any] = {
        "INFERENCE_PRECISION_HINT": "f32",
        "EXECUTION_MODE_HINT": "ACCURACY",
        "INFERENCE_NUM_THREADS": threads or 0,  # 0: one for each core
    }
    model: Any = openvino.Core().compile_model(file, "CPU", exact)
    lock = threading.Lock()

    def run(images: Images) -> npt.NDArray[np.float32]:
        with lock:
            return np.array(model(images.astype(np.float32))[0])

    return run


def _cores() -> int:
    is_linux = sys.platform == "linux"
    return len(os.sched_getaffinity(0)) if is_linux else os.cpu_count() or 1


# The module and the package of each runtime, and what opens a file in it.
_RUNTIMES = {
    "keras": ("keras", "keras", _open_keras),
    "saved_model": ("tensorflow", "tensorflow", _open_saved_model),
    "onnx": ("onnxruntime", "onnxruntime", _open_onnx),
    "litert": ("ai_edge_litert", "ai-edge-litert", _open_litert),
    "openvino": ("openvino", "openvino", _open_openvino),
}
