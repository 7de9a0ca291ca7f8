"""Constructors that take settings as keyword arguments."""

import inspect
from pathlib import Path
from typing import Unpack

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
from keraunos.configs.arguments import CALLBACK_ARGUMENTS, TRAINER, takes_settings
from keraunos.configs.familiar_arguments import INSTEAD
from keraunos.configs.options import HealthOptions

OF_LIGHTNING = (
    "accelerator",
    "accumulate_grad_batches",
    "benchmark",
    "callbacks",
    "check_val_every_n_epoch",
    "default_root_dir",
    "detect_anomaly",
    "deterministic",
    "devices",
    "enable_checkpointing",
    "enable_model_summary",
    "enable_progress_bar",
    "fast_dev_run",
    "gradient_clip_algorithm",
    "gradient_clip_val",
    "inference_mode",
    "limit_predict_batches",
    "limit_test_batches",
    "limit_train_batches",
    "limit_val_batches",
    "log_every_n_steps",
    "logger",
    "max_epochs",
    "max_steps",
    "max_time",
    "min_epochs",
    "min_steps",
    "num_nodes",
    "num_sanity_val_steps",
    "overfit_batches",
    "precision",
    "profiler",
    "reload_dataloaders_every_n_epochs",
    "strategy",
    "sync_batchnorm",
    "use_distributed_sampler",
    "val_check_interval",
)


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
        (Trainer, {"epochs": 3}, "Write Trainer(max_epochs=...)."),
        (Trainer, {"accumulate_grad_batches": 4}, "optimizer of the compiled model: grad"),
        (Trainer, {"num_sanity_val_steps": 2}, "Write sanity_validation_batches=..."),
        (ImageData.from_folder, {"image_sise": 32}, "Did you mean image_size?"),
        (ImageData.from_folder, {"label_column": "y"}, "ImageData.from_csv"),
        (ImageData.from_csv, {"lable_column": "y"}, "Did you mean label_column?"),
        (TransferClassifier, {"drop_out": 0.1}, "Did you mean dropout?"),
        (TransferClassifier, {"builder": "a:b"}, "Give the builder to Trainer.fit."),
        (Augmentation, {"view": 2}, "Did you mean views?"),
        (EarlyStopping, {"patiense": 2}, "Did you mean patience?"),
    ],
)
def test_unknown_argument_suggests_the_nearest_name(call, options, remedy):
    with pytest.raises(ConfigError) as error:
        call(**options)
    [(name, value)] = options.items()
    name_of_call = call.__qualname__
    assert f"`{name_of_call}` has no argument `{name}`." in str(error.value)
    assert f"Received: {name}={value!r}." in str(error.value)
    assert remedy in str(error.value)


def test_all_unknown_arguments_are_reported_at_once():
    with pytest.raises(ConfigError, match=r"`max_epoch`, `device`.*max_epochs.*devices"):
        Trainer(max_epoch=3, device=2)


@pytest.mark.parametrize("name", OF_LIGHTNING)
def test_every_lightning_trainer_argument_is_accepted_or_translated(name):
    if name not in inspect.signature(Trainer).parameters:
        with pytest.raises(ConfigError) as error:
            Trainer(**{name: 1})
        assert INSTEAD[name] in str(error.value)


def test_valid_arguments_have_no_lightning_translation():
    assert not INSTEAD.keys() & {*TRAINER.section.model_fields, *TRAINER.of_run}


@pytest.mark.parametrize(
    ("name", "value", "written"),
    [
        ("precision", "16-mixed", "mixed_float16"),
        ("precision", "bf16-mixed", "mixed_bfloat16"),
        ("precision", "32-true", "float32"),
        ("precision", 32, "float32"),
        ("precision", 16, "mixed_float16"),
        ("accelerator", "cuda", "gpu"),
        ("devices", -1, "auto"),
        ("strategy", "ddp", "mirrored"),
    ],
)
def test_lightning_values_are_translated(name, value, written):
    with pytest.raises(ConfigError) as error:
        Trainer(**{name: value})
    assert str(error.value).endswith(
        f"Received: trainer.{name}={value!r}. Write {written}."
    )
    assert getattr(Trainer(**{name: written}).settings, name) == written


