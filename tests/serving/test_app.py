"""The application answers over HTTP."""

import base64

import pytest
from fastapi.testclient import TestClient
from keraunos.serving.app import create_app
from serving_models import colour_model, plain_image


@pytest.fixture(scope="module")
def client():
    with TestClient(create_app(colour_model())) as client:
        yield client


def test_an_image_file_is_answered(client):
    content = base64.b64encode(plain_image(0, 30, 10)).decode()
    body = {"instances": [{"b64": content}]}
    response = client.post("/v1/models/colours:predict", json=body)
    assert response.json()["predictions"][0] == pytest.approx([0, 0.75, 0.25])
