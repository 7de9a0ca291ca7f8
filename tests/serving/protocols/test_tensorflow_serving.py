"""Requests and responses of the TensorFlow Serving REST API."""

import base64
import json

import numpy as np
import pytest
from keraunos.serving.errors import RequestError
from keraunos.serving.protocols.tensorflow_serving import (
    parse_predict,
    predict_response,
    status_response,
)

SIZE = 2
PIXELS = np.arange(2 * SIZE * SIZE * 3).reshape(2, SIZE, SIZE, 3)
FILES = [{"b64": base64.b64encode(each).decode()} for each in (b"first", b"second")]
ROWS = [{"class": "red", "probability": 0.9}, {"class": "green", "probability": 0.8}]


def parse(**body):
    return parse_predict(json.dumps(body).encode(), SIZE)


@pytest.mark.parametrize(
    "body",
    [
        {"instances": PIXELS.tolist()},
        {"instances": [{"images": each} for each in PIXELS.tolist()]},
        {"inputs": PIXELS.tolist()},
        {"inputs": {"images": PIXELS.tolist()}, "signature_name": "serving_default"},
    ],
)
def test_pixels_are_accepted_in_row_and_column_format(body):
    request = parse(**body)
    assert request.images.pixels.dtype == np.uint8
    assert (request.images.pixels == PIXELS).all()
    assert request.in_columns == ("inputs" in body)


@pytest.mark.parametrize(
    "body",
    [
        {"instances": FILES},
        {"instances": [{"images": each} for each in FILES]},
        {"inputs": FILES},
        {"inputs": {"images": FILES}},
    ],
)
def test_files_are_accepted_in_base64(body):
    assert parse(**body).images.contents == [b"first", b"second"]


def test_fractional_pixel_values_are_kept():
    images = parse(instances=(PIXELS + 0.25).tolist()).images
    assert images.pixels.dtype == np.float32
    assert images.pixels.max() == PIXELS.max() + 0.25


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "must be JSON"),
        (b"[" * 100_000, "must be JSON"),
        (b"\xff\xfe\x00", "must be JSON"),
        (b'{"instances": [%s]}' % (b"9" * 5000), "must be JSON"),
        (b"[]", "must be a JSON object"),
        (b"{}", "either"),
        (b'{"instances": [], "inputs": []}', "either"),
        (b'{"instances": 3}', "must be a list"),
        (b'{"inputs": {"b64": "QUJD"}}', "must be a list"),
        (b'{"instances": []}', "must be numbers of shape"),
        (b'{"instances": [[1, 2], [3]]}', "must be numbers of shape"),
        (b'{"instances": ["text"]}', "must be numbers of shape"),
        (b'{"instances": [[[["5", 5, 5]]]]}', "are not numbers"),
        (b'{"instances": [[[[true, 5, 5]]]]}', "are not numbers"),
        (b'{"instances": [{"b64": "QUJD"}, 3]}', "must be numbers of shape"),
        (b'{"instances": [{"b64": "QU!D"}]}', "base64"),
        (b'{"instances": [{"b64": 3}]}', "base64"),
        (b'{"instances": [{"b64": "QUJD", "path": "/etc/passwd"}]}', "with only"),
        (b'{"instances": [{"pixels": [1]}]}', "one input"),
        (b'{"instances": [], "signature_name": "other"}', "signature_name"),
        (b'{"instances": [[[[NaN, 0, 0], [0, 0, 0]], [[0, 0, 0], [0, 0, 0]]]]}', "from 0"),
        (b'{"instances": [[[[256, 0, 0], [0, 0, 0]], [[0, 0, 0], [0, 0, 0]]]]}', "from 0"),
        (b'{"instances": [[[[-1, 0, 0], [0, 0, 0]], [[0, 0, 0], [0, 0, 0]]]]}', "from 0"),
        (
            b'{"instances": [[[[1e999, 0, 0], [0, 0, 0]], [[0, 0, 0], [0, 0, 0]]]]}',
            "from 0",
        ),
    ],
)
def test_malformed_requests_are_rejected_with_a_reason(body, reason):
    with pytest.raises(RequestError, match=reason) as refused:
        parse_predict(body, SIZE)
    assert refused.value.status == 400


def test_long_string_among_many_values_does_not_exhaust_memory():
    """NumPy would use four bytes per character for every element: 1.6 terabytes."""
    text = json.dumps({"instances": ["x" * 4_000_000, *[0] * 100_000]}).encode()
    with pytest.raises(RequestError, match="must be numbers"):
        parse_predict(text, SIZE)


def test_single_output_is_unnamed_and_several_are_named():
    probabilities = [[0.9, 0.1], [0.2, 0.8]]
    for signature, form, wanted in [
        ("", "instances", {"predictions": probabilities}),
        ("", "inputs", {"outputs": probabilities}),
        ("description", "instances", {"predictions": ROWS}),
        (
            *("description", "inputs"),
            {"outputs": {"class": ["red", "green"], "probability": [0.9, 0.8]}},
        ),
    ]:
        request = parse(**{form: FILES, "signature_name": signature})
        assert predict_response(request, probabilities, ROWS) == wanted


BY_NAME = [
    {"class": "red", "probabilities": {"red": 0.9, "green": 0.1}},
    {"class": "green", "probabilities": {"red": 0.2, "green": 0.8}},
]


def test_serving_bytes_signature_matches_the_saved_model():
    wanted = {
        "class": ["red", "green"],
        "classes": [["red", "green"], ["red", "green"]],
        "probabilities": [[0.9, 0.1], [0.2, 0.8]],
    }
    for inputs in (FILES, {"image_bytes": FILES}):
        request = parse(inputs=inputs, signature_name="serving_bytes")
        assert predict_response(request, [], BY_NAME) == {"outputs": wanted}
    request = parse(instances=FILES, signature_name="serving_bytes")
    (_, second) = predict_response(request, [], BY_NAME)["predictions"]
    assert second == {name: values[1] for name, values in wanted.items()}
    with pytest.raises(RequestError, match="image files"):
        parse(instances=PIXELS.tolist(), signature_name="serving_bytes")


def test_status_reports_the_single_version_as_available():
    assert status_response("7") == {
        "model_version_status": [
            {
                "version": "7",
                "state": "AVAILABLE",
                "status": {"error_code": "OK", "error_message": ""},
            }
        ]
    }
