"""Parses and formats the Open Inference Protocol V2, with its binary tensor extension."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ...core.table_features import TableFeatures, kinds_of
from ..images import Images
from .cells import as_input, cells_of, names_of_inputs
from .output_names import DESCRIPTION, OF_CLASSES, OutputNames
from .tensors import BYTES, pack_strings, read_cells, read_images
from .values import INPUT, bad, parse_object

HEADER_LENGTH = "inference-header-content-length"
EXTENSIONS = ("binary_tensor_data",)
_SIZE = "binary_data_size"


@dataclass(frozen=True)
class InferRequest:
    """A parsed request.

    Attributes:
        images: Images of the request.
        id: ID of the request, or None.
        outputs: Whether each requested output is binary, by name.
        names: Names of all outputs of the model.
    """

    images: Images
    id: str | None
    outputs: Mapping[str, bool]
    names: OutputNames = OF_CLASSES

    @property
    def wants_descriptions(self) -> bool:
        """Whether an output other than the numbers is requested."""
        return set(self.outputs) != {self.names.numbers}


def json_bytes(body: bytes, header_length: str | None) -> int:
    """Returns the number of bytes of JSON at the start of a body.

    Args:
        body: Body of a request.
        header_length: The header `Inference-Header-Content-Length`, or None.

    Raises:
        RequestError: The header is not a number, or exceeds the body (400).
    """
    if header_length is None:
        return len(body)
    if not header_length.isascii() or not header_length.isdecimal():
        raise bad("Inference-Header-Content-Length must be a whole number.")
    if len(header_length) > len(str(len(body))) or int(header_length) > len(body):
        raise bad("Inference-Header-Content-Length must not exceed the body.")
    return int(header_length)


def parse_infer(
    body: bytes,
    header_length: str | None,
    size: int,
    names: OutputNames = OF_CLASSES,
    columns: TableFeatures | None = None,
) -> InferRequest:
    """Parses a request to `infer`.

    Args:
        body: JSON, followed by binary data.
        header_length: The header `Inference-Header-Content-Length`, or None.
        size: Height and width of the images that the model takes.
        names: Names of its outputs.
        columns: Table columns that it takes in addition, a tensor each.

    Raises:
        RequestError: The request is invalid (400).
    """
    length = json_bytes(body, header_length)
    found = parse_object(body[:length])
    id = found.get("id")
    if id is not None and not isinstance(id, str):
        raise bad("`id` must be a string.")
    tensors = _inputs(found, names_of_inputs(INPUT, columns), columns)
    binary = _binary_data(tensors.values(), body[length:])
    contents = dict(zip(tensors, binary, strict=True))
    images = read_images(tensors.pop(INPUT), contents[INPUT], size)
    given = {name: read_cells(each, contents[name]) for name, each in tensors.items()}
    cells = cells_of(given, columns, len(images))
    images = replace(images, cells=cells)
    return InferRequest(images, id, _outputs(found, names), names)


def infer_response(
    request: InferRequest,
    name: str,
    version: str,
    numbers: npt.NDArray[np.floating],
    descriptions: Sequence[Mapping[str, Any]],
) -> tuple[bytes, int | None]:
    """Formats the response to an `infer` request.

    Args:
        request: The request.
        name: Name of the model.
        version: Version of the model.
        numbers: `(images, outputs)` outputs of the model, such as probabilities.
        descriptions: Description of each image.

    Returns:
        The body, and the number of bytes of JSON if binary data follows, else None.
    """
    outputs, blobs = [], []
    for output, is_binary in request.outputs.items():
        tensor, blob = _tensor(output, is_binary, request.names, numbers, descriptions)
        outputs.append(tensor)
        blobs.append(blob)
    header = {"model_name": name, "model_version": version}
    if request.id is not None:
        header["id"] = request.id
    text = json.dumps(header | {"outputs": outputs}).encode()
    is_binary = any(request.outputs.values())
    return b"".join([text, *blobs]), len(text) if is_binary else None


def metadata_response(
    name: str,
    version: str,
    platform: str,
    size: int,
    classes: int,
    names: OutputNames = OF_CLASSES,
    columns: TableFeatures | None = None,
) -> dict[str, Any]:
    """Formats the response with the inputs and outputs of the model."""
    images = {"name": INPUT, "datatype": "UINT8", "shape": [-1, size, size, 3]}
    return {
        "name": name,
        "versions": [version],
        "platform": platform,
        "inputs": [images, *_column_inputs(columns)],
        "outputs": [
            {"name": names.numbers, "datatype": "FP32", "shape": [-1, classes]},
            *({"name": each, "datatype": BYTES, "shape": [-1]} for each in names.all[1:]),
        ],
    }


def _column_inputs(columns: TableFeatures | None) -> list[dict[str, Any]]:
    if columns is None:
        return []
    kinds = kinds_of(columns).values()
    return [
        {
            "name": name,
            "datatype": "FP32" if kind == "number" else BYTES,
            "shape": [-1, 1],
        }
        for name, kind in zip(columns.input_names, kinds, strict=True)
    ]


def _inputs(
    found: Mapping[str, Any], wanted: Sequence[str], columns: TableFeatures | None
) -> dict[str, dict[str, Any]]:
    """Returns the tensors by input name, in the order of the request."""
    inputs = found.get("inputs")
    is_list = isinstance(inputs, list) and all(isinstance(each, dict) for each in inputs)
    if not is_list or not inputs or len(inputs) != len(wanted):
        listed = ", ".join(f"`{name}`" for name in wanted)
        count = "one tensor" if len(wanted) == 1 else f"{len(wanted)} tensors"
        raise bad(f"`inputs` must be a list of {count}, {listed}.")
    if len(wanted) == 1:
        return {INPUT: inputs[0]}
    by_name = {as_input(str(each.get("name")), columns): each for each in inputs}
    if set(by_name) != set(wanted):
        raise bad(f"The inputs must be {', '.join(f'`{name}`' for name in wanted)}.")
    return by_name


def _binary_data(
    tensors: Iterable[Mapping[str, Any]], rest: bytes
) -> Iterator[bytes | None]:
    """Yields the binary data of each tensor; these follow each other."""
    for tensor in tensors:
        size = _parameters(tensor).get(_SIZE)
        if size is None:
            yield None
            continue
        is_there = type(size) is int and 0 <= size <= len(rest)
        if not is_there or "data" in tensor:
            raise bad(f"`{_SIZE}` must be the size of its binary data; it replaces `data`.")
        yield rest[:size]
        rest = rest[size:]
    if rest:
        raise bad(f"The size of all binary data must be in the parameter `{_SIZE}`.")


def _outputs(found: Mapping[str, Any], names: OutputNames) -> dict[str, bool]:
    by_default = _flag(found, "binary_data_output", False)
    wanted = found.get("outputs")
    if wanted is None or wanted == []:
        return dict.fromkeys(names.all, by_default)
    if not isinstance(wanted, list) or not all(isinstance(each, dict) for each in wanted):
        raise bad("`outputs` must be a list of objects.")
    return dict(_wanted(wanted, by_default, names))


def _wanted(
    wanted: Sequence[Any], by_default: bool, names: OutputNames
) -> Iterator[tuple[str, bool]]:
    for each in wanted:
        if each.get("name") not in names.all:
            raise bad(f"An output must be one of {', '.join(names.all)}.")
        if "classification" in _parameters(each):
            raise bad(f"Request the output `{names.all[1]}` instead of `classification`.")
        yield each["name"], _flag(each, "binary_data", by_default)


def _flag(owner: Mapping[str, Any], name: str, by_default: bool) -> bool:
    value = _parameters(owner).get(name, by_default)
    if not isinstance(value, bool):
        raise bad(f"The parameter `{name}` must be true or false.")
    return value


def _parameters(owner: Mapping[str, Any]) -> Mapping[str, Any]:
    parameters = owner.get("parameters", {})
    if not isinstance(parameters, dict):
        raise bad("`parameters` must be an object.")
    return parameters


def _tensor(
    output: str,
    is_binary: bool,
    names: OutputNames,
    numbers: npt.NDArray[np.floating],
    descriptions: Sequence[Mapping[str, Any]],
) -> tuple[dict[str, Any], bytes]:
    """Returns an output tensor as JSON, and its binary data."""
    if output == names.numbers:
        floats = numbers.astype("<f4")
        shape, datatype, blob = list(floats.shape), "FP32", floats.tobytes()
        data: list[Any] = [] if is_binary else floats.ravel().tolist()
    else:
        texts = [_text(output, each) for each in descriptions]
        shape, datatype, data = [len(texts)], BYTES, texts
        blob = pack_strings([text.encode() for text in texts]) if is_binary else b""
    tensor = {"name": output, "datatype": datatype, "shape": shape}
    if is_binary:
        return tensor | {"parameters": {_SIZE: len(blob)}}, blob
    return tensor | {"data": data}, b""


def _text(output: str, description: Mapping[str, Any]) -> str:
    """Returns a class unchanged, and labels or a description as JSON."""
    content = description if output == DESCRIPTION else description[output]
    return content if isinstance(content, str) else json.dumps(content)
