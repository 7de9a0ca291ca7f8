import keras_tuner
import pytest
from keraunos.callbacks.monitor import Monitor
from keraunos.configs import RunConfig
from keraunos.configs.refit_rules import require_refit_without_validation
from keraunos.core.errors import ConfigError
from keraunos.search.refit_config import epochs_to_refit, refit_config
from keraunos.search.study import Trial
from keraunos.search.trial_config import best_config

OBJECTIVE = Monitor("val_accuracy")


def config(**sections):
    made = RunConfig(trainer={"max_epochs": 30, "max_steps": 900}, **sections)
    return best_config(made, {"model.dropout": 0.3}, OBJECTIVE, None)


def trial(best_epoch=0, fold_epochs=()):
    made = Trial(0, keras_tuner.HyperParameters(), best_epoch=best_epoch)
    made.fold_epochs = fold_epochs
    return made


def test_refit_epochs_are_the_best_epoch_or_the_median_over_folds():
    assert epochs_to_refit(trial(7)) == 7
    assert epochs_to_refit(trial(3, [4, 30, 6])) == 6
    assert epochs_to_refit(trial(3, [4, 5])) == 5


def test_refit_trains_on_all_images_without_early_stopping():
    before = config(data={"train": "images", "validation_split": 0.3})
    made = refit_config(before, 6)
    assert made.data.train_on_validation
    assert (made.trainer.max_epochs, made.trainer.max_steps) == (6, None)
    assert "early_stopping" not in made.callbacks
    checkpoint = made.callbacks["model_checkpoint"]
    assert checkpoint["restore_best"] is False
    assert checkpoint["monitor"] is None
    assert made.model.dropout == 0.3


def test_callbacks_with_custom_labels_are_recognized():
    callbacks = {
        "patient": {"class": "early_stopping", "patience": 9},
        "saves": {"class": "model_checkpoint", "save_top_k": 3, "soup": "greedy"},
        "model_checkpoint": None,
    }
    made = refit_config(config(callbacks=callbacks), 2).callbacks
    assert "patient" not in made
    assert made["saves"]["soup"] is None
    assert made["saves"]["save_top_k"] == 3
    assert made["model_checkpoint"] is None


def test_refit_schedule_has_the_length_of_the_trial_schedule():
    made = refit_config(config(optimizer={"schedule": {"name": "cosine"}}), 6)
    assert made.optimizer.schedule.epochs == 30
    made = refit_config(config(optimizer={"schedule": {"name": "step"}}), 6)
    assert made.optimizer.schedule.epochs is None


@pytest.mark.parametrize(
    ("label", "options"),
    [
        ("ReduceLROnPlateau", {}),
        ("slower", {"class": "ReduceLROnPlateau", "monitor": "val_accuracy"}),
        ("backbone_finetuning", {"monitor": "val_loss"}),
    ],
)
def test_refit_with_callbacks_that_monitor_validation_is_rejected(label, options):
    with pytest.raises(
        ConfigError, match=rf"finish=refit.*callbacks\.{label}=.?val_"
    ) as told:
        require_refit_without_validation(RunConfig(callbacks={label: options}), {})
    remedy = "callbacks.backbone_finetuning.monitor=null"
    assert (remedy in str(told.value)) is (label == "backbone_finetuning")


def test_refit_accepts_callbacks_that_do_not_need_validation():
    callbacks = {
        "early_stopping": {"monitor": "val_loss"},
        "model_checkpoint": {"monitor": "val_loss"},
        "plateau_watch": {"monitor": "val_loss", "mode": "min", "patience": 7},
        "backbone_finetuning": {"at_epoch": 3},
        "ReduceLROnPlateau": {"monitor": "loss"},
        "alerts": None,
    }
    require_refit_without_validation(RunConfig(callbacks=callbacks), {})
    made = refit_config(config(callbacks=callbacks), 2).callbacks
    assert made["plateau_watch"] == {"monitor": None, "mode": "auto", "patience": 7}


def test_search_space_that_may_monitor_validation_is_rejected_for_refits():
    space = {
        "model.dropout": {"float": [0.0, 0.5]},
        "callbacks.backbone_finetuning": {"bool": True},
        "callbacks.backbone_finetuning.monitor": {
            "choice": {"by epoch": None, "by loss": "val_loss"},
            "when": {"callbacks.backbone_finetuning": True},
        },
    }
    asked_for = RunConfig(callbacks={"backbone_finetuning": {"at_epoch": 3}})
    with pytest.raises(ConfigError, match=r"callbacks\.backbone_finetuning='val_loss'"):
        require_refit_without_validation(asked_for, space)
    del space["callbacks.backbone_finetuning.monitor"]
    require_refit_without_validation(asked_for, space)
