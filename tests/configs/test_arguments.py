"""What constructors do with settings as keyword arguments."""

import inspect
from pathlib import Path

import pytest
from keraunos import (
    Augmentation,
    ConfigError,
    ImageData,
    Optimizer,
    Trainer,
    TransferClassifier,
)
from keraunos.callbacks import EarlyStopping, LearningRateFinder, TensorBoard


@pytest.mark.parametrize(
    ("call", "options", "remedy"),
    [
        (Trainer, {"max_epoch": 3}, "Did you mean max_epochs?"),
        (Trainer, {"callback": []}, "Did you mean callbacks?"),
        (Trainer, {"cpu_devices": 2}, "Call keraunos.set_cpu_devices(...) first."),
        (
            Trainer,
            {"gpu_memory_limit_gib": 2},
            "Call keraunos.set_gpu_memory_limit(...) first.",
        ),
        (ImageData.from_folder, {"image_sise": 32}, "Did you mean image_size?"),
        (ImageData.from_folder, {"label_column": "y"}, "ImageData.from_csv"),
        (ImageData.from_csv, {"lable_column": "y"}, "Did you mean label_column?"),
        (TransferClassifier, {"drop_out": 0.1}, "Did you mean dropout?"),
        (TransferClassifier, {"builder": "a:b"}, "Give the builder to Trainer.fit."),
        (Augmentation, {"view": 2}, "Did you mean views?"),
        (EarlyStopping, {"patiense": 2}, "Did you mean patience?"),
    ],
)
def test_a_wrong_name_is_answered_with_the_nearest(call, options, remedy):
    with pytest.raises(ConfigError) as error:
        call(**options)
    [(name, value)] = options.items()
    name_of_call = call.__qualname__
    assert f"`{name_of_call}` has no argument `{name}`." in str(error.value)
    assert f"Received: {name}={value!r}." in str(error.value)
    assert remedy in str(error.value)


def test_all_wrong_names_are_answered_at_once():
    with pytest.raises(ConfigError, match=r"`max_epoch`, `device`.*max_epochs.*devices"):
        Trainer(max_epoch=3, device=2)


def test_all_wrong_values_are_answered_at_once():
    with pytest.raises(ConfigError) as error:
        Trainer(max_epochs=0, seed=-1, feature_cache="of", devices=0)
    assert len(str(error.value).splitlines()) == 4


def test_what_has_a_name_takes_no_position():
    with pytest.raises(TypeError, match="Trainer: too many positional"):
        Trainer("mirrored")
    with pytest.raises(TypeError, match=r"ImageData\.from_folder: missing.*train"):
        ImageData.from_folder(image_size=32)


def test_callbacks_and_augmentation_take_settings_by_position():
    assert EarlyStopping("val_accuracy", 5).patience == 5
    assert LearningRateFinder(0.01, 0.1).largest == 0.1
    assert Augmentation(0.25, 3) == Augmentation(strength=0.25, views=3)


def test_a_path_and_a_tuple_are_taken_where_yaml_has_text_and_a_list():
    config = TransferClassifier(2, weights=Path("w.h5"), metrics=("accuracy",)).config
    assert (config.weights, config.metrics) == ("w.h5", ["accuracy"])
    assert TensorBoard(profile_steps=(2, 3)).profile_steps == [2, 3]


def test_a_fast_dev_run_is_an_epoch_of_one_batch():
    settings = Trainer(fast_dev_run=True, max_epochs=7, limit_val_batches=5).settings
    assert (settings.max_epochs, settings.limit_train_batches) == (1, 1)
    assert settings.limit_val_batches == 1


def test_help_shows_each_argument_with_its_type_and_default():
    shown = inspect.signature(Trainer).parameters
    assert (shown["max_epochs"].annotation, shown["max_epochs"].default) == (int, 10)
    assert shown["max_steps"].annotation == int | None
    assert list(inspect.signature(EarlyStopping).parameters)[:2] == ["monitor", "patience"]
    assert "options" not in shown


def test_options_of_an_optimizer_go_by_their_own_message():
    with pytest.raises(ConfigError, match="sgd has no option `momentun`"):
        Optimizer("sgd", momentun=0.9)
