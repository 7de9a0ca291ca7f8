"""Searches over folds whose runs are single files, so that they can be killed anywhere."""

import csv
import json
from types import SimpleNamespace

import keras_tuner
from keraunos.configs import SearchConfig, TrainerConfig
from keraunos.core import checked_files, files
from keraunos.core.checked_files import write_checked_text
from keraunos.core.checkpoints import remove_left
from keraunos.core.removal import remove_temporary
from keraunos.core.run_layout import (
    BEST_FILE,
    CHECKPOINTS_FOLDER,
    MODEL_FILE,
    RESULTS_FILE,
    checkpoint_name,
)
from keraunos.search import folds as folds_module
from keraunos.search import search as search_module
from keraunos.search import study as study_module
from keraunos.search.session import SearchRequest, open_session

FOLDS, EPOCHS = 4, 3


class Killed(BaseException):
    """Stands in for SIGKILL: nothing catches it."""


class Runs:
    """A stand-in for training, and a place where it can be killed.

    Attributes:
        steps: Points reached so far: fault points, and epochs of folds.
        trained: Epochs that were trained, by run.
        asked_again: How often a fold was requested with nothing left to train.
    """

    def __init__(self, dies_at=None):
        self.steps = 0
        self.trained = {}
        self.asked_again = 0
        self._dies_at = dies_at

    def reach(self, _=""):
        """Counts the point, and dies there if it should."""
        self.steps += 1
        if self.steps == self._dies_at:
            raise Killed

    def tidy(self, directory, name):
        """Removes a file under a temporary name, unless the process is dead."""
        if self.steps != self._dies_at:
            remove_temporary(directory, name)

    def fit(self, plan):
        """Trains epoch by epoch into a file, and continues with it."""
        if plan.export:
            (plan.directory / MODEL_FILE).touch()
            return plan.directory / MODEL_FILE
        plan.directory.mkdir(parents=True, exist_ok=True)
        file = plan.directory / "metrics.json"
        scores = json.loads(file.read_text()) if file.exists() else []
        epochs = plan.max_epochs or EPOCHS
        self.asked_again += len(scores) == epochs
        while len(scores) < epochs:
            self.reach()
            scores.append(score(plan.values, plan.fold, len(scores)))
            file.write_text(json.dumps(scores))
            run = f"{plan.directory.parent.name}/{plan.directory.name}"
            self.trained[run] = self.trained.get(run, 0) + 1
        checkpoints = plan.directory / CHECKPOINTS_FOLDER
        remove_left(checkpoints)
        (checkpoints / checkpoint_name(2, is_mid_epoch=False)).mkdir(
            parents=True, exist_ok=True
        )
        write_checked_text(checkpoints / BEST_FILE, checkpoint_name(2, is_mid_epoch=False))
        return SimpleNamespace(
            signal=None,
            history={"val_auc": scores, "seconds": [0.5] * len(scores)},
            stop_reason="the end",
        )


def score(values, fold, epoch):
    """Folds differ in difficulty; trials in their values, and a little noise."""
    noise = ((values["x"] * 7919 * (fold + 1)) % 1 - 0.5) * 0.02
    return 0.6 + 0.05 * fold - (values["x"] - 0.3) ** 2 + noise - 0.01 * (epoch - 1) ** 2


def request(runs, tuner="random", max_trials=6, **more):
    """A search over one parameter."""
    space = keras_tuner.HyperParameters()
    space.Float("x", 0.0, 1.0)
    config = SearchConfig(
        tuner=tuner, max_trials=max_trials, folds=FOLDS, objective="val_auc", mode="max"
    )
    return SearchRequest(
        config,
        TrainerConfig(max_epochs=3),
        seed=3,
        fit=runs.fit,
        make_space=lambda: space,
        make_settings=lambda: {"search": config.model_dump()},
        **more,
    )


def search(folder, runs, monkeypatch, **settings):
    """Resumes the search; returns results.csv without times, and the journal."""
    for name in ("draw_results", "show_trial"):  # which take seconds
        monkeypatch.setattr(search_module, name, lambda *_: None)
    for module in (study_module, folds_module, files, checked_files):
        monkeypatch.setattr(module, "fault_point", runs.reach)
    monkeypatch.setattr(files, "remove_temporary", runs.tidy)
    with open_session(request(runs, **settings), folder) as session:
        session.run(lambda _: None)
    return rows(folder)


def rows(folder):
    """The content of results.csv, except for times."""
    with open(folder / RESULTS_FILE, newline="") as file:
        return [
            {k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)
        ]
