"""A batch is decoded and answered as a whole, and each job gets its own outcome."""

import contextlib
import json

import numpy as np
import pytest
from keraunos.export.portable.answers import Answers
from keraunos.serving.errors import RequestError
from keraunos.serving.images import EncodedImages, PixelImages
from keraunos.serving.workers.jobs import TaskCall
from keraunos.serving.workers.wire import (
    LENGTH_BYTES,
    length_of,
    pack_jobs,
    pack_outcomes,
    unpack_jobs,
    unpack_outcomes,
)
from keraunos.serving.workers.work import Work
from serving_models import SIZE, color_model, plain_image, shares


def fail(content, arguments):
    raise ZeroDivisionError


@contextlib.contextmanager
def working(model, tasks=None):
    work = Work(model, tasks or {})
    yield work
    work.close()


RED, GREEN, BLUE = (plain_image(*each) for each in [(9, 1, 0), (0, 8, 2), (1, 0, 7)])
WIDE = plain_image(1, 2, 3, size=1001)
PIXELS = np.full((2, SIZE, SIZE, 3), (3, 4, 5), np.float32)
JOBS = [
    EncodedImages([RED, GREEN]),
    TaskCall("reverse", b"abc"),
    EncodedImages([BLUE, b"no image"], first=3),
    PixelImages(PIXELS),
    TaskCall("fail", b"abc"),
    EncodedImages([WIDE]),
    EncodedImages([BLUE]),
    TaskCall("unknown", b"abc"),
]


def near(values):
    return pytest.approx(np.array(values), abs=1e-6)


def parts(message):
    """Reads a message as the receiver does."""
    content = b"".join(message)
    length = length_of(content[:LENGTH_BYTES])
    header = json.loads(content[LENGTH_BYTES : LENGTH_BYTES + length])
    place, blobs = LENGTH_BYTES + length, []
    for size in header["blobs"]:
        blobs.append(content[place : place + size])
        place += size
    assert place == len(content)
    return header, blobs


def test_each_job_gets_its_own_outcome_over_the_connection():
    jobs = unpack_jobs(*parts(pack_jobs(JOBS)))
    tasks = {"reverse": lambda content, _: content[::-1], "fail": fail}
    with working(color_model(), tasks) as work:
        outcomes = unpack_outcomes(*parts(pack_outcomes(work.do(jobs))))
    first, reversed_, bad, pixels, failed, wide, blue, unknown = outcomes
    assert first.probabilities == near([[0.9, 0.1, 0], [0, 0.8, 0.2]])
    assert reversed_ == b"cba"
    assert (bad.status, bad.reason[:8]) == (400, "Image 4 ")
    assert pixels.probabilities == near(shares(PIXELS))
    assert (failed.status, "ZeroDivision" in failed.reason) == (500, False)
    assert wide.status == 413
    assert blue.probabilities == near([[0.125, 0, 0.875]])
    assert unknown.status == 404


def test_outcomes_keep_raw_and_calibrated_probabilities():
    answers = Answers(np.array([[0.5, 0.5]]), np.array([[0.25, 0.75]], np.float32))
    (found,) = unpack_outcomes(*parts(pack_outcomes([answers])))
    assert found.probabilities.dtype == np.float64
    assert (found.uncorrected == answers.uncorrected).all()


def test_failing_model_or_non_finite_output_is_a_server_error():
    def broken(images):
        return images[:, 0, 0].astype(float) / 0.0

    def failing(images):
        raise ZeroDivisionError

    for run, reason in ((broken, "not finite"), (failing, "failed")):
        model = color_model()
        model.run = run
        with np.errstate(all="ignore"), working(model) as work:
            outcome, refused = work.do([PixelImages(PIXELS), EncodedImages([b""])])
        assert isinstance(outcome, RequestError)
        assert (outcome.status, refused.status) == (500, 400)
        assert reason in outcome.reason
