import csv
import io
import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import keras
import numpy as np
import pytest
from helpers import contents, environment_without_keraunos
from keraunos.core.faults import VARIABLE
from keraunos.data.synthetic.lesions import KINDS
from keraunos.evaluation.predictions import read_predictions
from PIL import Image
from programs import Program, fork_keraunos, type_keraunos, wait_for
from serving_models import plain_image

LOADED = """
import importlib.util, sys
import keras, numpy as np
from PIL import Image

assert importlib.util.find_spec("keraunos") is None
model = keras.models.load_model(sys.argv[1], safe_mode=True)
images = np.stack([np.asarray(Image.open(name)) for name in sys.argv[3:]])
np.save(sys.argv[2], model.predict(images.astype("float32"), verbose=0))
"""


@pytest.fixture
def raw_images(tmp_path) -> list[Path]:
    """Distinct images of the model's input size, more than a batch."""
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
def test_files_and_folders_are_predicted_in_order(keraunos, run, raw_images, tmp_path):
    first, *_, last = raw_images
    before = contents(run)
    answer = keraunos("predict", run, last, tmp_path / "raw", first)
    assert answer.code == 0
    names, values = answers(tmp_path / "predictions.csv")
    assert names == [str(file) for file in (last, *raw_images, first)]
    assert values[0] == pytest.approx(values[-2], abs=1e-6)
    assert np.ptp(values, axis=0).max() > 1e-3
    assert contents(run) == before
    for name in map(str, raw_images):
        assert name in answer.out


@pytest.mark.slow
def test_predictions_equal_those_of_the_test_command(keraunos, run, lesions, tmp_path):
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
        (["raw", "empty"], ["must contain images", "empty"]),
    ],
)
def test_missing_images_exit_with_code_3_and_write_nothing(
    keraunos, small_run, raw_images, tmp_path, images, words
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
        (["raw", "--resume", "--output", "-"], ["Only output to a file"]),
        (["-", "-"], ["Standard input can be named only once"]),
        (["--watch", "raw/0.png"], ["`--watch` must be a folder; it is a file"]),
    ],
)
def test_contradictory_arguments_are_rejected(
    keraunos, small_run, raw_images, tmp_path, arguments, words
):
    before = contents(tmp_path)
    answer = keraunos("predict", small_run, *arguments)
    assert answer.code in (2, 3)
    assert answer.out == ""
    assert all(word in answer.err for word in words)
    assert contents(tmp_path) == before


def test_unwritable_output_exits_with_code_2(keraunos, small_run, raw_images):
    answer = keraunos("predict", small_run, *raw_images, "--output", "nowhere/a.csv")
    assert answer.code == 2
    assert answer.err.startswith("error: `--output` must be")
    assert "Traceback" not in answer.err


