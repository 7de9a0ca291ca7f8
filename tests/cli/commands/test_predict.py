import csv
import subprocess
from pathlib import Path

import numpy as np
import pytest
from helpers import contents, environment_without_keraunos
from keraunos.data.synthetic.lesions import KINDS
from PIL import Image
from programs import fork_keraunos

LOADED = """
import importlib.util, sys
import keras, numpy as np
from PIL import Image

assert importlib.util.find_spec("keraunos") is None
model = keras.models.load_model(sys.argv[1], safe_mode=True)
pictures = np.stack([np.asarray(Image.open(name)) for name in sys.argv[3:]])
np.save(sys.argv[2], model.predict(pictures.astype("float32"), verbose=0))
"""


@pytest.fixture
def raw_pictures(tmp_path) -> list[Path]:
    """Pictures of the size that the model takes, distinct, more than a batch."""
    random = np.random.default_rng(5)
    (tmp_path / "raw").mkdir()
    files = [tmp_path / "raw" / f"{number}.png" for number in range(9)]
    for number, file in enumerate(files):
        low = 25 * number
        pixels = random.integers(low, low + 40, (32, 32, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(file)
    return files


def answers(file: Path) -> tuple[list[str], np.ndarray]:
    """Files and probabilities of a table of predictions."""
    with file.open(newline="") as text:
        table = list(csv.DictReader(text))
    values = [[float(row[f"probability:{name}"]) for name in KINDS] for row in table]
    places = np.argmax(values, axis=1)
    assert [row["prediction"] for row in table] == [list(KINDS)[place] for place in places]
    assert "label" not in table[0]
    return [row["file"] for row in table], np.array(values)


@pytest.mark.slow
@pytest.mark.feature("predictions to a file")
def test_files_and_folders_are_predicted_in_order(keraunos, run, raw_pictures, tmp_path):
    first, *_, last = raw_pictures
    before = contents(run)
    answer = keraunos("predict", run, last, tmp_path / "raw", first)
    assert answer.code == 0
    names, values = answers(tmp_path / "predictions.csv")
    assert names == [str(file) for file in (last, *raw_pictures, first)]
    assert values[0] == pytest.approx(values[-2], abs=1e-6)
    assert np.ptp(values, axis=0).max() > 1e-3
    assert contents(run) == before
    for name in map(str, raw_pictures):
        assert name in answer.out


@pytest.mark.slow
def test_predictions_are_those_of_the_test(keraunos, run, lesions, tmp_path):
    answer = keraunos("predict", run, lesions / "test", "--output", "said.csv")
    assert answer.code == 0
    assert "written: said.csv" in answer.err
    names, values = answers(tmp_path / "said.csv")
    with (run / "predictions.csv").open(newline="") as text:
        tested = {row["file"]: row for row in csv.DictReader(text)}
    assert set(names) == set(tested)
    for name, row in zip(names, values, strict=True):
        wanted = [float(tested[name][f"probability:{kind}"]) for kind in KINDS]
        assert row == pytest.approx(wanted, abs=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("images", "words"),
    [
        (["nowhere.png"], ["does not exist", "nowhere.png"]),
        (["raw", "empty"], ["must hold images", "empty"]),
    ],
)
def test_images_that_are_not_there_are_3_and_write_nothing(
    keraunos, small_run, raw_pictures, tmp_path, images, words
):
    (tmp_path / "empty").mkdir()
    (tmp_path / "predictions.csv").write_text("mine")
    before = contents(tmp_path)
    answer = keraunos("predict", small_run, *images)
    assert (answer.code, answer.out) == (3, "")
    assert all(word in answer.err for word in words)
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], ["Either images or --watch"]),
        (["raw", "--watch", "raw"], ["Either images or --watch"]),
        (["raw", "--resume", "--output", "-"], ["Only what goes to a file"]),
        (["-", "-"], ["Standard input can be named once"]),
        (["--watch", "raw/0.png"], ["`--watch` must be a folder; it is a file"]),
    ],
)
def test_what_can_not_be_meant_is_refused(
    keraunos, small_run, raw_pictures, tmp_path, arguments, words
):
    before = contents(tmp_path)
    answer = keraunos("predict", small_run, *arguments)
    assert answer.code in (2, 3)
    assert answer.out == ""
    assert all(word in answer.err for word in words)
    assert contents(tmp_path) == before


def test_a_table_that_can_not_be_written_is_2(keraunos, small_run, raw_pictures):
    answer = keraunos("predict", small_run, *raw_pictures, "--output", "nowhere/a.csv")
    assert answer.code == 2
    assert answer.err.startswith("error: `--output` must be")
    assert "Traceback" not in answer.err


@pytest.mark.nightly
def test_the_model_answers_alike_where_there_is_no_keraunos(
    finished_run, raw_pictures, tmp_path
):
    done = fork_keraunos("predict", finished_run, *raw_pictures, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    python = environment_without_keraunos(tmp_path / "environment")
    model = finished_run / "model.keras"
    command = [python, "-I", "-c", LOADED, model, tmp_path / "plain.npy", *raw_pictures]
    subprocess.run(command, cwd=tmp_path, check=True)
    _, said = answers(tmp_path / "predictions.csv")
    plain = np.load(tmp_path / "plain.npy")
    assert np.ptp(plain, axis=0).max() > 1e-3
    assert np.abs(plain - said).max() < 1e-5


@pytest.mark.nightly
def test_one_picture_can_be_predicted_on_two_devices(finished_run, raw_pictures, tmp_path):
    done = fork_keraunos("predict", finished_run, raw_pictures[0], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    names, values = answers(tmp_path / "predictions.csv")
    assert names == [str(raw_pictures[0])]
    assert values.sum() == pytest.approx(1, abs=1e-5)
