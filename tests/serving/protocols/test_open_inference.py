"""Requests and responses of the Open Inference Protocol, and its binary extension."""

import base64
import json
import struct

import numpy as np
import pytest
from keraunos.serving.errors import RequestError
from keraunos.serving.protocols.open_inference import infer_response, parse_infer

SIZE = 2
PIXELS = np.arange(2 * SIZE * SIZE * 3, dtype=np.uint8).reshape(2, SIZE, SIZE, 3)
FILES = [b"first", b"second one"]
ROWS = [{"class": "red"}, {"class": "grün"}]
PROBABILITIES = np.array([[0.75, 0.25], [0.125, 0.875]])


def tensor(datatype="UINT8", shape=PIXELS.shape, **rest):
    return {"name": "images", "datatype": datatype, "shape": list(shape), **rest}


def files(**rest):
    return tensor("BYTES", (2,), **rest)


def parse(content=b"", inputs=None, header=True, **rest):
    """Reads a request whose JSON is followed by binary data."""
    text = json.dumps({"inputs": inputs or [tensor()], **rest}).encode()
    return parse_infer(text + content, str(len(text)) if header else None, SIZE)


def binary(size):
    return {"parameters": {"binary_data_size": size}}


def packed(parts):
    return b"".join(struct.pack("<I", len(each)) + each for each in parts)


@pytest.mark.parametrize("datatype", ["UINT8", "FP32"])
@pytest.mark.parametrize("data", [PIXELS.tolist(), PIXELS.ravel().tolist()])
def test_numbers_are_accepted_nested_or_flat(datatype, data):
    request = parse(inputs=[tensor(datatype, data=data)], header=False)
    assert (request.images.pixels == PIXELS).all()


@pytest.mark.parametrize(("datatype", "dtype"), [("UINT8", "u1"), ("FP32", "<f4")])
def test_numbers_are_accepted_as_binary_data(datatype, dtype):
    content = PIXELS.astype(dtype).tobytes()
    inputs = [tensor(datatype, **binary(len(content)))]
    assert (parse(content, inputs).images.pixels == PIXELS).all()


def test_files_are_accepted_as_binary_data_and_base64():
    content = packed(FILES)
    for shape in ((2,), (2, 1)):
        inputs = [tensor("BYTES", shape, **binary(len(content)))]
        assert parse(content, inputs).images.contents == FILES
    data = [base64.b64encode(each).decode() for each in FILES]
    for nested in (data, [[each] for each in data]):
        assert parse(inputs=[files(data=nested)]).images.contents == FILES


@pytest.mark.parametrize(
    ("inputs", "content", "reason"),
    [
        ([tensor(data=[1])], b"", "as many numbers"),
        ([tensor(data=["x"] * 24)], b"", "as many numbers"),
        ([tensor(data=[0.5] * 24)], b"", "whole numbers"),
        ([tensor("FP32", data=[0.5] * 23 + [256])], b"", "from 0 to 255"),
        ([tensor()], b"", "as many numbers"),
        ([tensor("INT64", data=[1] * 24)], b"", "datatype"),
        ([tensor(["FP32"], data=[1] * 24)], b"", "datatype"),
        ([tensor(shape=(1, 3, 3, 3), data=[1] * 27)], b"", "shape"),
        ([tensor(shape=(0, 2, 2, 3), data=[])], b"", "shape of whole numbers"),
        ([tensor(shape=(-1, 2, 2, 3), data=[])], b"", "shape of whole numbers"),
        ([tensor(shape=(2**62, 2, 2, 3), data=[])], b"", "shape of whole numbers"),
        ([tensor() | {"shape": [True, 2, 2, 3]}], b"", "shape of whole numbers"),
        ([tensor() | {"shape": None}], b"", "shape of whole numbers"),
        ([tensor() | {"name": "other"}], b"", "one input"),
        ([tensor(), tensor()], b"", "one tensor"),
        ([3], b"", "one tensor"),
        ([tensor(**binary(23))], bytes(23), "size of its shape"),
        ([tensor(**binary(24))], bytes(23), "size of its binary data"),
        ([tensor(**binary("24"))], bytes(24), "size of its binary data"),
        ([tensor(**binary(True))], bytes(1), "size of its binary data"),
        ([tensor(data=[1] * 24, **binary(24))], bytes(24), "size of its binary data"),
        ([tensor(data=[1] * 24)], b"left over", "of all binary data"),
        ([tensor(parameters=3)], b"", "must be an object"),
        ([files(data=["QUJD"])], b"", "as many files"),
        ([files(data=["QU!D", ""])], b"", "base64"),
        ([files()], b"", "a list"),
        ([tensor("BYTES", (1, 2), data=["QUJD", "QUJD"])], b"", "files"),
        ([files(**binary(3))], b"\1\0\0", "in the middle of a length"),
        ([files(**binary(8))], b"\5\0\0\0abcd", "in the middle of a string"),
        ([files(**binary(8))], b"\xff\xff\xff\xffabcd", "in the middle of a string"),
        ([files(**binary(5))], b"\1\0\0\0a", "as many files"),
    ],
)
def test_invalid_inputs_are_rejected_with_a_reason(inputs, content, reason):
    with pytest.raises(RequestError, match=reason) as refused:
        parse(content, inputs)
    assert refused.value.status == 400


