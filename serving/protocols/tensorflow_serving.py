"""The REST form of TensorFlow Serving: `predict`, with instances in rows or columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..images import EncodedImages, Images
from .values import INPUT, bad, file_of, parse_object, pixels_of

SIGNATURE = "serving_default"
DESCRIPTION = "description"  # everything that is said of an image
OUTPUT = "probabilities"
_FILE = "b64"


@dataclass(frozen=True)
class PredictRequest:
    """What is asked for.

    Attributes:
        images: Of the request.
        signature: `serving_default` for probabilities, or `description`.
        in_columns: Whether the answer goes into `outputs`, and not into `predictions`.
    """

    images: Images
    signature: str
    in_columns: bool


def parse_predict(body: bytes, size: int) -> PredictRequest:
    """Reads a request to `:predict`.

    Args:
        body: JSON with either `instances` or `inputs`: pixels, or `{"b64": ...}` with the
            bytes of an image file, for each image; with or without the input's name.
        size: Height and width of the images that the model takes.

    Raises:
        RequestError: It is no such request (400).
    """
    found = parse_object(body)
    signature = found.get("signature_name") or SIGNATURE
    if signature not in (SIGNATURE, DESCRIPTION):
        raise bad(f"`signature_name` must be {SIGNATURE} or {DESCRIPTION}.")
    if ("instances" in found) == ("inputs" in found):
        raise bad("A request must have either `instances` or `inputs`.")
    in_columns = "inputs" in found
    values = _unnamed_column(found["inputs"]) if in_columns else _rows(found["instances"])
    return PredictRequest(_images(values, size), signature, in_columns)


def predict_response(
    request: PredictRequest,
    probabilities: Sequence[Sequence[float]],
    descriptions: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """The response: of one output its values, of several an object with their names.

    Args:
        request: That is answered.
        probabilities: `(images, classes)`.
        descriptions: Of each image.
    """
    wants_all = request.signature == DESCRIPTION
    if not request.in_columns:
        return {"predictions": descriptions if wants_all else probabilities}
    if not wants_all:
        return {"outputs": probabilities}
    names = descriptions[0]
    return {"outputs": {name: [row[name] for row in descriptions] for name in names}}


def status_response(version: str) -> dict[str, Any]:
    """The response to a question for the status of the model."""
    status = {"error_code": "OK", "error_message": ""}
    return {
        "model_version_status": [
            {"version": version, "state": "AVAILABLE", "status": status}
        ]
    }


def metadata_response(name: str, version: str, size: int, classes: int) -> dict[str, Any]:
    """The response to a question for what the model takes and returns."""
    signature = {
        "inputs": {INPUT: _tensor(INPUT, "DT_FLOAT", (-1, size, size, 3))},
        "outputs": {OUTPUT: _tensor(OUTPUT, "DT_FLOAT", (-1, classes))},
        "method_name": "tensorflow/serving/predict",
    }
    return {
        "model_spec": {"name": name, "signature_name": "", "version": version},
        "metadata": {"signature_def": {"signature_def": {SIGNATURE: signature}}},
    }


def _tensor(name: str, dtype: str, shape: Sequence[int]) -> dict[str, Any]:
    dimensions = [{"size": str(size), "name": ""} for size in shape]
    return {
        "name": name,
        "dtype": dtype,
        "tensor_shape": {"dim": dimensions, "unknown_rank": False},
    }


def _rows(instances: Any) -> list[Any]:
    if not isinstance(instances, list):
        raise bad("`instances` must be a list.")
    return [_unnamed(each) for each in instances]


def _unnamed(instance: Any) -> Any:
    """An instance without the name of the input."""
    if not isinstance(instance, dict) or _FILE in instance:
        return instance
    if set(instance) != {INPUT}:
        raise bad(f"The model has one input, `{INPUT}`.")
    return instance[INPUT]


def _unnamed_column(inputs: Any) -> list[Any]:
    values = _unnamed(inputs)
    if not isinstance(values, list):
        raise bad(f"`inputs` must be a list, or an object with `{INPUT}`.")
    return values


def _images(values: list[Any], size: int) -> Images:
    if not values or not all(isinstance(each, dict) for each in values):
        return pixels_of(values, size)
    if not all(set(each) == {_FILE} for each in values):
        raise bad(f'An image file must be an object with "{_FILE}" alone.')
    return EncodedImages([file_of(each[_FILE]) for each in values])
