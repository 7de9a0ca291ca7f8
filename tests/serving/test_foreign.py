"""Third-party software: its client queries `keraunos serve`, its classes read our files."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from color_network import halves, write_color_export
from helpers import SECONDS_AT_MOST
from serving_processes import serving

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(__file__).parent / "foreign"
TOKEN = "a-token-of-the-tests"
# Triton's client needs an older ml-dtypes than TensorFlow; of the packages in ALONE only a
# few files are read, so they are installed without their dependencies.
PACKAGES = ("tritonclient[http]", "protobuf", "kubernetes", "pyyaml", "six")
ALONE = ("tensorflow-serving-api", "kserve")

pytestmark = pytest.mark.nightly


@pytest.fixture(scope="module")
def python(tmp_path_factory) -> Path:
    """Python of an environment with packages that conflict with TensorFlow."""
    folder = tmp_path_factory.mktemp("foreign") / "environment"
    interpreter = folder / "bin" / "python"
    install = (interpreter, "-m", "pip", "install", "--quiet")
    for command in (
        (sys.executable, "-m", "venv", folder),
        (*install, *PACKAGES),
        (*install, "--no-deps", *ALONE),
    ):
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=SECONDS_AT_MOST
        )
        if done.returncode:
            pytest.skip(f"the environment can't be made: {done.stderr[-500:]}")
    return interpreter


def run(python, *arguments, folder):
    command = [str(python), *map(str, arguments)]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=SECONDS_AT_MOST
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_files_for_other_servers_are_parsed_by_their_own_classes(python, tmp_path):
    program, files = PROGRAMS / "check_files.py", ROOT / "examples" / "serving"
    read = run(python, program, files, folder=tmp_path).split()
    assert read == [
        "models.config",
        "config.pbtxt",
        "keraunos.yaml",
        "onnx.yaml",
        "saved-model.yaml",
    ]


@pytest.fixture(scope="module")
def answers(python, tmp_path_factory):
    """Answers received by Triton's client."""
    folder = tmp_path_factory.mktemp("asked")
    write_color_export(folder / "export")
    image = folder / "lesion.jpg"
    image.write_bytes(halves((0, 255, 0), (0, 255, 0), 100))
    token = {"KERAUNOS_SERVE_TOKEN": TOKEN}
    with serving(folder / "export", "--name", "skin", folder=folder, **token) as url:
        address = url.removeprefix("http://")
        program = PROGRAMS / "ask_triton.py"
        return json.loads(
            run(python, program, address, "skin", image, TOKEN, folder=folder)
        )


def test_triton_client_finds_server_and_model(answers):
    assert answers["live"]
    assert answers["ready"]
    assert answers["model_ready"]
    assert answers["server"]["name"] == "keraunos"
    assert answers["model"]["name"] == "skin"
    assert [each["name"] for each in answers["model"]["outputs"]][:2] == [
        "probabilities",
        "class",
    ]


@pytest.mark.parametrize(
    "how",
    [
        "uint8, binary",
        "uint8, json",
        "float32, binary",
        "float32, json",
        "without outputs",
        "async",
    ],
)
def test_triton_client_gets_predictions_for_pixels(answers, how):
    assert answers[how]["class"] == ["red", "green", "blue"]
    for place, row in enumerate(answers[how]["probabilities"]):
        assert row[place] == max(row)
        assert sum(row) == pytest.approx(1, abs=1e-6)
    assert answers[how]["probabilities"] == answers["uint8, binary"]["probabilities"]


def test_triton_client_gets_predictions_for_image_files(answers):
    assert answers["bytes, binary"]["class"] == ["green", "green"]
    assert answers["bytes, binary"]["id"] == "7"


def test_triton_client_gets_readable_errors(answers):
    errors = answers["errors"]
    assert "Authorization: Bearer" in errors["no token"]
    assert "has the model skin" in errors["another model"]
    assert "not 'another'" in errors["another model"]
    assert "must not be compressed" in errors["compressed"]
