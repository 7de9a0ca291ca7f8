"""Searches killed after their trials: in refit, ensemble and outer folds."""

import csv
import json
import signal

import keras
import pytest
from helpers import make_images
from keraunos.core.faults import VARIABLE
from programs import fork_keraunos

NIGHTLY = [pytest.mark.nightly, pytest.mark.timeout(2400)]
pytestmark = NIGHTLY

FOLDS = ("search.folds=2",)
REFIT, ENSEMBLE = "search.finish=refit", "search.finish=ensemble"
# Each process is killed when it reaches its point the first or nth time; the next resumes.
CASES = {
    "refit": (
        (*FOLDS, REFIT),
        [
            "before-best.yaml-is-replaced",
            "before-chosen.json-is-replaced",
            "before-manifest:2",  # in a checkpoint of the refit
            "before-rename:1",
            "before-model.keras-is-replaced",
            "before-predictions.csv-is-replaced",
            "before-test.json-is-replaced",
            "after-test.json-is-written",
        ],
    ),
    "ensemble": (
        (*FOLDS, ENSEMBLE),
        [
            "before-model.keras-is-replaced:2",  # of the second fold
            "before-chosen.json-is-replaced",
            "before-ensemble_predictions.csv-is-replaced",
            "before-ensemble.json-is-replaced",
        ],
    ),
    "outer folds": (
        (*FOLDS, REFIT, "search.outer_folds=2"),
        [
            "before-test.csv-is-replaced:2",  # of the images of the second part
            "after-fold-is-noted:3",  # in the second trial of outer-1
            "before-manifest:3",
            "after-test.json-is-written",  # of the refit of outer-1
            "before-outcome-is-noted:2",  # of outer-2
            "before-chosen.json-is-replaced",
            "before-outer.json-is-replaced",
            "after-outer.json-is-written",
            "before-fold-is-noted:2",  # of the search over all images
            "before-test.json-is-replaced",
        ],
    ),
    "outer folds of single models": (
        ("search.outer_folds=2",),
        [
            "before-test.json-is-replaced",  # of the winner of outer-1
            "after-test.json-is-written:1",
            "before-model.keras-is-replaced",
        ],
    ),
}


@pytest.fixture
def search(small, tmp_path):
    """Runs a search over the optimizers of a small model in its own process."""
    images = make_images(tmp_path / "images", {"cat": 14, "dog": 12}, size=32)
    command = (
        "search",
        *small,
        f"data.train={images}",
        "data.test_split=0.25",
        "model.arguments.classes=2",
        "search.space.model.arguments.optimizer={choice: [sgd, adam]}",
        "search.tuner=grid",
        "search.objective=val_loss",
    )

    def run(name, settings, point=""):
        with pytest.MonkeyPatch.context() as monkeypatch:
            if point:
                monkeypatch.setenv(VARIABLE, point)
            return fork_keraunos(*command, *settings, f"run_dir={name}", cwd=tmp_path)

    return run


def results(folder):
    """All results of a search, except for times and paths."""
    chosen = {
        str(file.parent.relative_to(folder)): json.loads(file.read_text())
        for file in sorted(folder.rglob("chosen.json"))
    }
    names = ("test.json", "predictions.csv", "ensemble.json", "ensemble_predictions.csv")
    written = {
        str(file.relative_to(folder)): file.read_text()
        for name in (*names, "outer.json", "importance.csv")
        for file in sorted(folder.rglob(name))
    }
    trials = {
        str(file.relative_to(folder)): rows(file)
        for file in sorted(folder.rglob("results.csv"))
    }
    best = (folder / "best.yaml").read_text().splitlines()
    return chosen, written, trials, [line for line in best if not line.startswith("#")]


def rows(file):
    with file.open(newline="") as opened:
        read = list(csv.DictReader(opened))
    return [{k: v for k, v in row.items() if k != "seconds"} for row in read]


def models(folder):
    """The weights of all models, as bytes, by path."""
    return {
        str(file.relative_to(folder)): [
            each.tobytes() for each in keras.models.load_model(file).get_weights()
        ]
        for file in sorted(folder.rglob("model.keras"))
    }


def files(folder):
    """All files except those named after a process."""
    found = (each.relative_to(folder) for each in folder.rglob("*") if each.is_file())
    return {str(each) for each in found if "events.out" not in each.name}


@pytest.mark.parametrize("case", CASES)
def test_search_killed_while_finishing_resumes_to_the_same_result(search, tmp_path, case):
    settings, points = CASES[case]
    done = search("whole", settings)
    assert done.returncode == 0, done.stderr
    for point in points:
        killed = search("S", settings, point)
        assert killed.returncode == -signal.SIGKILL, (point, killed.stderr)
    done = search("S", settings)
    assert done.returncode == 0, done.stderr
    ours, whole = tmp_path / "S", tmp_path / "whole"
    assert results(ours) == results(whole)
    assert models(ours) == models(whole)
    assert models(whole)
    assert files(ours) == files(whole)
