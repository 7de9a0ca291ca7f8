"""Multi-label and regression models, over both protocols and on the page."""

import base64
import json

import pytest
from keraunos.serving.app import create_app
from serving_client import calling
from serving_models import color_model, plain_image

THRESHOLDS = {"red": 0.3, "green": 0.3, "blue": None}
WIDTHS = {"red": 0.25, "green": None, "blue": None}
COLORS = [(120, 120, 0), (0, 0, 90)]
FILES = [base64.b64encode(plain_image(*each)).decode() for each in COLORS]
ROWS = {"instances": [{"b64": each} for each in FILES]}
TENSOR = {"name": "images", "datatype": "BYTES", "shape": [2], "data": FILES}
V1, V2 = "/v1/models/colors", "/v2/models/colors"


def shares(*values):
    return pytest.approx(list(values), abs=1e-6)


def answered(client, path, **body):
    answer = client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def refused(client, path, **body):
    answer = client.post(path, json=body)
    assert answer.status_code == 400, answer.text
    return answer.text


def test_multi_label_models_are_served():
    model = color_model(task="multi_label", label_thresholds=THRESHOLDS)
    with calling(create_app(model)) as client:
        (first, second) = answered(client, V1 + ":predict", **ROWS)["predictions"]
        assert (first, second) == (shares(0.5, 0.5, 0), shares(0, 0, 1))
        named = answered(client, V1 + ":predict", **ROWS, signature_name="description")
        assert [row["labels"] for row in named["predictions"]] == [
            ["red", "green"],
            ["blue"],
        ]
        assert "serving_default, description" in refused(
            client, V1 + ":predict", **ROWS, signature_name="serving_bytes"
        )
        found = answered(client, V2 + "/infer", inputs=[TENSOR])["outputs"]
        assert [each["name"] for each in found] == [
            "probabilities",
            "labels",
            "description",
        ]
        assert list(map(json.loads, found[1]["data"])) == [["red", "green"], ["blue"]]
        asked = {"inputs": [TENSOR], "outputs": [{"name": "class"}]}
        assert "probabilities, labels, description" in refused(
            client, V2 + "/infer", **asked
        )
        outputs = client.get(V2).json()["outputs"]
        assert [each["name"] for each in outputs] == [each["name"] for each in found]
        signatures = client.get(V1 + "/metadata").json()["metadata"]["signature_def"]
        assert list(signatures["signature_def"]) == ["serving_default"]
        page = client.get("/page/model").json()
        assert (
            page["about"] == "Assigns any number of 3 labels to an image: red, green, blue."
        )
        assert "one class per image" in page["no_maps"]
        answer = client.post("/page/answer", content=plain_image(*COLORS[0])).json()
        assert answer["verdict"] == "red, green"
        assert [each["is_likely"] for each in answer["classes"]] == [True, True, False]


def test_regression_models_are_served():
    model = color_model(task="regression", interval_half_widths=WIDTHS)
    with calling(create_app(model)) as client:
        (first, _) = answered(client, V1 + ":predict", **ROWS)["predictions"]
        assert first == shares(0.5, 0.5, 0)
        found = answered(client, V2 + "/infer", inputs=[TENSOR])["outputs"]
        assert [each["name"] for each in found] == ["values", "description"]
        said = json.loads(found[1]["data"][0])
        assert said["intervals"]["red"] == pytest.approx([0.25, 0.75])
        only = {"inputs": [TENSOR], "outputs": [{"name": "values"}]}
        (values,) = answered(client, V2 + "/infer", **only)["outputs"]
        assert values["data"] == shares(0.5, 0.5, 0, 0, 0, 1)
        page = client.get("/page/model").json()
        assert page["caption"] == "Predicted numbers"
        answer = client.post("/page/answer", content=plain_image(*COLORS[0])).json()
        assert answer["classes"][0]["percent"] == "0.5 (0.25 to 0.75)"
        assert answer["verdict"].startswith("red 0.5, green 0.5, blue ")
