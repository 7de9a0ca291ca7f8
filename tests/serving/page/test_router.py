"""What the page loads and asks for."""

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
def test_what_needs_no_token_says_nothing_of_the_model(client, path):
    response = client.get(path)
    assert response.status_code == 200
    assert "secret" not in response.text
    assert not any(re.search(rf"\b{name}\b", response.text) for name in CLASSES)
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert "unsafe" not in response.headers["content-security-policy"]


def test_the_page_needs_nothing_from_elsewhere_and_no_code_in_its_markup():
    for text in PAGE.values():
        assert not re.search(r"https?:|//[\w.]+/|@import", text)
    assert not re.search(r"\s(on\w+|style)=|<script>|<style>", PAGE["html"])
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|eval\(", PAGE["js"])


def test_the_model_is_described(client):
    told = client.get("/page/model").json()
    assert told["classes"] == ["<b>red</b>", "green", "blue"]
    assert told["max_bytes"] == ServeSettings().max_body_megabytes * 1e6
    assert told["no_maps"] == ""
    assert told["warnings"] == []
    assert told["not_for"] == ["Anything."]


def test_an_image_is_answered(client):
    response = client.post("/page/answer", content=plain_image(0, 30, 10))
    told = response.json()
    assert told["verdict"] == "green"
    assert [each["percent"] for each in told["classes"]] == ["75.0%", "25.0%", "< 0.1%"]
    assert response.headers["cache-control"] == "no-store"


def test_what_is_no_image_is_refused_in_words(client):
    response = client.post("/page/answer", content=b"no image")
    assert response.status_code == 400
    assert response.json()["error"]


def test_a_map_is_drawn_where_the_model_is(client):
    response = client.post("/page/map?place=2", content=plain_image(1, 2, 3))
    assert response.headers["content-type"] == "image/png"
    assert response.text == "(b'\\x89PNG', {'place': 2})"
    assert client.post("/page/map?place=3", content=b"").status_code == 404
    assert client.post("/page/map?place=-1", content=b"").status_code == 422


def test_a_model_without_maps_tells_what_to_serve_instead():
    with TestClient(create_app(color_model())) as client:
        assert "serve the run itself" in client.get("/page/model").json()["no_maps"]
        assert client.post("/page/map?place=0", content=b"").status_code == 404


def test_outputs_that_are_no_numbers_are_no_answer():
    model = color_model()
    model.run = lambda images: 0 * images[:, 0, 0].astype("float32") + float("nan")
    with TestClient(create_app(model)) as client:
        response = client.post("/page/answer", content=plain_image(1, 2, 3))
    assert response.status_code == 500
    assert "not finite" in response.json()["error"]
