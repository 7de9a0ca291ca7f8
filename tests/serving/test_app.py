"""The application answers over HTTP in both protocols, within its limits."""

import asyncio
import base64
import contextlib
import json
import threading

import httpx
import numpy as np
import pytest
from keraunos.export.portable.answers import describe
from keraunos.serving.app import create_app
from keraunos.serving.settings import ServeSettings
from serving_client import calling
from serving_models import SIZE, color_model, plain_image, shares

SETTINGS = ServeSettings(
    version=7,
    max_wait_ms=0.0,
    max_batch_images=2,
    max_request_images=5,
    max_queue_images=6,
    max_body_megabytes=0.05,
    max_pending_megabytes=0.06,
)
TOKEN = "a secret of enough characters"[:16].replace(" ", "-")
COLORS = [(9, 1, 0), (0, 8, 2), (1, 0, 7), (1, 2, 3), (3, 3, 3)]
PREDICT, INFER = "/v1/models/colors:predict", "/v2/models/colors/infer"


@pytest.fixture(scope="module")
def client():
    with calling(create_app(color_model(), SETTINGS)) as client:
        client.post(PREDICT, json=ONE)  # starts its thread
        yield client


def files(colors=COLORS):
    return [base64.b64encode(plain_image(*each)).decode() for each in colors]


def instances(colors=COLORS):
    return {"instances": [{"b64": each} for each in files(colors)]}


def expected(colors=COLORS):
    return pytest.approx(np.array(colors) / np.sum(colors, 1, keepdims=True), abs=1e-6)


def test_request_larger_than_a_batch_is_answered_in_order(client):
    found = client.post(PREDICT, json=instances())
    assert found.status_code == 200
    assert np.array(found.json()["predictions"]) == expected()


@pytest.mark.feature("serving")
def test_concurrent_requests_get_their_own_answers(client):
    each = [[color] for color in COLORS]
    answers = client.post_all([(PREDICT, {"json": instances(c)}) for c in each])
    for colors, found in zip(each, answers, strict=True):
        assert np.array(found.json()["predictions"]) == expected(colors)


def test_served_descriptions_equal_those_of_the_exported_model(client):
    model = color_model()
    pixels = np.stack([model.decode(plain_image(*each)) for each in COLORS])
    wanted = describe(model.answers(pixels), model.description)
    body = instances() | {"signature_name": "description"}
    assert client.post(PREDICT, json=body).json()["predictions"] == wanted


def test_binary_tensors_are_received_and_returned(client):
    pixels = np.zeros((2, SIZE, SIZE, 3), np.uint8) + np.array([1, 2, 1], np.uint8)
    tensor = {"name": "images", "datatype": "UINT8", "shape": list(pixels.shape)}
    tensor["parameters"] = {"binary_data_size": pixels.nbytes}
    asked = {
        "id": "a",
        "inputs": [tensor],
        "outputs": [{"name": "probabilities", "parameters": {"binary_data": True}}],
    }
    text = json.dumps(asked).encode()
    headers = {"Inference-Header-Content-Length": str(len(text))}
    found = client.post(INFER, content=text + pixels.tobytes(), headers=headers)
    length = int(found.headers["inference-header-content-length"])
    head = json.loads(found.content[:length])
    values = np.frombuffer(found.content[length:], "<f4").reshape(2, 3)
    assert values == pytest.approx(shares(pixels))
    assert (head["id"], head["model_name"], head["model_version"]) == ("a", "colors", "7")
    assert found.headers["content-type"] == "application/octet-stream"


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("/v2/health/live", {"live": True}),
        ("/v2/health/ready", {"live": True, "ready": True}),
        ("/v2/models/colors/ready", {"name": "colors", "ready": True}),
        ("/v2/models/colors/versions/7/ready", {"name": "colors", "ready": True}),
    ],
)
def test_health_and_readiness_are_reported(client, path, wanted):
    found = client.get(path)
    assert (found.status_code, found.json()) == (200, wanted)


