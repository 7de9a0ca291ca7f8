"""What a trial is trained with, and what is left of a search to train again."""

import pytest
from keraunos.callbacks.monitor import Monitor
from keraunos.configs import RunConfig
from keraunos.search.trial_config import best_config, trial_config

OBJECTIVE = Monitor("val_accuracy")


def config(**optimizer: object) -> RunConfig:
    return RunConfig.model_validate(
        {"optimizer": optimizer, "trainer": {"max_epochs": 9}, "run_dir": "search"}
    )


@pytest.mark.parametrize(
    ("schedule", "epochs"),
    [
        ({"name": "cosine"}, 9),
        ({"name": "linear", "warmup_epochs": 0.5}, 9),
        ({"name": "cosine", "epochs": 4}, 4),
        ({"name": "step", "step_epochs": 3}, None),
    ],
)
def test_a_trial_that_is_cut_short_has_the_schedule_of_a_whole_one(
    schedule: dict[str, object], epochs: int | None
) -> None:
    for max_epochs in (1, 3, 9):  # the rounds of hyperband, which continue from each other
        trial = trial_config(config(schedule=schedule), {}, OBJECTIVE, max_epochs)
        assert trial.trainer.max_epochs == max_epochs
        assert trial.optimizer.schedule is not None
        assert trial.optimizer.schedule.epochs == epochs


def test_a_whole_trial_has_the_schedule_that_was_asked_for() -> None:
    asked_for = config(schedule={"name": "cosine"})
    values = {"optimizer.learning_rate": 0.5}
    best = best_config(asked_for, values, OBJECTIVE, None)
    assert best.optimizer.schedule == asked_for.optimizer.schedule
    assert (best.optimizer.learning_rate, best.run_dir) == (0.5, None)


def test_trials_send_nothing_and_write_nowhere_else_and_the_best_run_does_again() -> None:
    asked_for = config().model_copy(
        update={
            "callbacks": {
                "pager": {"class": "alerts", "command": ["page"]},
                "prometheus": {"port": 9109},
                "heartbeat": {"file": "/tmp/beat.json", "every_seconds": 3.0},
            }
        }
    )
    trial = trial_config(asked_for, {}, OBJECTIVE, None).callbacks
    assert (trial["pager"], trial["prometheus"]) == (None, None)
    assert trial["heartbeat"] == {"file": None, "every_seconds": 3.0}
    best = best_config(asked_for, {}, OBJECTIVE, None).callbacks
    assert best["pager"] == {"class": "alerts", "command": ["page"]}
