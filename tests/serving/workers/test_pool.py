"""A worker that is lost is replaced, and what it was at is given to another, once."""

import pytest
from keraunos.serving.app import app_of
from keraunos.serving.service import Service
from keraunos.serving.settings import ServeSettings
from serving_client import calling
from serving_load import PREDICT, body_of, is_right
from serving_worker import DEADLY, start_worker


@pytest.mark.slow
def test_what_ends_two_workers_fails_and_ends_no_other_request():
    """All three are in one batch when the worker is lost; then each is alone."""
    settings = ServeSettings(max_wait_ms=1000.0, max_batch_images=3)
    service = Service(start_worker, settings)
    with calling(app_of(service)) as client:
        assert client.post(PREDICT, json=body_of(DEADLY)).status_code == 503
        assert client.get("/v2/health/ready").status_code == 503
        client.run(service.wait_until_ready())
        colours = [(9, 1, 0), DEADLY, (0, 8, 2)]
        posts = [(PREDICT, {"json": body_of(each)}) for each in colours]
        first, deadly, last = client.post_all(posts)
        metrics = client.get("/metrics").text
    assert (deadly.status_code, deadly.headers["retry-after"]) == (503, "1")
    assert is_right(first.json()["predictions"][0], colours[0])
    assert is_right(last.json()["predictions"][0], colours[2])
    assert "keraunos_lost_workers_total 2.0" in metrics
    assert "keraunos_retried_jobs_total 3.0" in metrics