def test_inputs_and_outputs_are_described_in_both_protocols(client):
    found = client.get("/v2/models/colors/versions/7").json()
    assert (found["name"], found["versions"]) == ("colors", ["7"])
    assert found["inputs"] == [
        {"name": "images", "datatype": "UINT8", "shape": [-1, SIZE, SIZE, 3]}
    ]
    assert found["outputs"][0]["shape"] == [-1, 3]
    assert client.get("/v2").json()["extensions"] == ["binary_tensor_data"]
    found = client.get("/v1/models/colors/metadata").json()
    assert found["model_spec"] == {"name": "colors", "signature_name": "", "version": "7"}
    signature = found["metadata"]["signature_def"]["signature_def"]["serving_default"]
    sizes = signature["inputs"]["images"]["tensor_shape"]["dim"]
    assert [each["size"] for each in sizes] == ["-1", str(SIZE), str(SIZE), "3"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/models/other", 404),
        ("/v1/models/colors/versions/8", 404),
        ("/v1/models/colors/versions/x/metadata", 404),
        ("/v2/models/other/ready", 404),
        ("/v2/models/colors/versions/8", 404),
        ("/v2/models/..%2f..%2fetc%2fpasswd", 404),
        ("/etc/passwd", 404),
        ("/page/../../setup.cfg", 404),
        ("/docs", 404),
        (PREDICT, 404),
        (INFER, 405),
    ],
)
def test_unknown_paths_are_errors_in_json(client, path, status):
    found = client.get(path)
    assert found.status_code == status
    assert isinstance(found.json()["error"], str)


def test_every_response_has_model_name_and_version_headers(client):
    for found in (
        client.get("/v2/health/live"),
        client.post(PREDICT, json=instances()),
        client.post(PREDICT, content=b"no json"),
        client.get("/nowhere"),
        client.post(PREDICT, content=bytes(60_000)),
    ):
        assert found.headers["keraunos-model-name"] == "colors"
        assert found.headers["keraunos-model-version"] == "7"


def test_model_name_is_percent_encoded_in_headers():
    with calling(create_app(color_model(name="gr\u00fcn\r\nX-Other: 1"))) as client:
        headers = client.get("/v2").headers
    assert headers["keraunos-model-name"] == "gr%C3%BCn%0D%0AX-Other%3A%201"
    assert "x-other" not in headers


def test_invalid_image_does_not_affect_other_requests(client):
    bad = {"instances": [*instances([COLORS[0]])["instances"], {"b64": "QUJD"}]}
    good, refused, again = client.post_all(
        [(PREDICT, {"json": each}) for each in (instances([COLORS[1]]), bad, instances([]))]
    )
    assert good.status_code == 200
    assert (refused.status_code, "Image 1 " in refused.json()["error"]) == (400, True)
    assert again.status_code == 400


def test_limits_on_images_pixels_and_bytes_are_enforced(client):
    many = {"instances": [{"b64": files()[0]}] * 6}
    assert client.post(PREDICT, json=many).status_code == 413
    large = {"instances": [{"b64": base64.b64encode(plain_image(1, 2, 3, 1001)).decode()}]}
    found = client.post(PREDICT, json=large)
    assert (found.status_code, "pixels" in found.json()["error"]) == (413, True)
    found = client.post(PREDICT, content=bytes(50_001))
    assert (found.status_code, "0.05 megabytes" in found.json()["error"]) == (413, True)
    compressed = {"Content-Encoding": "gzip"}
    assert client.post(PREDICT, content=b"x", headers=compressed).status_code == 415


def test_streamed_body_without_a_length_is_limited(client):
    sent = []

    async def endless():
        while True:
            sent.append(1)
            yield bytes(10_000)

    assert client.post(PREDICT, content=endless()).status_code == 413
    assert len(sent) == 6