@pytest.mark.parametrize(
    ("devices", "remedy"),
    [
        ([0, 1], "Write 2; the first ones are used."),
        ("0,1", "Write 2; the first ones are used."),
        ("1, 3,", "Write 2, and set CUDA_VISIBLE_DEVICES=1,3."),
        ([3], "Write 1, and set CUDA_VISIBLE_DEVICES=3."),
        (["GPU:1", "/gpu:2"], "Write 2, and set CUDA_VISIBLE_DEVICES=1,2."),
        (["TPU", "GPU"], "Write 2."),
    ],
)
def test_device_lists_are_translated_to_a_device_count(devices, remedy):
    with pytest.raises(ConfigError) as error:
        Trainer(devices=devices)
    assert str(error.value).endswith(f"Received: trainer.devices={devices!r}. {remedy}")
    with pytest.raises(ConfigError, match=r"whole number.*devices=\[\]\.$"):
        Trainer(devices=[])


def test_unknown_strategy_is_rejected_by_the_constructor():
    with pytest.raises(ConfigError, match=r"'mirored'\. Did you mean mirrored\?"):
        Trainer(strategy="mirored")


def test_all_invalid_values_are_reported_at_once():
    with pytest.raises(ConfigError) as error:
        Trainer(max_epochs=0, seed=-1, feature_cache="of", devices=0)
    assert len(str(error.value).splitlines()) == 4


def test_keyword_only_arguments_cannot_be_positional():
    with pytest.raises(TypeError, match="Trainer: too many positional"):
        Trainer("mirrored")
    with pytest.raises(TypeError, match=r"ImageData\.from_folder: missing.*train"):
        ImageData.from_folder(image_size=32)


def test_callbacks_and_augmentation_accept_positional_settings():
    assert EarlyStopping("val_accuracy", 5).patience == 5
    assert LearningRateFinder(0.01, 0.1).largest == 0.1
    assert Augmentation(0.25, 3) == Augmentation(strength=0.25, views=3)


def test_explicitly_declared_settings_keep_their_position_and_default():
    class Watch:
        @takes_settings(CALLBACK_ARGUMENTS["health"])
        def __init__(self, every_n_steps: int = 7, **options: Unpack[HealthOptions]):
            self.every_n_steps = every_n_steps

    assert (Watch().every_n_steps, Watch(3).every_n_steps) == (7, 3)
    with pytest.raises(ConfigError, match="Did you mean every_n_steps"):
        Watch(every_n_step=3)


def test_paths_and_tuples_are_accepted_for_text_and_lists():
    config = TransferClassifier(2, weights=Path("w.h5"), metrics=("accuracy",)).config
    assert (config.weights, config.metrics) == ("w.h5", ["accuracy"])
    assert TensorBoard(profile_steps=(2, 3)).profile_steps == [2, 3]


def test_fast_dev_run_is_one_epoch_of_one_batch():
    settings = Trainer(fast_dev_run=True, max_epochs=7, limit_val_batches=5).settings
    assert (settings.max_epochs, settings.limit_train_batches) == (1, 1)
    assert settings.limit_val_batches == 1


def test_signatures_show_every_argument_with_type_and_default():
    shown = inspect.signature(Trainer).parameters
    assert (shown["max_epochs"].annotation, shown["max_epochs"].default) == (int, 10)
    assert shown["max_steps"].annotation == int | None
    assert list(inspect.signature(EarlyStopping).parameters)[:2] == ["monitor", "patience"]
    assert "options" not in shown


def test_unknown_optimizer_option_has_its_own_message():
    with pytest.raises(ConfigError, match="sgd has no option `momentun`"):
        Optimizer("sgd", momentun=0.9)
