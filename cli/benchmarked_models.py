"""Opens the models of a benchmark, all with the same number of threads."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.errors import ConfigError, message
from ..core.run_layout import CONFIG_FILE, EXPORT_FOLDER
from .opened_model import open_model
from .tensorflow import load_tensorflow

if TYPE_CHECKING:
    from ..export.benchmark import Subject

RUN = "run"
_TENSORFLOW_FORMATS = (RUN, "keras", "saved_model")


def find_benchmarked(paths: Sequence[Path]) -> list[Path]:
    """Returns the models to benchmark: the paths, and for a single run also its exports.

    Raises:
        ConfigError: A path is neither a run nor an export, or is named twice.
    """
    from ..export.portable.document import DESCRIPTION_FILE

    found = list(paths)
    if len(paths) == 1 and _is_run(paths[0]):
        exports = (paths[0] / EXPORT_FOLDER).glob(f"*/{DESCRIPTION_FILE}")
        found += sorted(each.parent for each in exports)
    for path in found:
        if not (_is_run(path) or (path / DESCRIPTION_FILE).is_file()):
            raise ConfigError(
                message(
                    f"A model is the directory of a run, with {CONFIG_FILE}, or of an "
                    f"export, with {DESCRIPTION_FILE}.",
                    path=str(path),
                )
            )
    if len({os.path.realpath(path) for path in found}) < len(found):
        raise ConfigError(
            message("Each model must be named once.", paths=" ".join(map(str, found)))
        )
    return found


def open_subjects(paths: Sequence[Path], threads: int) -> "list[Subject]":
    """Opens models that compute with the given number of threads each.

    Raises:
        ConfigError: A model can't be opened.
        CheckpointError: A file of a model is damaged.
    """
    formats = [_format_of(path) for path in paths]
    device = "CPU"
    if set(formats) & set(_TENSORFLOW_FORMATS):
        device = _prepare_tensorflow(threads)
    from ..export.benchmark import Subject

    return [
        Subject(
            name,
            format,
            open_model(path, threads).model,
            device if format in _TENSORFLOW_FORMATS else "CPU",
        )
        for path, name, format in zip(paths, names_of(paths), formats, strict=True)
    ]


def names_of(paths: Sequence[Path]) -> list[str]:
    """Returns display names: directory names if they are unique, otherwise paths.

    Example:
        >>> names_of([Path("runs/first"), Path("runs/first/export/onnx")])
        ['first', 'onnx']
    """
    names = [path.resolve().name for path in paths]
    if len(set(names)) == len(names):
        return names
    return [min(str(path), os.path.relpath(path), key=len) for path in paths]


def _format_of(path: Path) -> str:
    if _is_run(path):
        return RUN
    from ..export.open_export import read_format

    return read_format(path)


def _is_run(path: Path) -> bool:
    return (path / CONFIG_FILE).is_file()


def _prepare_tensorflow(threads: int) -> str:
    """Sets the number of threads, which TensorFlow accepts only before its first operation.

    Returns:
        `"GPU"` or `"CPU"`, the device that TensorFlow uses.
    """
    load_tensorflow()
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    return "GPU" if tf.config.list_physical_devices("GPU") else "CPU"
