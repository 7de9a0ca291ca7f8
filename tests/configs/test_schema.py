import inspect

import pytest
from keraunos.callbacks.registry import CALLBACK_CLASSES
from keraunos.configs import (
    CALLBACKS,
    AugmentationConfig,
    DataConfig,
    ModelConfig,
    RunConfig,
    TrainerConfig,
)
from keraunos.configs.data_rules import TABLE_ONLY_SETTINGS
from keraunos.configs.optimizer import COMMON_OPTIONS, OWN_OPTIONS, optimizer_names
from keraunos.data import Augmentation, ImageData
from keraunos.models import TransferClassifier
from keraunos.models.optimizer import optimizer_class
from keraunos.trainer import Trainer


def defaults(function):
    parameters = inspect.signature(function).parameters.values()
    return {p.name: p.default for p in parameters if p.name != "self"}


def fields(section):
    return {name: field.get_default() for name, field in section.model_fields.items()}


OWN = {  # arguments that are not settings
    Trainer: {"run_dir", "callbacks", "export"},
    ImageData.from_folder: {"augmentation"},
    ImageData.from_csv: {"augmentation"},
    TransferClassifier: {
        "num_classes",
        "image_size",
        "optimizer",
        "class_names",
        "class_counts",
        "num_examples",
        "shared",
        "table_features",
    },
    Augmentation: set(),
}


@pytest.mark.parametrize(
    ("function", "section", "of_run", "only_yaml"),
    [
        (
            Trainer,
            TrainerConfig,
            {"seed", "feature_cache"},
            {"cpu_devices", "gpu_memory_limit_gib"},
        ),
        (
            ImageData.from_folder,
            DataConfig,
            {"seed", "cache_dir"},
            set(TABLE_ONLY_SETTINGS),
        ),
        (ImageData.from_csv, DataConfig, {"task", "seed", "cache_dir"}, set()),
        (TransferClassifier, ModelConfig, set(), {"builder", "arguments"}),
        (Augmentation, AugmentationConfig, set(), set()),
    ],
)
def test_names_and_defaults_are_the_same_in_python_and_yaml(
    function, section, of_run, only_yaml
):
    python = defaults(function)
    run = fields(RunConfig)
    yaml = fields(section) | {name: run[name] for name in of_run}
    assert set(python) - set(yaml) == OWN[function]
    assert set(yaml) - set(python) == only_yaml
    for name in set(python) & set(yaml) - {"train"}:
        assert python[name] == yaml[name], name


@pytest.mark.parametrize("name", CALLBACKS)
def test_callback_options_match_their_configuration(name):
    python = defaults(CALLBACK_CLASSES[name])
    yaml = fields(CALLBACKS[name])
    injected = {"console", "clock", "stream"}
    assert {key: python[key] for key in set(python) - injected} == yaml


def test_every_callback_has_a_configuration():
    assert set(CALLBACKS) == set(CALLBACK_CLASSES)


@pytest.mark.parametrize("name", optimizer_names())
def test_optimizer_option_table_matches_keras(name):
    known = set(inspect.signature(optimizer_class(name).__init__).parameters)
    known -= {"self", "name", "learning_rate", "kwargs"}
    assert known == COMMON_OPTIONS | OWN_OPTIONS[name]


def test_every_setting_has_a_description():
    for section in (DataConfig, ModelConfig, AugmentationConfig, TrainerConfig):
        for name, field in section.model_fields.items():
            assert field.description, name


def test_every_integer_setting_has_a_maximum():
    groups = [*RunConfig.model_json_schema()["$defs"].values()]
    groups += [RunConfig.model_json_schema()]
    groups += [each.model_json_schema() for each in CALLBACKS.values()]
    unlimited = {
        name
        for group in groups
        for name, setting in group.get("properties", {}).items()
        for kind in (setting, *setting.get("anyOf", []))
        if kind.get("type") == "integer" and not {"maximum", "exclusiveMaximum"} & set(kind)
    }
    assert unlimited == set()
