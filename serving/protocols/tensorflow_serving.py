"""Parses and formats the REST API of TensorFlow Serving, in row and column format."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...core.table_features import TableFeatures, kinds_of
from ...export.portable.from_bytes import BYTES_SIGNATURE, IMAGE_BYTES
from ..images import EncodedImages, Images
from .cells import as_input, cells_of, names_of_inputs
from .output_names import DESCRIPTION, OF_CLASSES, OutputNames
from .values import INPUT, bad, file_of, parse_object, pixels_of

SIGNATURE = "serving_default"
SIGNATURES = (SIGNATURE, BYTES_SIGNATURE, DESCRIPTION)
CLASS, CLASSES, PROBABILITIES = "class", "classes", "probabilities"
_FILE = "b64"


@dataclass(frozen=True)
class PredictRequest:
    """A parsed request.

    Attributes:
        images: Images of the request.
        signature: `serving_default` for the outputs of the model; `description`; or, of a
            classifier, `serving_bytes` for the classes too, as in a SavedModel.
        in_columns: Whether the response has `outputs` instead of `predictions`.
    """

    images: Images
    signature: str
    in_columns: bool

    @property
    def wants_descriptions(self) -> bool:
        """Whether more than the outputs of the model is requested."""
        return self.signature != SIGNATURE


def parse_predict(
    body: bytes,
    size: int,
    names: OutputNames = OF_CLASSES,
    columns: TableFeatures | None = None,
) -> PredictRequest:
    """Parses a request to `:predict`.

    Args:
        body: JSON with either `instances` or `inputs`: for each image, its pixels, or
            `{"b64": ...}` with the bytes of an image file. Inputs must be named if the
            model takes columns: `images` and each column.
        size: Height and width of the images that the model takes.
        names: Names of its outputs.
        columns: Table columns that it takes in addition.

    Raises:
        RequestError: The request is invalid (400).
    """
    found = parse_object(body)
    signature = found.get("signature_name") or SIGNATURE
    known = _signatures(names)
    if signature not in known:
        raise bad(f"`signature_name` must be one of {', '.join(known)}.")
    name = IMAGE_BYTES if signature == BYTES_SIGNATURE else INPUT
    if ("instances" in found) == ("inputs" in found):
        raise bad("A request must have either `instances` or `inputs`.")
    in_columns = "inputs" in found
    wanted = names_of_inputs(name, columns)
    if in_columns:
        given = _columns(found["inputs"], wanted, columns)
    else:
        given = _rows(found["instances"], wanted, columns)
    values = given.pop(name)
    cells = cells_of(given, columns, len(values))
    images = replace(_images(values, size), cells=cells)
    if signature == BYTES_SIGNATURE and not isinstance(images, EncodedImages):
        raise bad(f'{BYTES_SIGNATURE} takes image files, as {{"{_FILE}": ...}}.')
    return PredictRequest(images, signature, in_columns)


def predict_response(
    request: PredictRequest,
    numbers: Sequence[Sequence[float]],
    descriptions: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """Formats the response: the values of one output, or several outputs by name.

    Args:
        request: The request.
        numbers: `(images, outputs)` outputs of the model, such as probabilities.
        descriptions: Description of each image, if requested.
    """
    if not request.wants_descriptions:
        return {"outputs" if request.in_columns else "predictions": numbers}
    rows: Sequence[Mapping[str, Any]] = descriptions
    if request.signature == BYTES_SIGNATURE:
        rows = [_named(each) for each in descriptions]
    if not request.in_columns:
        return {"predictions": rows}
    return {"outputs": {name: [row[name] for row in rows] for name in rows[0]}}


def status_response(version: str) -> dict[str, Any]:
    """Formats the response with the status of the model."""
    status = {"error_code": "OK", "error_message": ""}
    return {
        "model_version_status": [
            {"version": version, "state": "AVAILABLE", "status": status}
        ]
    }


def metadata_response(
    name: str,
    version: str,
    size: int,
    classes: int,
    outputs: OutputNames = OF_CLASSES,
    columns: TableFeatures | None = None,
) -> dict[str, Any]:
    """Formats the response with the inputs and outputs of the model."""
    numbers = _tensor(outputs.numbers, "DT_FLOAT", (-1, classes))
    cells = _column_tensors(columns)
    images = _tensor(INPUT, "DT_FLOAT", (-1, size, size, 3))
    by_default = _signature([images, *cells], [numbers])
    names = _tensor(CLASSES, "DT_STRING", (-1, classes))
    from_bytes = _signature(
        [_tensor(IMAGE_BYTES, "DT_STRING", (-1,)), *cells],
        [_tensor(CLASS, "DT_STRING", (-1,)), names, numbers],
    )
    signatures = {SIGNATURE: by_default}
    if outputs == OF_CLASSES:
        signatures[BYTES_SIGNATURE] = from_bytes
    return {
        "model_spec": {"name": name, "signature_name": "", "version": version},
        "metadata": {"signature_def": {"signature_def": signatures}},
    }


def _column_tensors(columns: TableFeatures | None) -> list[dict[str, Any]]:
    if columns is None:
        return []
    kinds = kinds_of(columns).values()
    return [
        _tensor(name, "DT_FLOAT" if kind == "number" else "DT_STRING", (-1, 1))
        for name, kind in zip(columns.input_names, kinds, strict=True)
    ]


def _signatures(names: OutputNames) -> tuple[str, ...]:
    """Returns the signatures of a model; only classifiers have `serving_bytes`."""
    return SIGNATURES if names == OF_CLASSES else (SIGNATURE, DESCRIPTION)


def _signature(
    inputs: Sequence[dict[str, Any]], outputs: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    return {
        "inputs": {each["name"]: each for each in inputs},
        "outputs": {each["name"]: each for each in outputs},
        "method_name": "tensorflow/serving/predict",
    }


def _named(description: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the outputs of the signature `serving_bytes`."""
    probabilities = description[PROBABILITIES]
    return {
        CLASS: description[CLASS],
        CLASSES: list(probabilities),
        PROBABILITIES: list(probabilities.values()),
    }


