"""Requests with table columns in addition to images."""

import base64
import json
import re
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from keraunos.core.table_features import NumberColumn, TableFeatures, WordColumn
from keraunos.export.portable.columns import described_columns
from keraunos.export.portable.model import Model
from keraunos.serving.app import create_app
from keraunos.serving.images import EncodedImages, PixelImages
from keraunos.serving.page.tasks import MAP_TASK
from keraunos.serving.settings import ServeSettings
from keraunos.serving.workers.wire import LENGTH_BYTES, pack_jobs, unpack_jobs
from serving_models import DOCUMENT, SIZE, plain_image

COLUMNS = TableFeatures(
    (NumberColumn("age", 40.0, 10.0), WordColumn("body site", ("arm", "leg")))
)
IMAGE = plain_image(9, 9, 9)
FILE = {"b64": base64.b64encode(IMAGE).decode()}
# The rows are: old, a leg, or neither.
AGES, SITES = [70, None, 20.5], ["leg", "leg", ""]
WANTED = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
LENGTH = "Inference-Header-Content-Length"


def by_columns(inputs: Any) -> Any:
    is_old = inputs["age"][:, 0] > 60
    is_leg = inputs["body site"][:, 0] == b"leg"
    return np.stack([is_old, ~is_old & is_leg, ~is_old & ~is_leg], 1).astype(np.float32)


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    document = DOCUMENT | {"version": 2, "columns": described_columns(COLUMNS)}
    settings = ServeSettings(max_batch_images=2)  # cells are split along with the images

    def draw(content: bytes, arguments: Any) -> bytes:
        assert content == IMAGE
        return repr(dict(arguments)).encode()

    app = create_app(Model(document, by_columns), settings, {MAP_TASK: draw})
    with TestClient(app) as client:
        yield client


def predict(client: TestClient, **body: Any) -> Any:
    return client.post("/v1/models/colors:predict", json=body).json()


def infer(client: TestClient, inputs: Any, binary: bytes = b"", **rest: Any) -> Any:
    text = json.dumps({"inputs": inputs, **rest}).encode()
    response = client.post(
        "/v2/models/colors/infer", content=text + binary, headers={LENGTH: str(len(text))}
    )
    return response.json()


def test_instances_can_contain_table_columns(client: TestClient) -> None:
    pixels = np.zeros((SIZE, SIZE, 3)).tolist()
    for image in (FILE, pixels):
        rows = [
            {"images": image, "age": age, "body site": site}
            for age, site in zip(AGES, SITES, strict=True)
        ]
        assert predict(client, instances=rows)["predictions"] == WANTED
    lists = [{"images": FILE, "age": [70], "body_site": ["leg"]}]  # as in a SavedModel
    assert predict(client, instances=lists)["predictions"] == WANTED[:1]
    named = [{"image_bytes": FILE, "age": "70", "body_site": "arm"}]
    found = predict(client, instances=named, signature_name="serving_bytes")
    assert found["predictions"][0]["class"] == "red"


def test_inputs_can_contain_table_columns(client: TestClient) -> None:
    inputs = {"images": [FILE] * 3, "age": AGES, "body site": SITES}
    assert predict(client, inputs=inputs)["outputs"] == WANTED


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"age": ["old", 1, 2]}, "Image 0 .* the column age must be a number; it is 'old'"),
        ({"age": [1, 2]}, "one cell of age for each image"),
        ({"age": [[1, 2], 3, 4]}, "must be a number, a text or null"),
        ({"age": 7}, "`inputs` must be a list, or an object with `images`, `age`"),
        ({"hair": [1, 2, 3]}, "The model has the inputs `images`, `age`, `body_site`"),
    ],
)
def test_invalid_cells_are_rejected(
    client: TestClient, change: dict[str, Any], reason: str
) -> None:
    inputs = {"images": [FILE] * 3, "age": AGES, "body site": SITES} | change
    error = predict(client, inputs=inputs)["error"]
    assert re.search(reason, error), error
    for instance in (FILE, {"images": FILE, "age": 1}):
        assert "`body_site`" in predict(client, instances=[instance])["error"]