def test_metrics_are_labeled_by_route_and_not_by_requested_path(client):
    client.get("/made/up")
    client.request("MADE", PREDICT)
    text = client.get("/metrics").text
    assert 'keraunos_requests_total{method="POST",route="/v1/models/{name}:predict"' in text
    assert 'route="other"' in text
    assert "made" not in text.lower()
    assert "keraunos_workers 1.0" in text
    assert "keraunos_waiting_images 0.0" in text


def test_openapi_description_is_served_without_a_docs_page(client):
    found = client.get("/openapi.json").json()
    assert PREDICT.replace("colors", "{name}") in found["paths"]
    assert "requestBody" in found["paths"]["/v2/models/{name}/infer"]["post"]
    assert client.get("/docs").status_code == 404


def test_with_a_token_only_health_checks_are_unauthenticated():
    settings = ServeSettings(token=TOKEN)
    with calling(create_app(color_model(), settings)) as client:
        assert client.get("/v2/health/ready").status_code == 200
        for given in ("", "Bearer", f"Bearer {TOKEN[:-1]}", f"Basic {TOKEN}", TOKEN):
            for path in ("/metrics", "/v2", "/openapi.json", "/v2/health/ready/"):
                found = client.get(path, headers={"Authorization": given} if given else {})
                assert found.status_code == 401, (path, given)
                assert found.headers["www-authenticate"] == "Bearer"
        known = {"Authorization": f"bearer {TOKEN}"}
        assert client.get("/metrics", headers=known).status_code == 200
        assert client.post(PREDICT, json=instances(), headers=known).status_code == 200


class Held:
    """A model that answers once it is released."""

    def __init__(self):
        self.has_begun, self.may_end = threading.Event(), threading.Event()

    def __call__(self, images):
        self.has_begun.set()
        assert self.may_end.wait(20)
        return shares(images)


@contextlib.asynccontextmanager
async def held(**settings):
    """An application whose model waits for release, and a client for it."""
    model, run = color_model(), Held()
    model.run = run
    app = create_app(model, ServeSettings(max_wait_ms=0.0, **settings))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as calls:
            yield calls, run
        run.may_end.set()


def test_requests_beyond_the_queue_limit_are_rejected():
    async def scenario():
        limits = {"max_batch_images": 1, "max_queue_images": 2, "max_request_images": 2}
        async with held(**limits) as (calls, run):
            post = [asyncio.create_task(calls.post(PREDICT, json=ONE))]
            await asyncio.to_thread(run.has_begun.wait, 20)
            post += [asyncio.create_task(calls.post(PREDICT, json=ONE)) for _ in range(3)]
            done, _ = await asyncio.wait(post, return_when=asyncio.FIRST_COMPLETED)
            run.may_end.set()
            return [each.result() for each in done], [await each for each in post]

    refused, all_ = asyncio.run(scenario())
    assert [each.status_code for each in refused] == [429]
    assert refused[0].headers["retry-after"] == "1"
    assert sorted(each.status_code for each in all_) == [200, 200, 200, 429]


def test_slow_answer_is_a_timeout_error():
    async def scenario():
        async with held(timeout_seconds=0.05) as (calls, _):
            return await calls.post(PREDICT, json=ONE)

    found = asyncio.run(scenario())
    assert (found.status_code, "0.05 s" in found.json()["error"]) == (504, True)


def test_pending_bytes_of_concurrent_requests_are_limited():
    async def scenario():
        async with held(max_pending_megabytes=len(TEXT) * 2.5e-6) as (calls, run):
            post = [asyncio.create_task(calls.post(PREDICT, json=ONE)) for _ in range(3)]
            done, _ = await asyncio.wait(post, return_when=asyncio.FIRST_COMPLETED)
            run.may_end.set()
            later = [(await each).status_code for each in post]
            again = await calls.post(PREDICT, json=ONE)
            return [each.result().status_code for each in done], later, again.status_code

    refused, all_, again = asyncio.run(scenario())
    assert (refused, sorted(all_), again) == ([429], [200, 200, 429], 200)


ONE = instances(COLORS[:1])
TEXT = json.dumps(ONE)
