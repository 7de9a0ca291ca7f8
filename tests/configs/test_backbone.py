"""Backbone names are validated before TensorFlow is loaded."""

import pytest
from keraunos.configs import RunConfig, load_config
from keraunos.core.errors import ConfigError


@pytest.mark.parametrize(
    "name",
    [
        "NASNetMobile",
        "efficientnet_lite0",
        "keras_hub:vit_base_patch16_224_imagenet",
        "keras_hub:/presets/my vit",
        "keras_hub:hf://someone/vit",
        "my_package.networks:small",
    ],
)
def test_backbone_names_of_every_kind_are_accepted(name):
    assert load_config(["classify"], [f"model.backbone={name}"]).model.backbone == name


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("NASNetMobil", "Did you mean NASNetMobile?"),
        ("keras_hub:", "keras_hub:PRESET"),
        ("my-package:small", "package.module:function"),
        ("", "`model.backbone`"),
    ],
)
def test_invalid_backbone_names_are_rejected(name, words):
    with pytest.raises(ConfigError, match=words):
        load_config(["classify"], [f"model.backbone={name!r}"])


def test_images_too_small_for_the_backbone_are_rejected():
    with pytest.raises(ConfigError, match=r"at least 71 for Xception.*299 pixels"):
        load_config(["classify"], ["model.backbone=Xception", "data.image_size=70"])
    load_config(["classify"], ["model.backbone=Xception", "data.image_size=71"])
    load_config(["classify"], ["model.builder=my:build", "data.image_size=32"])


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        (["ResNet50", "keras_hub:vit", "own.networks:small"], None),
        (["ResNet50", "ResNet51"], "search.space.model.backbone.*Did you mean ResNet50"),
        (["ResNet50", "InceptionV3"], "search.space.model.backbone.*at least 75"),
    ],
)
def test_backbone_can_be_searched(choice, words):
    space = {"model.backbone": {"choice": choice}}
    values = {"data": {"image_size": 64}, "search": {"space": space}}
    if words is None:
        assert RunConfig.model_validate(values).search.space == space
    else:
        with pytest.raises(ValueError, match=words):
            RunConfig.model_validate(values)
