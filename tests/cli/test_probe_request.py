"""The arguments of `keraunos probe`, with all their errors at once."""

import pytest
from keraunos import ConfigError
from keraunos.cli.probe_request import read_request


def test_each_backbone_gets_its_own_configuration() -> None:
    request = read_request(
        ["quickstart", "backbones=[ResNet50,MobileNetV2]", "data.image_size=96"]
    )
    assert request.heads == ("linear", "ridge", "knn")
    assert [each.model.backbone for each in request.configs.values()] == [
        "ResNet50",
        "MobileNetV2",
    ]
    assert request.config.model.standardize_features  # of the recipe
    assert request.config.data.image_size == 96


def test_single_name_needs_no_brackets_and_recipe_is_optional() -> None:
    request = read_request(["backbones=MobileNetV2", "heads=ridge", "data.train=x"])
    assert (list(request.configs), request.heads) == (["MobileNetV2"], ("ridge",))
    assert request.config.model.weights == "imagenet"


def test_all_errors_of_a_request_are_reported_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        read_request(
            ["backbones=[ResNet5,MobileNetV2]", "heads=[rigde,cosine]", "model.head=knn"]
        )
    said = str(caught.value)
    for text in (
        "Received: head='rigde'. Did you mean ridge?",
        "Received: head='cosine'. That head is trained",
        "heads=[knn] in place of model.head",
        "ResNet5",
    ):
        assert text in said
    assert "MobileNetV2" not in said.replace("MobileNetV2?", "")


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        ([], "`backbones` must be a list of distinct names"),
        (["backbones=[]"], r"backbones=\[\]"),
        (["backbones=[VGG16,VGG16]"], "distinct names"),
        (["backbones=VGG16", "heads={}"], "`heads` must be a list"),
        (["backbones=VGG16", "task=multi_label"], "task='multi_label'"),
        (["backbones=VGG16", "model.builder=a:b"], "Leave model.builder out"),
        (["backbones=VGG16", "data.image_sise=3"], "image_size"),
    ],
)
def test_malformed_requests_are_rejected(arguments: list[str], wanted: str) -> None:
    with pytest.raises(ConfigError, match=wanted):
        read_request(arguments)
