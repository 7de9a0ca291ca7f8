"""Jobs leave the queue in batches, in order, and wait only for a limited time."""

import asyncio

import pytest
from keraunos.serving.errors import RequestError
from keraunos.serving.images import EncodedImages
from keraunos.serving.workers.jobs import TaskCall
from keraunos.serving.workers.queue import BatchQueue


def files(count):
    return EncodedImages([b"x"] * count)


def queue(max_images=20, max_batch=4, max_wait=0.0):
    return BatchQueue(max_images, max_batch, max_wait)


def batches(waiting, count):
    """Returns the next batches."""

    async def take():
        return [await waiting.take() for _ in range(count)]

    return take()


def test_jobs_leave_in_order_in_batches_that_fit():
    async def scenario():
        waiting = queue()
        waiting.put([files(1), files(2), files(2), files(1), files(4), files(1)])
        return [[len(i.job) for i in batch] for batch in await batches(waiting, 4)]

    assert asyncio.run(scenario()) == [[1, 2], [2, 1], [4], [1]]


def test_full_queue_rejects_a_request_as_a_whole():
    async def scenario():
        waiting = queue(max_images=5)
        waiting.put([files(3)])
        with pytest.raises(RequestError) as refused:
            waiting.put([files(1), files(2)])
        waiting.put([files(2)])
        return refused.value, waiting.images

    refusal, images = asyncio.run(scenario())
    assert (refusal.status, refusal.headers) == (429, {"Retry-After": "1"})
    assert images == 5


def test_canceled_jobs_free_their_space():
    async def scenario():
        waiting = queue(max_images=5)
        (first,) = waiting.put([files(5)])
        first.outcome.cancel()
        (second,) = waiting.put([files(5)])
        return await waiting.take() == [second]

    assert asyncio.run(scenario())


def test_first_job_waits_until_the_batch_is_full():
    async def scenario():
        waiting = queue(max_wait=60.0)
        taking = asyncio.create_task(waiting.take())
        for _ in range(4):
            await asyncio.sleep(0)
            assert not taking.done()
            waiting.put([files(1)])
        return len(await taking)

    assert asyncio.run(scenario()) == 4


def test_first_job_waits_at_most_max_wait():
    async def scenario():
        waiting = queue(max_wait=0.01)
        waiting.put([files(1)])
        return len(await waiting.take())

    assert asyncio.run(scenario()) == 1


def test_tasks_and_retried_jobs_get_their_own_batches():
    async def scenario():
        waiting = queue(max_batch=8)
        lost = waiting.put([files(1), files(2)])
        await waiting.take()
        waiting.put([files(3), TaskCall("map", b"x"), files(1), files(1)])
        for item in lost:
            item.attempts += 1
        waiting.put_back(lost)
        found = [[len(i.job) for i in batch] for batch in await batches(waiting, 5)]
        return found, waiting.images

    assert asyncio.run(scenario()) == ([[1], [2], [3], [1], [1, 1]], 0)
