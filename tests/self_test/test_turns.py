"""Several sides alternate epochs, even if one of them fails."""

import time

import pytest
from keraunos.self_test.checks.turns import EpochClock, time_in_turns


def side(name: str, epochs: int, order: list[str], fails_after: int | None = None):
    def run(clock: EpochClock) -> None:
        for epoch in range(epochs):
            clock.on_epoch_begin(epoch)
            order.append(name)
            if epoch == fails_after:
                raise ValueError(name)
            clock.on_epoch_end(epoch)

    return run


def test_sides_alternate_epochs_and_the_first_epoch_is_not_counted():
    order: list[str] = []
    times = time_in_turns({name: side(name, 3, order) for name in "abc"})
    assert order == list("abcabcabc")
    assert {name: len(seconds) for name, seconds in times.items()} == dict.fromkeys(
        "abc", 2
    )


@pytest.mark.parametrize("fails_after", [0, 1])
def test_failing_side_raises_after_the_others_finish(fails_after):
    order: list[str] = []
    sides = {"a": side("a", 3, order), "b": side("b", 3, order, fails_after)}
    with pytest.raises(ValueError, match="b"):
        time_in_turns(sides)
    assert order.count("a") == 3


def test_side_that_finishes_early_does_not_block_the_others():
    order: list[str] = []
    time_in_turns({"a": side("a", 1, order), "b": side("b", 3, order)})
    assert order == ["a", "b", "b", "b"]


def test_work_after_an_epoch_ends_before_others_have_their_turn():
    order: list[str] = []

    def busy(clock: EpochClock) -> None:
        for epoch in range(2):
            clock.on_epoch_begin(epoch)
            clock.on_epoch_end(epoch)
            time.sleep(0.1)
            order.append("work")

    time_in_turns({"busy": busy, "b": side("b", 2, order)})
    assert order == ["work", "b", "work", "b"]