@pytest.mark.nightly
def test_model_predicts_the_same_without_keraunos_installed(
    finished_run, raw_images, tmp_path
):
    done = fork_keraunos("predict", finished_run, *raw_images, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    python = environment_without_keraunos(tmp_path / "environment")
    model = finished_run / "model.keras"
    command = [python, "-I", "-c", LOADED, model, tmp_path / "plain.npy", *raw_images]
    subprocess.run(command, cwd=tmp_path, check=True)
    _, said = answers(tmp_path / "predictions.csv")
    plain = np.load(tmp_path / "plain.npy")
    assert np.ptp(plain, axis=0).max() > 1e-3
    assert np.abs(plain - said).max() < 1e-5


@pytest.mark.nightly
def test_single_image_is_predicted_on_two_devices(finished_run, raw_images, tmp_path):
    done = fork_keraunos("predict", finished_run, raw_images[0], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    names, values = answers(tmp_path / "predictions.csv")
    assert names == [str(raw_images[0])]
    assert values.sum() == pytest.approx(1, abs=1e-5)


def rows_of(file: Path) -> list[dict]:
    return [json.loads(line) for line in file.read_text().splitlines()]


@pytest.mark.slow
def test_killed_prediction_resumes_only_with_the_same_model(
    keraunos, small_run, raw_images, tmp_path, monkeypatch
):
    """Nine images in batches of two, killed after the third batch is written."""
    raw_images[3].write_bytes(b"no image")
    command = ("predict", small_run, "raw", "--batch-size=2", "--output")
    assert keraunos(*command, "whole.jsonl").code == 3
    monkeypatch.setenv(VARIABLE, "after-rows:4")  # at the first one there are no rows yet
    killed = fork_keraunos(*command, "killed.jsonl", cwd=tmp_path)
    monkeypatch.delenv(VARIABLE)
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "killed.jsonl").exists()
    assert len(rows_of(tmp_path / "killed.jsonl.partial")) == 7  # one has no prediction
    before = contents(tmp_path)
    other = shutil.copytree(small_run, tmp_path / "other")
    model = keras.models.load_model(other / "model.keras")
    model.layers[-1].bias.assign_add(np.arange(9.0) / 10)
    model.save(other / "model.keras")
    wrong = keraunos("predict", other, *command[2:], "killed.jsonl", "--resume")
    assert wrong.code == 2
    assert "changed since: model" in wrong.err
    shutil.rmtree(other)
    assert keraunos(*command, "killed.jsonl").code == 2  # without --resume
    assert contents(tmp_path) == before
    answer = keraunos(*command, "killed.jsonl", "--resume")
    assert answer.code == 3
    assert (tmp_path / "killed.jsonl").read_bytes() == (
        tmp_path / "whole.jsonl"
    ).read_bytes()
    rows = rows_of(tmp_path / "killed.jsonl")
    assert [row["file"] for row in rows] == [f"raw/{number}.png" for number in range(9)]
    assert [row["file"] for row in rows if "error" in row] == ["raw/3.png"]


@pytest.mark.nightly
def test_run_and_export_predict_the_same_alone_and_as_an_ensemble(
    keraunos, small_run, raw_images, tmp_path
):
    raw_images[2].write_bytes(b"<html>")
    assert keraunos("export", small_run, "--output", "there").code == 0
    (export,) = (file.parent for file in (tmp_path / "there").rglob("model.json"))
    model = keras.models.load_model(small_run / "model.keras")
    good = [file for file in raw_images if file != raw_images[2]]
    pixels = np.stack([np.asarray(Image.open(file), "float32") for file in good])
    wanted = model.predict(pixels, verbose=0)
    more = ([small_run], [export], [small_run, "--ensemble", export])
    for place, models in enumerate(more):
        output = tmp_path / f"{place}.csv"
        answer = keraunos("predict", models[0], "raw", *models[1:], "--output", output)
        assert answer.code == 3
        assert "raw/2.png: it is a web page" in answer.err
        found = read_predictions(output)
        assert found.probabilities == pytest.approx(wanted, abs=1e-6)


@pytest.mark.slow
def test_signal_stops_watching_and_a_restart_predicts_only_new_files(small_run, tmp_path):
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    output = tmp_path / "seen.jsonl"
    content = plain_image(200, 30, 30, size=40)
    (inbox / "first.png").write_bytes(content)
    (inbox / "slow.png").write_bytes(content[:40])
    words = ("predict", small_run, "--watch", "inbox", "--output", output)
    options = ("--poll-seconds=0.1", "--resume")

    def watch(until: set[str]) -> None:
        typed = [*map(str, (*words, *options))]
        process = Program(
            type_keraunos,
            typed,
            str(tmp_path),
            None,
            dict(os.environ),
            output=tmp_path / "log",
        )
        try:
            wait_for(
                lambda: output.exists() and {r["file"] for r in rows_of(output)} >= until
            )
            process.send(signal.SIGTERM)
            assert process.end() == 0, process.output
            assert "watching inbox; Ctrl-C ends the command" in process.output
        finally:
            process.stop()

    watch({"inbox/first.png"})
    (inbox / "slow.png").write_bytes(content)
    (tmp_path / "moved").write_bytes(content)
    (tmp_path / "moved").rename(inbox / "moved.png")
    watch({"inbox/slow.png", "inbox/moved.png"})
    rows = rows_of(output)
    assert sorted(row["file"] for row in rows) == [
        f"inbox/{name}.png" for name in ("first", "moved", "slow")
    ]
    assert not [row for row in rows if "error" in row]


def test_predict_reads_names_from_stdin_and_writes_rows_to_stdout(
    keraunos, small_run, raw_images
):
    names = b"\0".join(os.fsencode(f"raw/{number}.png") for number in (4, 1, 7))
    reading, writing = os.pipe()
    os.write(writing, names)
    os.close(writing)
    before = os.dup(0)
    os.dup2(reading, 0)
    try:
        answer = keraunos("predict", small_run, "-", "-0", "--output", "-")
    finally:
        os.dup2(before, 0)
        os.close(before)
        os.close(reading)
    assert (answer.code, answer.err) == (0, "")
    rows = list(csv.reader(io.StringIO(answer.out, newline="")))
    assert [row[0] for row in rows] == ["file", "raw/4.png", "raw/1.png", "raw/7.png"]
