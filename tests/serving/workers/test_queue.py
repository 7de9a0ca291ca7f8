"""Jobs leave the queue in batches, in their order, and never wait beyond its bounds."""

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
    """The sizes of the jobs of the next batches."""

    async def take():
        return [await waiting.take() for _ in range(count)]

    return take()


def test_jobs_leave_in_their_order_as_many_as_fit():
    async def scenario():
        waiting = queue()
        waiting.put([files(1), files(2), files(2), files(1), files(4), files(1)])
        return [[len(i.job) for i in batch] for batch in await batches(waiting, 4)]

    assert asyncio.run(scenario()) == [[1, 2], [2, 1], [4], [1]]


def test_a_full_queue_refuses_all_jobs_of_a_request_and_takes_the_next_that_fits():
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


def test_who_no_longer_waits_leaves_room():
    async def scenario():
        waiting = queue(max_images=5)
        (first,) = waiting.put([files(5)])
        first.outcome.cancel()
        (second,) = waiting.put([files(5)])
        return await waiting.take() == [second]

    assert asyncio.run(scenario())


def test_the_first_of_a_batch_waits_for_others_until_it_is_full():
    async def scenario():
        waiting = queue(max_wait=60.0)
        taking = asyncio.create_task(waiting.take())
        for _ in range(4):
            await asyncio.sleep(0)
            assert not taking.done()
            waiting.put([files(1)])
        return len(await taking)

    assert asyncio.run(scenario()) == 4


def test_the_first_of_a_batch_waits_no_longer_than_it_may():
    async def scenario():
        waiting = queue(max_wait=0.01)
        waiting.put([files(1)])
        return len(await waiting.take())

    assert asyncio.run(scenario()) == 1


def test_tasks_and_jobs_of_a_lost_worker_are_batches_of_their_own():
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
