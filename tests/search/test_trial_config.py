"""The configurations that trials and the best run are trained with."""

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
def test_shortened_trial_keeps_the_full_length_schedule(
    schedule: dict[str, object], epochs: int | None
) -> None:
    for max_epochs in (1, 3, 9):  # the rounds of hyperband, which continue from each other
        trial = trial_config(config(schedule=schedule), {}, OBJECTIVE, max_epochs)
        assert trial.trainer.max_epochs == max_epochs
        assert trial.optimizer.schedule is not None
        assert trial.optimizer.schedule.epochs == epochs


def test_full_trial_has_the_requested_schedule() -> None:
    asked_for = config(schedule={"name": "cosine"})
    values = {"optimizer.learning_rate": 0.5}
    best = best_config(asked_for, values, OBJECTIVE, None)
    assert best.optimizer.schedule == asked_for.optimizer.schedule
    assert (best.optimizer.learning_rate, best.run_dir) == (0.5, None)


def test_external_callbacks_are_disabled_in_trials_but_not_in_the_best_config() -> None:
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
