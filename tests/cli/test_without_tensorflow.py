import json
import subprocess
import sys

import pytest
from keraunos.cli.main import app

COMMANDS = [command.name for command in app.registered_commands]
LIGHT = [
    ["--help"],
    *[[name, "--help"] for name in COMMANDS],
    ["recipes"],
    ["backbones"],
    ["backbones", "ResNet50", "keras_hub:nowhere"],
    ["fit", "classify", "model.backbone=keras_hub:nowhere"],
    ["fit", "classify", "model.weights=nowhere.pth"],
    ["fit", "classify", "model.backbone=resnet50_torchvision"],
    ["config", "quickstart"],
    ["config", "classify", "trainer.max_epochs=3"],
    ["fit"],
    ["fit", "nowhere.yaml"],
    ["fit", "classify", "trainr.max_epochs=1", "data.batch_size=0"],
    ["preview", "classify", "data.image_size=huge"],
    ["test", "nowhere"],
    ["compare", "nowhere"],
    ["runs"],
    ["runs", "."],
    ["show", "nowhere"],
    ["tensorboard", "nowhere"],
    ["init", "new.yaml"],
    ["export", "nowhere", "--calibrated"],
    ["predict", "nowhere", "image.png"],
    ["conifg", "quickstart"],
]
SCRIPT = """
import json, sys
import keraunos
assert "Trainer" in dir(keraunos) and keraunos.__version__
from keraunos.cli.main import main
heavy = {"tensorflow", "keras", "numpy", "matplotlib", "sklearn", "PIL"}
loaded = []
for arguments in [["import"], *json.loads(sys.argv[1])]:
    if arguments != ["import"]:
        main(arguments)
    loaded.append(sorted(heavy & set(sys.modules)))
json.dump(loaded, open(sys.argv[2], "w"))
"""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """Heavy packages loaded after each light command, all in one new process."""
    answer = tmp_path_factory.mktemp("light") / "loaded.json"
    command = [sys.executable, "-c", SCRIPT, json.dumps(LIGHT), str(answer)]
    subprocess.run(command, cwd=answer.parent, capture_output=True, check=True)
    return json.loads(answer.read_text())


def test_importing_keraunos_loads_nothing_heavy(loaded):
    assert loaded[0] == []


@pytest.mark.parametrize("place", range(len(LIGHT)), ids=[" ".join(a) for a in LIGHT])
def test_light_commands_load_no_heavy_packages(loaded, place):
    assert loaded[place + 1] == []


def test_help_of_every_command_is_among_the_light_commands():
    assert set(COMMANDS) >= {"fit", "test", "predict", "preview", "config", "doctor"}