def _tensor(name: str, dtype: str, shape: Sequence[int]) -> dict[str, Any]:
    dimensions = [{"size": str(size), "name": ""} for size in shape]
    return {
        "name": name,
        "dtype": dtype,
        "tensor_shape": {"dim": dimensions, "unknown_rank": False},
    }


def _rows(
    instances: Any, wanted: Sequence[str], columns: TableFeatures | None
) -> dict[str, list[Any]]:
    """Returns the instances by input name."""
    if not isinstance(instances, list):
        raise bad("`instances` must be a list.")
    rows = [_named_inputs(each, wanted, columns) for each in instances]
    return {name: [row[name] for row in rows] for name in wanted}


def _columns(
    inputs: Any, wanted: Sequence[str], columns: TableFeatures | None
) -> dict[str, list[Any]]:
    found = _named_inputs(inputs, wanted, columns)
    if not all(isinstance(values, list) for values in found.values()):
        raise bad(f"`inputs` must be a list, or an object with {_listed(wanted)}.")
    return found


def _named_inputs(
    given: Any, wanted: Sequence[str], columns: TableFeatures | None
) -> dict[str, Any]:
    """Returns inputs by name; a single input may be given without its name."""
    if len(wanted) == 1 and (not isinstance(given, dict) or _FILE in given):
        return {wanted[0]: given}
    if not isinstance(given, dict):
        raise bad(f"An instance must be an object with the inputs {_listed(wanted)}.")
    found = {as_input(name, columns): each for name, each in given.items()}
    if set(found) != set(wanted):
        count = "one input," if len(wanted) == 1 else "the inputs"
        raise bad(f"The model has {count} {_listed(wanted)}.")
    return found


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _images(values: list[Any], size: int) -> Images:
    if not values or not all(isinstance(each, dict) for each in values):
        return pixels_of(values, size)
    if not all(set(each) == {_FILE} for each in values):
        raise bad(f'An image file must be an object with only "{_FILE}".')
    return EncodedImages([file_of(each[_FILE]) for each in values])
