from keraunos.configs import RunConfig
from keraunos.configs.resuming import CHANGEABLE_IN_RUN, CHANGEABLE_IN_SEARCH
from keraunos.core.differences import flatten


def test_changeable_names_are_existing_settings():
    assert (
        set(flatten(RunConfig().model_dump())) >= CHANGEABLE_IN_RUN | CHANGEABLE_IN_SEARCH
    )


def test_training_length_can_change_for_a_run_but_not_for_a_search():
    """A run may be trained for longer, but not some trials of a search."""
    longer = {"trainer.max_epochs", "trainer.max_steps", "trainer.max_time"}
    assert longer <= CHANGEABLE_IN_RUN
    assert not longer & CHANGEABLE_IN_SEARCH
