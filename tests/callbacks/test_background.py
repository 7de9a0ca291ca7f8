import threading
import time

import pytest
from hand_made_runs import new_run, save
from keraunos.callbacks import Background, Callback, CallbackList


def raise_error(error):
    raise error


def test_jobs_run_in_order_and_finish_before_the_context_exits():
    done, go = [], threading.Event()
    with Background() as background:
        background.submit(go.wait)
        for number in range(3):
            background.submit(done.append, number)
        assert done == []
        go.set()
    assert done == [0, 1, 2]


def test_the_first_error_is_raised_at_the_end_and_later_jobs_still_run():
    done, first = [], OSError("the disk is full")
    with pytest.raises(OSError, match="the disk is full") as caught, Background() as jobs:
        jobs.submit(raise_error, first)
        jobs.submit(raise_error, ValueError("later"))
        jobs.submit(done.append, 1)
        assert not jobs.wait()
        jobs.submit(done.append, 2)  # forgets jobs that are done, but not their errors
    assert caught.value is first
    assert done == [1, 2]


def test_check_raises_the_error_of_a_finished_job():
    background = Background()
    background.check()
    with pytest.raises(OSError, match="full"), background:
        background.submit(raise_error, OSError("full"))
        background.wait()
        background.check()


def test_job_error_does_not_replace_an_error_of_the_fit():
    with pytest.raises(KeyError) as caught, Background() as background:
        background.submit(raise_error, OSError("full"))
        raise KeyError("of the fit")
    assert caught.value.__notes__ == ["A background job also failed: OSError('full')"]


def test_checkpoint_becomes_visible_only_after_earlier_jobs_finish(tmp_path):
    run, seen = new_run(run_dir=tmp_path, step=3), []

    def look():
        for _ in range(20):  # long enough for a checkpoint that does not wait
            time.sleep(0.02)
            seen.extend(tmp_path.rglob("step-*"))

    with run.background:
        run.background.submit(look)
        path = save(run, CallbackList({"callback": Callback()}))
    assert seen == []
    assert path is not None
    assert path.is_dir()


def test_no_checkpoint_is_written_after_a_failed_job(tmp_path):
    run = new_run(run_dir=tmp_path, step=3)
    with pytest.raises(OSError, match="full"), run.background:
        run.background.submit(raise_error, OSError("full"))
        assert save(run, CallbackList({})) is None
    assert not list(tmp_path.rglob("step-*"))
