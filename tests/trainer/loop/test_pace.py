import pytest
from keraunos.trainer.loop.pace import MOST_STEPS, TARGET_SECONDS, Pace


def paced(seconds_per_step: float, calls: int) -> list[int]:
    """The steps of each call, if a step always takes as long."""
    pace, steps = Pace("auto"), []
    for _ in range(calls):
        steps.append(pace.steps)
        pace.record(pace.steps, pace.steps * seconds_per_step)
    return steps


@pytest.mark.parametrize("steps", [1, 7, 1000])
def test_a_fixed_number_stays(steps: int) -> None:
    pace = Pace(steps)
    for seconds in (0.0, 1e-6, 100.0):
        pace.record(steps, seconds)
        assert pace.steps == steps


def test_it_at_most_doubles_until_a_call_takes_a_tenth_of_a_second() -> None:
    assert paced(TARGET_SECONDS / 12.5, 8) == [1, 1, 2, 4, 8, 12, 12, 12]


def test_the_first_call_is_not_counted_since_it_traces() -> None:
    pace = Pace("auto")
    pace.record(1, 30.0)
    pace.record(1, 0.001)
    assert pace.steps == 2


def test_there_is_a_largest_number_also_if_no_time_passes() -> None:
    assert paced(0.0, 20)[-1] == MOST_STEPS


def test_slow_steps_are_made_one_by_one() -> None:
    assert paced(10.0, 4) == [1, 1, 1, 1]


def test_it_adapts_to_a_step_that_becomes_slower() -> None:
    pace = Pace("auto")
    for _ in range(10):
        pace.record(pace.steps, pace.steps * 0.001)
    assert pace.steps > 10
    pace.record(pace.steps, 10.0 * pace.steps)
    assert pace.steps == 1


def test_a_call_that_was_cut_short_is_measured_by_its_own_steps() -> None:
    pace = Pace("auto")
    for _ in range(10):
        pace.record(pace.steps, pace.steps * 0.01)
    before = pace.steps
    pace.record(3, 0.03)
    assert abs(pace.steps - before) <= 1
