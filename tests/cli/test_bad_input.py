"""Bad input produces one clear message and exit code, and changes no files."""

import os
import shutil
from pathlib import Path

import pytest
import tensorflow as tf
from helpers import contents, make_images, run_keraunos
from programs import fork_keraunos

FIT = ("fit", "classify", "data.image_size=32", "model.weights=null")
GOOD = (*FIT, "data.train=good")
NIGHTLY = pytest.mark.nightly


@pytest.fixture(autouse=True)
def folders(tmp_path):
    """Image folders, valid and invalid."""
    make_images(tmp_path / "good", {"cat": 7, "dog": 6, "emu": 5}, seed=0)
    make_images(tmp_path / "misspelt", {"cat": 3, "doge": 2}, seed=1)
    make_images(tmp_path / "one_class", {"cat": 4}, seed=2)
    make_images(tmp_path / "broken", {"cat": 5, "dog": 4}, seed=3)
    (tmp_path / "broken" / "cat" / "page.png").write_text("<html>not found</html>")
    (tmp_path / "broken" / "dog" / "nothing.jpg").write_bytes(b"")
    make_images(tmp_path / "two_classes", {"cat": 5, "dog": 4}, seed=4)
    make_images(tmp_path / "leaked", {"cat": 1}, seed=0)
    make_images(tmp_path / "hollow", {"cat": 3, "dog": 2}, seed=5)
    (tmp_path / "hollow" / "emu").mkdir()
    shutil.copy(
        tmp_path / "two_classes/cat/cat-000.png", tmp_path / "two_classes/dog/same.png"
    )
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("mine")
    (tmp_path / "vacant").mkdir()
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "thesis.txt").write_text("mine")
    (tmp_path / "old_run").mkdir()
    (tmp_path / "checkpoints_alone" / "checkpoints").mkdir(parents=True)


def one_message(text: str) -> None:
    """Requires one error, preceded by at most the first lines of a run."""
    first_lines = ("keraunos ", "devices: ", "data: ")
    before, *errors = text.split("error: ")
    assert len(errors) == 1, text
    assert all(line.startswith(first_lines) for line in before.splitlines())


def refused(answer, code, words):
    assert answer.code == code, answer
    one_message(answer.err)
    assert "Traceback" not in answer.err
    assert answer.out == ""
    for word in words:
        assert word in answer.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((*FIT, "data.train=nowhere"), ["does not exist", "data.train='nowhere'"]),
        ((*FIT, "data.train=file"), ["must be a folder; it is a file"]),
        ((*FIT, "data.train=empty"), ["must contain images", "data.train='empty'"]),
        ((*FIT, "data.train=good/cat"), ["Move its images into one folder per class"]),
        ((*FIT, "data.train=hollow"), ["these contain none: emu."]),
        ((*FIT, "data.train=one_class"), ["At least two classes"]),
        ((*GOOD, "data.test=misspelt"), ["doge (Did you mean dog?)", "cat, dog, emu"]),
        ((*GOOD, "data.validation=misspelt"), ["`data.validation`", "doge"]),
        (
            (*FIT, "data.train=broken"),
            [
                "broken/cat/page.png: it is a web page",
                "broken/dog/nothing.jpg: the file is empty",
                "data.on_unreadable=drop",
            ],
        ),
        (
            (*FIT, "data.train=two_classes"),
            ["two_classes/dog/same.png", "data.on_conflict=drop"],
        ),
        ((*GOOD, "data.test=leaked"), ["good/cat/cat-000.png", "data.on_leak=drop"]),
        (("preview", "classify", "data.train=nowhere"), ["does not exist"]),
    ],
)
def test_invalid_image_data_exits_with_code_3(keraunos, unchanged, arguments, words):
    refused(keraunos(*arguments), 3, words)
    assert unchanged()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("trainer.max_epohs=1", ["mean max_epochs"]),
        (
            "trainer.strategy=miror",
            ["one of auto, mirrored, multi_worker, single", "mean mirrored"],
        ),
        ("callbacks.early_stoping={}", ["mean early_stopping"]),
        ("callbacks.EarlyStoping={}", ["mean EarlyStopping"]),
        ("callbacks.EarlyStopping.patence=3", ["rejected by EarlyStopping", "patence"]),
        ("callbacks.mine.class=nowhere:Mine", ["`callbacks.mine`", "nowhere"]),
        ("model.backbone=ResNet5", ["mean ResNet50"]),
        ("trainer.devices=5", ["at most 4", "KERAUNOS_CPU_DEVICES=5"]),
        ("trainer.cpu_devices=3", ["already started with 4 CPU devices"]),
        ("cache_dir=file", ["`cache_dir` must be a writable folder"]),
        ("run_dir=file", ["is a file", "run_dir="]),
        ("run_dir=file/below", ["is a file", "run_dir="]),
        ("run_dir=foreign", ["contains something else (thesis.txt)"]),
        ("run_dir=checkpoints_alone", ["contains something else"]),
        ("data.train=null", ["Try data.train=FOLDER"]),
        ("evaluation.must_not_miss=[emus]", ["emus is not a class. Did you mean emu?"]),
        ("evaluation.slices.columns=[sex]", ["There are none", "images come from folders"]),
    ],
)
@pytest.mark.parametrize("dry_run", [[], ["--dry-run"]], ids=["fit", "dry run"])
def test_invalid_settings_exit_with_code_2(keraunos, unchanged, setting, words, dry_run):
    refused(keraunos(*GOOD, setting, *dry_run), 2, words)
    assert unchanged()


