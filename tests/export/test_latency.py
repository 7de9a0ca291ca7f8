import pytest
from keraunos.export.latency import MIN_CALLS_FOR_P99, Timings, time_side_by_side


class Machine:
    """Simulated calls and clock, slower during a phase."""

    def __init__(self, slow: range = range(0)) -> None:
        self.now = 0.0
        self.made: list[str] = []
        self._slow = slow

    def call(self, name: str, seconds: float) -> None:
        self.made.append(name)
        self.now += seconds * (10 if int(self.now) in self._slow else 1)

    def clock(self) -> float:
        return self.now


def test_slow_phase_of_the_machine_affects_all_models_equally():
    machine = Machine(slow=range(100, 300))
    calls = [lambda name=name: machine.call(name, 0.5) for name in "abc"]
    found = time_side_by_side(calls, 100, machine.clock)
    rates = [each.calls_per_second for each in found]
    assert max(rates) < 1.3 * min(rates)
    assert min(rates) < 1.9  # 2 without the slow phase, which affected all of them


def test_warm_up_and_first_call_of_a_turn_are_not_timed():
    machine = Machine()
    [timings] = time_side_by_side([lambda: machine.call("a", 3)], 1, machine.clock)
    assert timings.seconds == [3.0] * 10
    assert len(machine.made) == 3 + 10 * 2


def test_each_model_gets_its_time_budget_and_at_least_ten_turns():
    machine = Machine()
    quick, slow = time_side_by_side(
        [lambda: machine.call("a", 0.25), lambda: machine.call("b", 50)],
        20,
        machine.clock,
    )
    assert (len(quick.seconds), len(slow.seconds)) == (80, 10)


def test_p99_of_few_calls_is_omitted():
    seconds = [0.002] * (MIN_CALLS_FOR_P99 - 2) + [0.5]
    assert Timings(seconds).p99_ms is None
    found = Timings([*seconds, 0.002])
    assert found.p50_ms == pytest.approx(2.0)
    assert 2.0 < found.p99_ms < 500
    assert found.calls_per_second == pytest.approx(100 / (99 * 0.002 + 0.5))
