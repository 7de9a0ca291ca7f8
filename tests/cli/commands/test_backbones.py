import csv
import json

import pytest
from keraunos.configs.backbone import networks


@pytest.fixture
def keras_home(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    folder = tmp_path / "keras/models"
    folder.mkdir(parents=True)
    return folder


def words_of(answer, name):
    lines = answer.out.splitlines()
    return next(line.split() for line in lines if line.startswith(f"{name} "))


@pytest.mark.feature("backbones")
def test_every_keras_network_is_listed_with_its_download_status(keraunos, keras_home):
    (keras_home / networks()["VGG16"].weights_file).touch()
    answer = keraunos("backbones")
    assert answer.code == 0
    for name in networks():
        assert f"\n{name} " in answer.out
    known = networks()["VGG16"]
    assert words_of(answer, "VGG16")[1:6] == ["14,714,688", "224", "32", "512", "5"]
    assert words_of(answer, "VGG16")[-1] == "yes"
    assert words_of(answer, "VGG19")[-1] == "no"
    assert known.smallest_image_size == 32


def test_named_networks_are_written_as_json_and_csv(keraunos, keras_home, tmp_path):
    names = ("ResNet50", "Xception")
    for file in ("table.json", "table.csv"):
        answer = keraunos("backbones", *names, "--output", str(tmp_path / file))
        assert answer.code == 0
        assert "Stages of ResNet50: conv1, conv2, conv3, conv4, conv5." in answer.out
    rows = json.loads((tmp_path / "table.json").read_text())
    assert [row["name"] for row in rows] == list(names)
    assert rows[1]["smallest_image_size"] == 71
    assert rows[0]["stages"] == ["conv1", "conv2", "conv3", "conv4", "conv5"]
    assert rows[1]["images_per_second"] is None
    with (tmp_path / "table.csv").open() as file:
        assert [(row["parameters"], row["stages"]) for row in csv.DictReader(file)] == [
            (str(networks()[name].parameters), " ".join(networks()[name].stages))
            for name in names
        ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("ResNet5",), "Did you mean ResNet50?"),
        (("--image-size", "64"), "`--image-size` is for `--measure`"),
        (("--output", "table.txt"), "must end with .json or .csv"),
    ],
)
def test_invalid_arguments_are_rejected(keraunos, arguments, words):
    answer = keraunos("backbones", *arguments)
    assert answer.code == 2
    assert words in answer.err


NETWORK = """
import keras

def small(image_size):
    inputs = keras.Input((image_size, image_size, 3))
    return keras.Model(inputs, keras.layers.Conv2D(5, 3, 8)(inputs))
"""


@pytest.mark.slow
def test_custom_network_is_measured_on_this_machine(keraunos, tmp_path, monkeypatch):
    (tmp_path / "measured_network.py").write_text(NETWORK)
    monkeypatch.setattr("keraunos.cli.measured_backbone.SECONDS", 0.01)
    measure = ("--measure", "--image-size", "32", "--batch-size", "3")
    file = tmp_path / "table.json"
    answer = keraunos(
        "backbones", "measured_network:small", *measure, "--output", str(file)
    )
    assert answer.code == 0, answer.err
    (row,) = json.loads(file.read_text())
    assert (row["features"], row["parameters"], row["image_size"]) == (5, 140, 32)
    assert row["images_per_second"] > 0
    assert "in batches of 3" in answer.out
