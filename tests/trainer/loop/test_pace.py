import pytest
from keraunos.trainer.loop.pace import MOST_STEPS, TARGET_SECONDS, Pace


def paced(seconds_per_step: float, calls: int) -> list[int]:
    """The steps of each call, if every step takes the same time."""
    pace, steps = Pace("auto"), []
    for _ in range(calls):
        steps.append(pace.steps)
        pace.record(pace.steps, pace.steps * seconds_per_step)
    return steps


@pytest.mark.parametrize("steps", [1, 7, 1000])
def test_fixed_number_of_steps_does_not_adapt(steps: int) -> None:
    pace = Pace(steps)
    for seconds in (0.0, 1e-6, 100.0):
        pace.record(steps, seconds)
        assert pace.steps == steps


def test_steps_per_call_at_most_double_up_to_the_target_time() -> None:
    assert paced(TARGET_SECONDS / 12.5, 8) == [1, 1, 2, 4, 8, 12, 12, 12]


def test_first_call_is_ignored_because_it_traces() -> None:
    pace = Pace("auto")
    pace.record(1, 30.0)
    pace.record(1, 0.001)
    assert pace.steps == 2


def test_steps_per_call_are_capped_even_if_no_time_passes() -> None:
    assert paced(0.0, 20)[-1] == MOST_STEPS


def test_slow_steps_run_one_per_call() -> None:
    assert paced(10.0, 4) == [1, 1, 1, 1]


def test_pace_adapts_when_steps_become_slower() -> None:
    pace = Pace("auto")
    for _ in range(10):
        pace.record(pace.steps, pace.steps * 0.001)
    assert pace.steps > 10
    pace.record(pace.steps, 10.0 * pace.steps)
    assert pace.steps == 1


def test_shortened_call_is_measured_by_its_own_steps() -> None:
    pace = Pace("auto")
    for _ in range(10):
        pace.record(pace.steps, pace.steps * 0.01)
    before = pace.steps
    pace.record(3, 0.03)
    assert abs(pace.steps - before) <= 1
