"""`keraunos search`, in this process and in separate ones."""

import csv
import json
import os
import shlex
import signal
import subprocess
import sys

import pytest
import yaml
from helpers import SECONDS_AT_MOST, make_images
from keraunos.core.run_layout import SEARCH_FILE
from programs import fork_keraunos, wait_for

FAST = (
    "data.image_size=32",
    "data.batch_size=7",
    "model.weights=null",
    "model.backbone=MobileNetV2",
    "trainer.max_epochs=2",
    "trainer.devices=1",
    "trainer.accelerator=cpu",
    "search.tuner=random",
    "search.max_trials=2",
)


def rows(folder):
    with open(folder / "results.csv", newline="") as file:
        read = list(csv.DictReader(file))
    return [{k: v for k, v in row.items() if k != "seconds"} for row in read]


def alerts_to(file):
    """A setting that adds the kind of each alert to a file; trials send none."""
    script = f"echo $KERAUNOS_EVENT_KIND >> {file}"
    kinds = "[end, failure, interrupted]"
    return f"callbacks.alerts={{on: {kinds}, command: [/bin/sh, -c, '{script}']}}"


def sent(file):
    return file.read_text().split() if file.exists() else []


def last_value(run, name):
    lines = (run / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line)[name] for line in lines]


def test_invalid_search_space_is_rejected_before_anything_is_written(keraunos, unchanged):
    answer = keraunos("search", "classify", "search.space.model.dropot={float: [0, 1]}")
    assert answer.code == 2
    assert "Did you mean dropout?" in answer.err
    assert unchanged()


def test_builder_requires_an_explicit_search_space(keraunos, small, unchanged):
    answer = keraunos("search", *small)
    assert answer.code == 2
    assert "search.space.model.arguments" in answer.err
    assert unchanged()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ((), "not cached for augmented images"),
        (("augmentation.views=2",), "shared by all trials"),
        (("model.head=ridge",), "shared by all trials"),
        (
            ("search.space.model.dropout={float: [0, 0.5]}", "augmentation.strength=0"),
            "shared",
        ),
        (("augmentation.views=2", "feature_cache=off"), "feature_cache is off"),
    ],
)
def test_search_reports_up_front_whether_features_are_cached(keraunos, settings, words):
    answer = keraunos("search", "classify", "data.train=nowhere", *settings)
    (line,) = [each for each in answer.err.splitlines() if each.startswith("features: ")]
    assert words in line


@pytest.mark.parametrize("wanted", ["0", "many", "-2", "1001"])
def test_parallel_trials_must_be_auto_or_a_whole_number(keraunos, unchanged, wanted):
    answer = keraunos("search", "classify", "--parallel-trials", wanted)
    assert answer.code == 2
    assert "must be auto, or a whole number" in answer.err
    assert unchanged()


def test_search_reports_up_front_how_many_trials_run_in_parallel(keraunos):
    arguments = ("search", "classify", "data.train=nowhere", "--parallel-trials", "auto")
    point = "search.space.model.dropout={choice: [0.2]}"
    answer = keraunos(*arguments, "trainer.accelerator=cpu", point)
    assert "search: bayesian, one trial, 1 at a time (no GPU to divide;" in answer.err


def test_missing_data_leaves_no_files_behind(keraunos, small, unchanged):
    space = "search.space.model.arguments.size={choice: [32]}"
    answer = keraunos("search", *small, space, "data.train=nowhere")
    assert answer.code == 3
    assert unchanged()


@pytest.mark.slow
def test_builder_arguments_are_searched(keraunos, small, tmp_path):
    space = "search.space.model.arguments.optimizer={choice: [sgd, adam]}"
    settings = ("search.tuner=grid", "search.objective=val_loss", "run_dir=S")
    answer = keraunos("search", *small, space, *settings)
    assert answer.code == 0, answer.err
    assert "smaller is better" in answer.err
    assert "features: not cached for augmented images" in answer.err
    found = {
        row["model.arguments.optimizer"]: row["status"] for row in rows(tmp_path / "S")
    }
    assert found == {'"sgd"': "completed", '"adam"': "completed"}
    best = yaml.safe_load((tmp_path / "S" / "best.yaml").read_text())
    assert best["model"]["arguments"]["optimizer"] in ("sgd", "adam")


@pytest.mark.slow
def test_search_with_only_failed_trials_exits_with_code_8(keraunos, small, tmp_path):
    settings = ("search.max_trials=2", "search.objective=val_loss", "run_dir=S")
    space = "search.space.seed={int: [0, 5]}"
    given = ("model.builder=own:fail", space, *settings, alerts_to(tmp_path / "sent"))
    answer = keraunos("search", *small, *given)
    assert answer.code == 8
    wait_for(lambda: sent(tmp_path / "sent") == ["failure"])
    assert "LookupError: the user's own mistake" in answer.err