@pytest.mark.slow
def test_missing_weights_file_exits_with_code_2(keraunos, unchanged):
    words = ["There is no such file", "nowhere.h5"]
    refused(keraunos(*GOOD, "model.weights=nowhere.h5", "trainer.devices=1"), 2, words)
    assert unchanged()


def test_requesting_a_missing_gpu_exits_with_code_2(keraunos, unchanged):
    if tf.config.list_physical_devices("GPU"):
        pytest.skip("there are GPUs")
    words = ["TensorFlow sees no GPU", "keraunos doctor"]
    refused(keraunos(*GOOD, "trainer.accelerator=gpu"), 2, words)
    assert unchanged()


@pytest.mark.parametrize(
    ("command", "settings"),
    [("fit", ()), ("fit", ("data.folds=2",)), ("search", ("search.max_trials=1",))],
)
def test_run_dir_that_cannot_be_created_exits_with_code_2(
    command, settings, keraunos, unchanged
):
    # To a user with full permissions this folder appears writable.
    typed = (command, *GOOD[1:], *settings, "run_dir=/proc/none/run")
    refused(keraunos(*typed), 2, ["`run_dir` must be new, empty or", "/proc/none/run"])
    assert unchanged()


def test_unwritable_run_dir_exits_with_code_2(keraunos, unchanged, tmp_path):
    tmp_path.joinpath("vacant").chmod(0o500)
    if os.access(tmp_path / "vacant", os.W_OK):
        pytest.skip("this user can write everywhere")
    refused(keraunos(*GOOD, "run_dir=vacant/run"), 2, ["can't be written"])
    assert unchanged()


def test_file_named_runs_exits_with_code_2(keraunos, unchanged, tmp_path):
    (tmp_path / "runs").write_text("mine")
    before = contents(tmp_path)
    refused(keraunos(*GOOD), 2, ["A new run directory can't be created", "run_dir=DIR"])
    assert contents(tmp_path) == before


def test_failed_run_keeps_a_preexisting_empty_run_dir(keraunos, unchanged):
    refused(keraunos(*GOOD, "run_dir=vacant", "trainer.devices=5"), 2, ["at most 4"])
    assert unchanged()


@pytest.mark.parametrize("command", ["test", "predict"])
@pytest.mark.parametrize("run", ["nowhere", "foreign"])
def test_path_that_is_not_a_run_exits_with_code_2(keraunos, unchanged, command, run):
    more = ["good"] if command == "predict" else []
    refused(keraunos(command, run, *more), 2, ["must be a run directory", run])
    assert unchanged()


@pytest.mark.parametrize("command", ["test", "predict"])
def test_unfinished_run_exits_with_code_2(keraunos, tmp_path, command):
    settings = keraunos("config", *GOOD[1:]).out
    (tmp_path / "old_run" / "config.yaml").write_text(settings)
    before = contents(tmp_path)
    more = ["good"] if command == "predict" else ["--split=validation"]
    refused(keraunos(command, "old_run", *more), 2, ["must be finished"])
    assert contents(tmp_path) == before


@pytest.mark.parametrize("output", ["file", "file/below"])
def test_unwritable_output_exits_with_code_2(keraunos, unchanged, output):
    arguments = ("preview", *GOOD[1:], "--output", output)
    refused(keraunos(*arguments), 2, ["`--output` must be", output])
    assert unchanged()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((*FIT, "data.train=broken"), 3, ["broken/cat/page.png"]),
        pytest.param(
            (*GOOD, "trainer.strategy=miror"), 2, ["mean mirrored"], marks=NIGHTLY
        ),
        pytest.param(
            (*GOOD, "trainer.accelerator=cpu", "run_dir=foreign"),
            2,
            ["thesis.txt"],
            marks=NIGHTLY,
        ),
        ((*GOOD, "trainr.max_epochs=1", "data.batch_size=0"), 2, ["mean trainer"]),
    ],
)
def test_separate_process_reports_the_same_errors(
    tmp_path, unchanged, arguments, code, words
):
    done = fork_keraunos(*arguments, cwd=tmp_path)
    assert done.returncode == code
    one_message(done.stderr)
    assert "Traceback" not in done.stderr
    assert all(word in done.stderr for word in words)
    assert unchanged()


@pytest.mark.nightly
def test_failed_weights_download_exits_with_code_2(tmp_path, unchanged):
    nowhere = "http://127.0.0.1:9"  # nothing listens on this port
    environment = {"HTTPS_PROXY": nowhere, "https_proxy": nowhere, "KERAS_HOME": "keras"}
    done = run_keraunos(
        *GOOD, "model.weights=imagenet", cwd=tmp_path, environment=environment
    )
    assert done.returncode == 2
    assert "and copy resnet50_weights" in done.stderr
    assert "Traceback" not in done.stderr
    assert [each for each in contents(tmp_path) if Path(each).parts[0] == "runs"] == []