def test_tensors_can_contain_table_columns(client: TestClient) -> None:
    images = {
        "name": "images",
        "datatype": "BYTES",
        "shape": [3],
        "data": [FILE["b64"]] * 3,
    }
    age = {"name": "age", "datatype": "FP32", "shape": [3, 1], "data": [[a] for a in AGES]}
    site = {"name": "body site", "datatype": "BYTES", "shape": [3], "data": SITES}
    wanted = {"outputs": [{"name": "probabilities"}]}
    for inputs in ([images, age, site], [site, images, age]):
        found = infer(client, inputs, **wanted)
        assert found["outputs"][0]["data"] == np.ravel(WANTED).tolist()
    assert "list of 3 tensors" in infer(client, [images, age])["error"]
    assert "must be `images`, `age`" in infer(client, [images, age, age])["error"]
    short = age | {"data": [1, 2]}
    assert "as many cells" in infer(client, [images, short, site])["error"]
    other = age | {"datatype": "BOOL"}
    assert "datatype of `age`" in infer(client, [images, other, site])["error"]


def test_binary_tensors_are_concatenated_in_order(client: TestClient) -> None:
    def packed(parts: list[bytes]) -> bytes:
        return b"".join(struct.pack("<I", len(each)) + each for each in parts)

    numbers = np.array([70, np.nan, 20.5], "<f4").tobytes()
    blobs = [packed([b"leg", b"leg", b""]), packed([IMAGE] * 3), numbers]
    kinds = [("body_site", "BYTES"), ("images", "BYTES"), ("age", "FP32")]
    inputs = [
        {
            "name": name,
            "datatype": kind,
            "shape": [3],
            "parameters": {"binary_data_size": len(blob)},
        }
        for (name, kind), blob in zip(kinds, blobs, strict=True)
    ]
    wanted = {"outputs": [{"name": "probabilities"}]}
    found = infer(client, inputs, b"".join(blobs), **wanted)
    assert found["outputs"][0]["data"] == np.ravel(WANTED).tolist()
    assert (
        "must be in the parameter" in infer(client, inputs, b"".join(blobs) + b"x")["error"]
    )


def test_metadata_lists_the_table_columns(client: TestClient) -> None:
    found = client.get("/v2/models/colors").json()["inputs"]
    assert [(each["name"], each["datatype"]) for each in found] == [
        ("images", "UINT8"),
        ("age", "FP32"),
        ("body_site", "BYTES"),
    ]
    found = client.get("/v1/models/colors/metadata").json()
    signatures = found["metadata"]["signature_def"]["signature_def"]
    assert signatures["serving_default"]["inputs"]["body_site"]["dtype"] == "DT_STRING"
    assert list(signatures["serving_bytes"]["inputs"]) == [
        "image_bytes",
        "age",
        "body_site",
    ]


def test_page_asks_for_table_columns(client: TestClient) -> None:
    described = client.get("/page/model").json()
    assert [each["name"] for each in described["fields"]] == ["age", "body site"]
    assert described["fields"][0]["choices"] is None
    assert [each["value"] for each in described["fields"][1]["choices"]] == ["arm", "leg"]
    assert described["no_maps"] == ""

    def answer(cells: Any) -> Any:
        text = json.dumps(cells).encode()
        headers = {LENGTH: str(len(text))}
        return client.post("/page/answer", content=text + IMAGE, headers=headers).json()

    assert answer({"age": "", "body site": "leg"})["verdict"] == "green"
    assert answer({"age": "70", "body site": ""})["verdict"] == "red"
    assert "also takes the columns body site" in answer({"age": "70"})["error"]
    assert "must be a number" in answer({"age": "x", "body site": ""})["error"]
    assert "the columns age" in client.post("/page/answer", content=IMAGE).json()["error"]
    text = json.dumps({"age": "", "body site": "leg"}).encode()
    headers = {LENGTH: str(len(text))}
    drawn = client.post("/page/map?place=1", content=text + IMAGE, headers=headers).text
    assert drawn == "{'place': 1, 'cells': {'age': [''], 'body site': ['leg']}}"


@pytest.mark.parametrize("cells", [None, {"age": ["1", ""], "body site": ["größe", "leg"]}])
def test_cells_are_transmitted_to_worker_processes(cells: Any) -> None:
    pixels = np.zeros((2, SIZE, SIZE, 3), np.uint8)
    jobs = [EncodedImages([b"a", b"b"], 3, cells), PixelImages(pixels, cells)]
    message = [bytes(part) for part in pack_jobs(jobs)]
    assert len(message[0]) == LENGTH_BYTES
    encoded, decoded = unpack_jobs(json.loads(message[1]), message[2:])
    assert encoded == jobs[0]
    assert isinstance(decoded, PixelImages)
    assert decoded.cells == cells