@pytest.mark.parametrize(
    "length", ["-1", "+3", "1_0", "x", "", "99999999999999999999", "²"]
)
def test_invalid_header_lengths_are_rejected(length):
    with pytest.raises(RequestError, match="Inference-Header-Content-Length"):
        parse_infer(b'{"inputs": []}', length, SIZE)


@pytest.mark.parametrize(
    ("rest", "reason"),
    [
        ({"id": 3}, "`id`"),
        ({"outputs": 3}, "`outputs`"),
        ({"outputs": [{"name": "other"}]}, "one of"),
        ({"outputs": [{"name": ["class"]}]}, "one of"),
        ({"outputs": [{"name": "class", "parameters": {"binary_data": 1}}]}, "true or"),
        (
            {"outputs": [{"name": "class", "parameters": {"classification": 3}}]},
            "instead of",
        ),
        ({"parameters": {"binary_data_output": "yes"}}, "true or false"),
    ],
)
def test_invalid_output_requests_are_rejected_before_inference(rest, reason):
    inputs = [tensor(data=PIXELS.tolist())]
    with pytest.raises(RequestError, match=reason):
        parse(inputs=inputs, **rest)


def response(**rest):
    request = parse(inputs=[tensor(data=PIXELS.tolist())], **rest)
    body, length = infer_response(request, "colors", "7", PROBABILITIES, ROWS)
    return json.loads(body[:length]), body[length:] if length else b"", length


def test_all_outputs_are_returned_in_json():
    found, rest, length = response(id="42")
    assert (found["id"], found["model_name"], found["model_version"]) == (
        "42",
        "colors",
        "7",
    )
    probabilities, classes, descriptions = found["outputs"]
    assert probabilities == {
        "name": "probabilities",
        "datatype": "FP32",
        "shape": [2, 2],
        "data": [0.75, 0.25, 0.125, 0.875],
    }
    assert classes["data"] == ["red", "grün"]
    assert [json.loads(each) for each in descriptions["data"]] == ROWS
    assert (rest, length) == (b"", None)


def test_only_requested_outputs_are_returned_in_the_requested_order():
    found, _, _ = response(outputs=[{"name": "class"}, {"name": "probabilities"}])
    assert [each["name"] for each in found["outputs"]] == ["class", "probabilities"]
    assert "id" not in found


def test_binary_outputs_follow_in_tensor_order():
    """An output may be an exception to what the request asks for."""
    found, rest, _ = response(
        parameters={"binary_data_output": True},
        outputs=[
            {"name": "class"},
            {"name": "description", "parameters": {"binary_data": False}},
            {"name": "probabilities"},
        ],
    )
    classes, descriptions, probabilities = found["outputs"]
    strings = packed([b"red", "grün".encode()])
    assert rest == strings + PROBABILITIES.astype("<f4").tobytes()
    assert classes["parameters"] == {"binary_data_size": len(strings)}
    assert probabilities["parameters"] == {"binary_data_size": 16}
    assert "data" not in classes
    assert "parameters" not in descriptions
