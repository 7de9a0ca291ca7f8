"""Resources and requests of the page."""

import re

import pytest
from fastapi.testclient import TestClient
from keraunos.core.html import read_resource
from keraunos.serving.app import create_app
from keraunos.serving.page.router import FREE_PATHS, MAP_TASK
from keraunos.serving.settings import ServeSettings
from serving_models import CLASSES, color_model, plain_image

PAGE = {
    name: read_resource("keraunos.serving.page", f"page.{name}")
    for name in ("html", "css", "js")
}


@pytest.fixture(scope="module")
def client():
    def draw(content, arguments):
        return repr((content[:4], dict(arguments))).encode()

    model = color_model(
        name="a secret", classes=["<b>red</b>", "green", "blue"], not_for=["Anything."]
    )
    with TestClient(create_app(model, tasks={MAP_TASK: draw})) as client:
        yield client


@pytest.mark.parametrize("path", sorted(FREE_PATHS))
def test_paths_without_a_token_reveal_nothing_about_the_model(client, path):
    response = client.get(path)
    assert response.status_code == 200
    assert "secret" not in response.text
    assert not any(re.search(rf"\b{name}\b", response.text) for name in CLASSES)
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert "unsafe" not in response.headers["content-security-policy"]


def test_page_loads_no_external_resources_and_has_no_inline_code():
    for text in PAGE.values():
        assert not re.search(r"https?:|//[\w.]+/|@import", text)
    assert not re.search(r"\s(on\w+|style)=|<script>|<style>", PAGE["html"])
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|eval\(", PAGE["js"])


def test_model_description_is_returned(client):
    described = client.get("/page/model").json()
    assert described["classes"] == ["<b>red</b>", "green", "blue"]
    assert described["max_bytes"] == ServeSettings().max_body_megabytes * 1e6
    assert described["no_maps"] == ""
    assert described["warnings"] == []
    assert described["not_for"] == ["Anything."]


def test_image_is_answered(client):
    response = client.post("/page/answer", content=plain_image(0, 30, 10))
    answer = response.json()
    assert answer["verdict"] == "green"
    assert [each["percent"] for each in answer["classes"]] == [
        "75.0%",
        "25.0%",
        "< 0.1%",
    ]
    assert response.headers["cache-control"] == "no-store"


def test_invalid_image_is_rejected_with_a_message(client):
    response = client.post("/page/answer", content=b"no image")
    assert response.status_code == 400
    assert response.json()["error"]


def test_heat_map_is_drawn_for_valid_classes_only(client):
    response = client.post("/page/map?place=2", content=plain_image(1, 2, 3))
    assert response.headers["content-type"] == "image/png"
    assert response.text == "(b'\\x89PNG', {'place': 2})"
    assert client.post("/page/map?place=3", content=b"").status_code == 404
    assert client.post("/page/map?place=-1", content=b"").status_code == 422


def test_model_without_heat_maps_suggests_what_to_serve_instead():
    with TestClient(create_app(color_model())) as client:
        assert "serve the run itself" in client.get("/page/model").json()["no_maps"]
        assert client.post("/page/map?place=0", content=b"").status_code == 404


def test_non_finite_outputs_are_an_error():
    model = color_model()
    model.run = lambda images: 0 * images[:, 0, 0].astype("float32") + float("nan")
    with TestClient(create_app(model)) as client:
        response = client.post("/page/answer", content=plain_image(1, 2, 3))
    assert response.status_code == 500
    assert "not finite" in response.json()["error"]
