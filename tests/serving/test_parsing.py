"""Small requests are parsed in the server process, large ones in another process."""

import asyncio
import os

import pytest
from keraunos.serving.errors import RequestError
from keraunos.serving.parsing import MAX_LOCAL_BYTES, Parser
from keraunos.serving.protocols.values import parse_object


def run(scenario):
    """Runs a scenario with a parser."""

    async def whole():
        parser = Parser(30.0)
        try:
            return await scenario(parser)
        finally:
            parser.close()

    return asyncio.run(whole())


def test_small_request_is_parsed_in_this_process():
    async def scenario(parser):
        return await parser.parse(MAX_LOCAL_BYTES, os.getpid)

    assert run(scenario) == os.getpid()


@pytest.mark.slow
def test_large_request_is_parsed_in_a_process_that_is_replaced_if_it_dies():
    size = MAX_LOCAL_BYTES + 1

    async def scenario(parser):
        first = await parser.parse(size, os.getpid)
        with pytest.raises(RequestError, match="must be JSON") as bad:
            await parser.parse(size, parse_object, b"[")
        with pytest.raises(RequestError) as lost:
            await parser.parse(size, os._exit, 1)
        return first, bad.value, lost.value, await parser.parse(size, os.getpid)

    first, bad, lost, second = run(scenario)
    assert len({first, second, os.getpid()}) == 3
    assert (bad.status, bad.headers) == (400, {})
    assert (lost.status, lost.headers) == (503, {"Retry-After": "1"})