STOPPER = """
import signal
import keraunos.callbacks

class Stop(keraunos.callbacks.Callback):
    def on_epoch_end(self, run):
        if run.run_dir.name == "trial-001" and not hasattr(Stop, "has_stopped"):
            Stop.has_stopped = True
            signal.raise_signal(signal.SIGINT)
"""


@pytest.mark.slow
def test_interrupted_search_is_resumed_by_the_same_command(keraunos, small, tmp_path):
    (tmp_path / "own.py").open("a").write(STOPPER)
    command = (
        "search",
        *small,
        "search.space.model.arguments.optimizer={choice: [sgd, adam]}",
        "search.tuner=grid",
        "search.objective=val_loss",
        "callbacks.stop={class: 'own:Stop'}",
        alerts_to(tmp_path / "sent"),
        "run_dir=S",
    )
    answer = keraunos(*command)
    assert answer.code == 130
    wait_for(lambda: sent(tmp_path / "sent") == ["interrupted"])
    _, _, resume = answer.err.partition("Resume with:\n  keraunos ")
    answer = keraunos(*shlex.split(resume.splitlines()[0]))
    assert answer.code == 0, answer.err
    assert "finished so far" in answer.err
    wait_for(lambda: sent(tmp_path / "sent") == ["interrupted", "end"])
    assert [row["status"] for row in rows(tmp_path / "S")] == ["completed"] * 2


@pytest.fixture(scope="module")
def searched(image_folder, tmp_path_factory):
    """A search over the recipe `classify`, and its folder."""
    folder = tmp_path_factory.mktemp("searched")
    done = fork_keraunos(
        "search", "classify", f"data.train={image_folder}", *FAST, cwd=folder
    )
    assert done.returncode == 0, done.stderr
    return folder / "runs" / "classify-search-001", done


@pytest.mark.slow
def test_search_ends_with_a_table_and_the_next_command(searched):
    folder, done = searched
    assert "objective: val_balanced_accuracy, larger is better" in done.stderr
    assert "varies: optimizer.learning_rate: 1e-05 to 0.01, log" in done.stderr
    assert "trial-001" in done.stdout
    assert f"keraunos fit {folder}/best.yaml" in done.stdout
    assert "Traceback" not in done.stderr
    assert not list(folder.rglob("test.json")) + list(folder.rglob("predictions.csv"))


