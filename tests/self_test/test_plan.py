"""Which checks run on which devices, and for how long."""

import pytest
from keraunos.self_test.check import Check
from keraunos.self_test.plan import TimeLimit, find_jobs, time_limit
from keraunos.self_test.registry import CHECKS

ONE = Check("on one", "a promise", "module", "one", seconds=10)
SEVERAL = Check("on several", "a promise", "module", "several", seconds=10)
ALL = Check("on all", "a promise", "module", "all", seconds=10)


def machine(gpus: int, mebibytes: int | None = 40_000) -> dict:
    return {"gpus": [{"name": "GPU", "memory_mib": mebibytes}] * gpus}


@pytest.mark.parametrize(
    ("gpus", "layouts"),
    [
        (0, ["1 CPU", "1 CPU split in 2"]),
        (1, ["1 GPU", "1 GPU split in 2"]),
        (4, ["1 GPU", "4 GPUs", "4 GPUs"]),
    ],
)
def test_checks_run_on_the_available_devices(gpus, layouts):
    jobs = find_jobs([ONE, SEVERAL, ALL], machine(gpus), minutes=5)
    assert [job.settings.layout.describe() for job in jobs] == layouts


def test_virtual_gpus_leave_some_memory_free():
    (job,) = find_jobs([SEVERAL], machine(1, 40_000), minutes=5)
    assert 2 * job.settings.layout.part_megabytes == 32_000
    (job,) = find_jobs([SEVERAL], machine(1, None), minutes=5)
    assert job.settings.layout.part_megabytes > 0


def test_check_keeps_its_options_and_gets_more_epochs_with_more_time():
    check = Check("a", "b", "c", "one", 10, {"precision": "mixed_float16"})
    (short,) = find_jobs([check], machine(1), minutes=5)
    (long,) = find_jobs([check], machine(1), minutes=10)
    assert short.settings.options == long.settings.options == check.options
    assert short.settings.epochs < long.settings.epochs
    assert short.settings.image_size == 224
    (on_cpu,) = find_jobs([check], machine(0), minutes=5)
    assert on_cpu.settings.image_size < 224


@pytest.mark.parametrize("left", [-3.0, 0.0, 9.9])
def test_check_that_would_not_finish_in_time_is_not_started(left):
    assert time_limit(ONE, left, slower=1.0) is None


def test_hanging_check_is_stopped_while_time_is_left_for_others():
    assert time_limit(ONE, 100.0, slower=2.0) == TimeLimit(60.0, is_end=False)
    assert time_limit(ONE, 25.0, slower=2.0) == TimeLimit(25.0, is_end=True)


def test_all_checks_except_xla_fit_into_ten_minutes_on_two_cores():
    jobs = find_jobs(CHECKS, machine(0), minutes=10)
    plain = [job.check for job in jobs if not job.check.options.get("uses_xla")]
    assert sum(check.seconds for check in plain) < 9.5 * 60
    assert len(plain) == len(jobs) - 4
