"""What others wrote: their client asks `keraunos serve`, their classes read our files."""

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
# Triton's client wants an older ml-dtypes than TensorFlow; of the others only a few files
# are read, so that they come without what they would run on.
PACKAGES = ("tritonclient[http]", "protobuf", "kubernetes", "pyyaml", "six")
ALONE = ("tensorflow-serving-api", "kserve")

pytestmark = pytest.mark.nightly


@pytest.fixture(scope="module")
def python(tmp_path_factory) -> Path:
    """Python of an environment with packages that can't stand beside TensorFlow."""
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


def test_files_for_other_servers_are_read_by_their_own_classes(python, tmp_path):
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
def told(python, tmp_path_factory):
    """What Triton's client was told."""
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


def test_the_client_of_triton_finds_server_and_model(told):
    assert told["live"]
    assert told["ready"]
    assert told["model_ready"]
    assert told["server"]["name"] == "keraunos"
    assert told["model"]["name"] == "skin"
    assert [each["name"] for each in told["model"]["outputs"]][:2] == [
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
def test_the_client_of_triton_is_answered_for_pixels(told, how):
    assert told[how]["class"] == ["red", "green", "blue"]
    for place, row in enumerate(told[how]["probabilities"]):
        assert row[place] == max(row)
        assert sum(row) == pytest.approx(1, abs=1e-6)
    assert told[how]["probabilities"] == told["uint8, binary"]["probabilities"]


def test_the_client_of_triton_is_answered_for_files(told):
    assert told["bytes, binary"]["class"] == ["green", "green"]
    assert told["bytes, binary"]["id"] == "7"


def test_the_client_of_triton_is_refused_in_words(told):
    errors = told["errors"]
    assert "Authorization: Bearer" in errors["no token"]
    assert "'another' is not" in errors["another model"]
    assert "must not be compressed" in errors["compressed"]