@pytest.mark.nightly
def test_search_does_not_use_the_test_split(searched, image_folder, tmp_path):
    folder, _ = searched
    other = tmp_path / "other"
    (other).mkdir()
    (other / "train").symlink_to(image_folder / "train")
    make_images(other / "test", {"cat": 4, "dog": 2, "emu": 5}, seed=77)
    done = fork_keraunos(
        "search", "classify", f"data.train={other}", *FAST, "run_dir=S", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert rows(tmp_path / "S") == rows(folder)


@pytest.mark.slow
def test_best_configuration_reproduces_its_trial(searched, tmp_path):
    folder, _ = searched
    done = fork_keraunos("fit", folder / "best.yaml", "run_dir=R", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    best = max(rows(folder), key=lambda row: float(row["val_balanced_accuracy"]))
    trial = folder / f"trial-{int(best['trial']):03d}"
    for name in ("loss", "val_loss", "val_balanced_accuracy"):
        assert last_value(tmp_path / "R", name) == last_value(trial, name)


@pytest.mark.nightly
@pytest.mark.parametrize("count", [1, 2])
def test_interrupted_search_process_is_resumed_by_the_next_process(
    searched, image_folder, tmp_path, count
):
    folder, _ = searched
    arguments = ["search", "classify", f"data.train={image_folder}", *FAST, "run_dir=S"]
    arguments += ["--parallel-trials", str(count)]
    process = subprocess.Popen(
        [sys.executable, "-m", "keraunos", *arguments],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        env=dict(os.environ),
    )
    journal = tmp_path / "S" / SEARCH_FILE

    def has_ended_a_trial():
        assert process.poll() is None
        return journal.exists() and '"end"' in journal.read_text()

    try:
        wait_for(has_ended_a_trial)
        process.send_signal(signal.SIGINT)
        _, written = process.communicate(timeout=SECONDS_AT_MOST)
    finally:
        process.kill()
    assert process.returncode == 130, written
    assert "Resume with:\n  keraunos search " in written
    done = fork_keraunos(*arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "finished so far" in done.stderr
    # Scores differ if two trials run in parallel: they share the threads.
    names = ("trial", "status", "model.dropout", "augmentation.strength")
    for ours, theirs in zip(rows(tmp_path / "S"), rows(folder), strict=True):
        same = theirs if count == 1 else names
        assert [ours[name] for name in same] == [theirs[name] for name in same]


@pytest.mark.nightly
def test_trials_run_on_two_devices_and_only_the_best_model_is_kept(image_folder, tmp_path):
    devices = ("trainer.devices=2", "trainer.strategy=mirrored", "search.max_trials=2")
    arguments = ("classify", f"data.train={image_folder}", *FAST, *devices, "run_dir=S")
    done = fork_keraunos("search", *arguments, "augmentation.views=1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = rows(tmp_path / "S")
    assert [row["status"] for row in found] == ["completed"] * 2
    runs = [tmp_path / "S" / f"trial-{number:03d}" for number in range(2)]
    for run in runs:
        environment = json.loads((run / "environment.json").read_text())
        assert environment["replicas"] == 2
    scores = [float(row["val_balanced_accuracy"]) for row in found]
    best = runs[scores.index(max(scores))]
    assert list((tmp_path / "S").rglob("model.keras")) == [best / "model.keras"]
    again = fork_keraunos("test", best, "--split", "validation", cwd=tmp_path)
    assert again.returncode == 0, again.stderr


BACKBONE = """
import keras

def small(image_size):
    inputs = keras.Input((image_size, image_size, 3))
    return keras.Model(inputs, keras.layers.Conv2D(4, 3, 8)(inputs))
"""


@pytest.mark.nightly
def test_backbones_and_heads_are_searched(image_folder, tmp_path):
    (tmp_path / "own_backbone.py").write_text(BACKBONE)
    done = fork_keraunos(
        *("search", "classify", f"data.train={image_folder}", *FAST, "run_dir=S"),
        *("search.tuner=grid", "search.max_trials=4", "augmentation.views=1"),
        "search.space.model.head={choice: [ridge, linear]}",
        "search.space.model.backbone={choice: ['own_backbone:small', MobileNetV3Small]}",
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    found = rows(tmp_path / "S")
    assert {row["status"] for row in found} == {"completed"}, found
    assert len({(row["model.head"], row["model.backbone"]) for row in found}) == 4


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        (("data.folds=3",), "`data.folds`"),
        (("data.folds=3", "data.fold=2"), "`data.folds`, `data.fold`"),
        (("data.validation=there",), "`data.validation`"),
        (("data.split=split.csv",), "`data.split`"),
    ],
)
def test_search_folds_with_another_split_setting_are_rejected(
    keraunos, settings, word, unchanged
):
    given = ("data.train=nowhere", "search.folds=5", *settings)
    answer = keraunos("search", "classify", *given)
    assert answer.code == 2
    assert f"It can't be set with {word}" in answer.err
    assert unchanged()


def test_too_few_images_for_the_folds_leave_no_files_behind(keraunos, small, unchanged):
    space = "search.space.model.arguments.size={choice: [32]}"
    answer = keraunos("search", *small, space, "search.folds=9", "run_dir=S")
    assert answer.code == 3
    assert "are missing in fold" in answer.err
    assert unchanged()


@pytest.mark.nightly
def test_wide_search_omits_inactive_conditional_settings_from_trials(
    image_folder, tmp_path
):
    space = (
        "search.space.model.backbone=null",
        "search.space.callbacks.backbone_finetuning.learning_rate=null",
    )
    tiny = [
        *FAST,
        *space,
        "search.max_trials=3",
        "callbacks.backbone_finetuning.at_epoch=1",
    ]
    named = (f"data.train={image_folder}", "run_dir=S", *tiny)
    done = fork_keraunos("search", "wide_search", *named, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "S"
    wanted = "too few trials have a score (3; 10 are needed)"
    assert f"importance: not estimated, because {wanted}" in done.stderr
    assert {"search.png", "importance.csv"} <= {each.name for each in folder.iterdir()}
    children = {
        "model.focal_gamma": ("model.loss", ['"focal"']),
        "model.logit_adjusted_tau": ("model.loss", ['"logit_adjusted"']),
        "data.class_balance": ("model.loss", ['"crossentropy"', '"focal"']),
        "callbacks.backbone_finetuning.stages": ("callbacks.backbone_finetuning", ["True"]),
    }
    for row in rows(folder):
        for child, (parent, labels) in children.items():
            assert bool(row.get(child)) is (row[parent] in labels)
        config = folder / f"trial-{int(row['trial']):03d}" / "config.yaml"
        trial = yaml.safe_load(config.read_text())
        tuning = trial["callbacks"]["backbone_finetuning"]
        assert (tuning is not None) is (row["callbacks.backbone_finetuning"] == "True")
        if row["model.loss"] != '"focal"':
            assert trial["model"]["focal_gamma"] == 2.0
    best = yaml.safe_load((folder / "best.yaml").read_text())
    assert best["search"]["space"] is None
