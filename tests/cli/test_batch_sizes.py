import json

import pytest
from keraunos.cli.batch_sizes import batch_rows
from keraunos.core.errors import KeraunosError
from keraunos.core.process_memory import WatchedProcess

GIB = 2**30


def machine(fits_up_to, code=-9, is_over_limit=True, errors="", images=10_000):
    """Simulates processes that exit with a code if the batch is too large."""

    def measure(batch_size):
        if batch_size > images:
            said = f"larger than the training set. Received: images={images}"
            return WatchedProcess(3, GIB, False, "", said)
        if batch_size > fits_up_to:
            return WatchedProcess(code, 2 * GIB, is_over_limit, "", errors)
        found = {"images_per_second": 10.0 * batch_size, "gpu_gib": 0.0}
        return WatchedProcess(0, GIB, False, f"a line\n{json.dumps(found)}\n", "")

    return measure


def sizes(rows):
    return [(row.batch_size, row.reason) for row in rows]


def test_batch_sizes_double_until_one_does_not_fit():
    rows = list(batch_rows(machine(fits_up_to=40)))
    over = "needs more memory than the limit"
    assert sizes(rows) == [(8, ""), (16, ""), (32, ""), (64, over)]
    assert [row.images_per_second for row in rows] == [80.0, 160.0, 320.0, None]
    assert [row.peak_gib for row in rows] == [1.0, 1.0, 1.0, 2.0]


def test_batch_sizes_halve_until_one_fits_if_the_first_does_not():
    rows = list(batch_rows(machine(fits_up_to=2, code=7, is_over_limit=False)))
    assert sizes(rows) == [(8, "out of memory"), (4, "out of memory"), (2, "")]


def test_no_batch_size_fits():
    rows = list(batch_rows(machine(fits_up_to=0)))
    assert [row.batch_size for row in rows] == [8, 4, 2, 1]
    assert all(row.reason for row in rows)


def test_process_killed_by_the_system_is_reported_as_a_row():
    *_, last = batch_rows(machine(fits_up_to=8, is_over_limit=False))
    assert last.reason == "its process was ended by SIGKILL"


@pytest.mark.parametrize(("images", "expected"), [(20, [8, 16]), (5, [4])])
def test_no_batch_is_larger_than_the_training_set(images, expected):
    rows = list(batch_rows(machine(fits_up_to=10_000, images=images)))
    assert sizes(rows) == [(size, "") for size in expected]


def test_other_failures_raise_an_error_with_the_exit_code():
    wrong = machine(fits_up_to=0, code=2, is_over_limit=False, errors="no such folder\n")
    with pytest.raises(KeraunosError, match=r"^no such folder$") as caught:
        list(batch_rows(wrong))
    assert caught.value.exit_code == 2
