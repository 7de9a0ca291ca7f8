"""Lost workers are replaced, and their jobs are retried once by another worker."""

import asyncio

import pytest
from keraunos.serving.app import app_of
from keraunos.serving.images import EncodedImages
from keraunos.serving.service import Service
from keraunos.serving.settings import ServeSettings
from keraunos.serving.workers.jobs import WorkerLostError
from keraunos.serving.workers.work import Work
from keraunos.serving.workers.worker import LocalWorker
from serving_client import calling
from serving_load import PREDICT, body_of, is_right
from serving_models import color_model, plain_image
from serving_worker import DEADLY, start_worker


class Mortal(LocalWorker):
    """A worker in this process that can be lost; it records its jobs."""

    def __init__(self, asked, **document):
        super().__init__(Work(color_model(**document), {}))
        self._asked = asked

    async def do(self, jobs):
        self._asked.append(len(jobs))
        return await super().do(jobs)


def run(scenario, start, **settings):
    """Runs a scenario with an open service."""

    async def whole():
        service = Service(start, ServeSettings(**settings))
        await service.open()
        try:
            return await scenario(service)
        finally:
            await service.close()

    return asyncio.run(whole())


@pytest.mark.parametrize(
    "changed", [{"classes": ["red", "green", "gray"]}, {"name": "another model"}]
)
def test_restarted_worker_with_a_different_model_is_rejected(changed):
    """Simulates an export that was overwritten while being served."""
    asked, workers = [], []

    async def start(number):
        workers.append(Mortal(asked, **(changed if workers else {})))
        return workers[-1]

    async def scenario(service):
        await service.wait_until_ready()
        workers[0].lost.set()
        return await asyncio.wait_for(service.failure(), 10), service.is_ready

    failure, is_ready = run(scenario, start, max_restarts=1)
    assert "different model" in str(failure)
    assert (len(workers), asked, is_ready) == (2, [], False)


def test_server_keeps_running_with_the_remaining_workers():
    is_ready = asyncio.Event()

    async def start(number):
        if number == 1:
            await is_ready.wait()
            raise WorkerLostError("ended with code 1", 1)
        return Mortal([])

    async def scenario(service):
        await service.wait_until_ready()
        is_ready.set()
        await asyncio.sleep(0.01)
        return await service.answers(EncodedImages([plain_image(1, 1, 2)]))

    answers = run(scenario, start, workers=2, max_restarts=0)
    assert is_right(answers.probabilities[0], (1, 1, 2))


@pytest.mark.slow
def test_request_that_kills_two_workers_fails_without_affecting_others():
    """All three are in one batch when the worker is lost; then each is retried alone."""
    settings = ServeSettings(max_wait_ms=1000.0, max_batch_images=3)
    service = Service(start_worker, settings)
    with calling(app_of(service)) as client:
        assert client.post(PREDICT, json=body_of(DEADLY)).status_code == 503
        assert client.get("/v2/health/ready").status_code == 503
        client.run(service.wait_until_ready())
        colors = [(9, 1, 0), DEADLY, (0, 8, 2)]
        posts = [(PREDICT, {"json": body_of(each)}) for each in colors]
        first, deadly, last = client.post_all(posts)
        metrics = client.get("/metrics").text
    assert deadly.status_code == 503, deadly.text
    assert deadly.headers["retry-after"] == "1"
    assert is_right(first.json()["predictions"][0], colors[0])
    assert is_right(last.json()["predictions"][0], colors[2])
    assert "keraunos_lost_workers_total 2.0" in metrics
    assert "keraunos_retried_jobs_total 3.0" in metrics
