from keraunos.configs import RunConfig
from keraunos.configs.resuming import CHANGEABLE_IN_RUN, CHANGEABLE_IN_SEARCH
from keraunos.core.differences import flatten


def test_each_name_is_that_of_a_setting():
    assert (
        set(flatten(RunConfig().model_dump())) >= CHANGEABLE_IN_RUN | CHANGEABLE_IN_SEARCH
    )


def test_trials_that_are_compared_are_trained_for_as_long():
    """A run may be trained for longer, but not some trials of a search."""
    longer = {"trainer.max_epochs", "trainer.max_steps", "trainer.max_time"}
    assert longer <= CHANGEABLE_IN_RUN
    assert not longer & CHANGEABLE_IN_SEARCH
