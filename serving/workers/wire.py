"""Serializes jobs and outcomes for the connection between server and worker.

A message is the length of a header, the header in JSON, and blobs, whose lengths are in the
header. Both ends are trusted.
"""

import json
import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ...export.portable.answers import Answers
from ..errors import RequestError
from ..images import EncodedImages, PixelImages
from .jobs import Job, Outcome, TaskCall

_LENGTH = struct.Struct("!I")
LENGTH_BYTES = _LENGTH.size

Header = dict[str, Any]
Blob = bytes | memoryview


def pack(header: Header, blobs: Sequence[Blob] = ()) -> list[Blob]:
    """Returns the parts of a message, to be sent in order."""
    text = json.dumps(header | {"blobs": [len(blob) for blob in blobs]}).encode()
    return [_LENGTH.pack(len(text)), text, *blobs]


def length_of(prefix: bytes) -> int:
    """Returns the length of a header."""
    (length,) = _LENGTH.unpack(prefix)
    return int(length)


def pack_jobs(jobs: Sequence[Job]) -> list[Blob]:
    """Packs jobs as a message."""
    headers, blobs = zip(*map(_pack_job, jobs), strict=True)
    return pack({"jobs": headers}, [blob for each in blobs for blob in each])


def unpack_jobs(header: Header, blobs: Iterable[bytes]) -> list[Job]:
    """Returns the jobs of a message."""
    rest = iter(blobs)
    return [_unpack_job(each, rest) for each in header["jobs"]]


def pack_outcomes(outcomes: Sequence[Outcome]) -> list[Blob]:
    """Packs outcomes as a message."""
    headers, blobs = zip(*map(_pack_outcome, outcomes), strict=True)
    return pack({"outcomes": headers}, [blob for each in blobs for blob in each])


def unpack_outcomes(header: Header, blobs: Iterable[bytes]) -> list[Outcome]:
    """Returns the outcomes of a message."""
    rest = iter(blobs)
    return [_unpack_outcome(each, rest) for each in header["outcomes"]]


def _pack_job(job: Job) -> tuple[Header, Sequence[Blob]]:
    if isinstance(job, TaskCall):
        task = {"kind": "task", "name": job.name, "arguments": dict(job.arguments)}
        return task, [job.content]
    if isinstance(job, EncodedImages):
        images = {"kind": "encoded", "count": len(job), "first": job.first}
        return images | {"cells": job.cells}, job.contents
    described, blob = _pack_array(job.pixels)
    return {"kind": "pixels", "pixels": described, "cells": job.cells}, [blob]


def _unpack_job(header: Header, blobs: Iterator[bytes]) -> Job:
    if header["kind"] == "task":
        return TaskCall(header["name"], next(blobs), header["arguments"])
    if header["kind"] == "encoded":
        contents = [next(blobs) for _ in range(header["count"])]
        return EncodedImages(contents, header["first"], header["cells"])
    pixels = _unpack_array(header["pixels"], next(blobs))
    return PixelImages(pixels, header["cells"])


def _pack_outcome(outcome: Outcome) -> tuple[Header, Sequence[Blob]]:
    if isinstance(outcome, RequestError):
        return {"kind": "error", "status": outcome.status, "reason": outcome.reason}, []
    if isinstance(outcome, bytes):
        return {"kind": "bytes"}, [outcome]
    arrays, blobs = zip(*map(_pack_array, outcome), strict=True)
    return {"kind": "answers", "arrays": arrays}, blobs


def _unpack_outcome(header: Header, blobs: Iterator[bytes]) -> Outcome:
    if header["kind"] == "error":
        return RequestError(header["status"], header["reason"])
    if header["kind"] == "bytes":
        return next(blobs)
    return Answers(*(_unpack_array(each, next(blobs)) for each in header["arrays"]))


def _pack_array(array: npt.NDArray[Any]) -> tuple[Header, Blob]:
    blob = np.ascontiguousarray(array).data.cast("B")
    return {"dtype": array.dtype.str, "shape": array.shape}, blob


def _unpack_array(header: Header, blob: bytes) -> npt.NDArray[Any]:
    return np.frombuffer(blob, np.dtype(header["dtype"])).reshape(header["shape"])
