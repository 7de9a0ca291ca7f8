"""Complete searches with refit, ensemble and outer folds; stopped and resumed."""

import csv
import json

import pytest
from helpers import make_images
from keraunos.cli.main import main
from programs import wait_for

STOPPER = """
import signal
import keraunos.callbacks

stopped = set()

class Stop(keraunos.callbacks.Callback):
    def __init__(self, at):
        self.at = at

    def on_epoch_end(self, run):
        if str(run.run_dir).endswith(self.at) and self.at not in stopped:
            stopped.add(self.at)
            signal.raise_signal(signal.SIGINT)
"""


@pytest.fixture
def command(small, tmp_path):
    """A search over the optimizers of a small model, on distinct images of two classes."""
    images = make_images(tmp_path / "images", {"cat": 14, "dog": 12}, size=32)
    (tmp_path / "own.py").open("a").write(STOPPER)
    return (
        "search",
        *small,
        f"data.train={images}",
        "data.test_split=0.25",
        "search.space.model.arguments.optimizer={choice: [sgd, adam]}",
        "search.tuner=grid",
        "search.objective=val_loss",
        "trainer.max_epochs=3",
        "model.arguments.classes=2",
    )


def paths(table):
    with open(table, newline="") as file:
        return {row["image"] for row in csv.DictReader(file)}


def sides(run):
    found = {}
    with open(run / "split.csv", newline="") as file:
        for row in csv.DictReader(file):
            found.setdefault(row["split"], set()).add(row["path"])
    return found


def outcome(folder):
    """All results of a search, except for times and paths."""
    chosen = json.loads((folder / "chosen.json").read_text())
    files = ("test.json", "predictions.csv", "ensemble.json", "ensemble_predictions.csv")
    read = {
        str(file.relative_to(folder)): file.read_text()
        for name in files
        for file in sorted(folder.rglob(name))
    }
    best = (folder / "best.yaml").read_text().splitlines()
    return chosen, read, [line for line in best if not line.startswith("#")]


@pytest.mark.nightly
def test_interrupted_refit_on_all_images_resumes(keraunos, command, tmp_path):
    pager = f"[/bin/sh, -c, 'echo $KERAUNOS_EVENT_KIND >> {tmp_path}/sent']"
    finish = (
        "search.finish=refit",
        "callbacks.stop={class: 'own:Stop', at: S/refit}",
        f"callbacks.alerts={{on: [end, interrupted], command: {pager}}}",
    )
    answer = keraunos(*command, *finish, "run_dir=S")
    assert answer.code == 130, answer.err
    assert "Resume with:\n  keraunos search " in answer.err
    assert not (tmp_path / "S" / "refit" / "model.keras").exists()
    answer = keraunos(*command, *finish, "run_dir=S")
    assert answer.code == 0, answer.err
    assert "partly luck" in answer.out
    refit, trial = tmp_path / "S" / "refit", tmp_path / "S" / "trial-000"
    before, now = sides(trial), sides(refit)
    assert now["train"] == before["train"] | before["validation"]
    assert now["test"] == before["test"]
    assert "validation" not in now
    assert len(json.loads((refit / "test.json").read_text())["per_class"]) == 2
    lines = (refit / "metrics.jsonl").read_text().splitlines()
    chosen = json.loads((tmp_path / "S" / "chosen.json").read_text())
    metrics = tmp_path / "S" / chosen["trial"] / "metrics.jsonl"
    losses = [json.loads(line)["val_loss"] for line in metrics.read_text().splitlines()]
    assert len(lines) == losses.index(min(losses)) + 1
    # Alerts come from the search, not from its runs.
    wait_for(lambda: (tmp_path / "sent").read_text().split() == ["interrupted", "end"])
    again = keraunos(*command, *finish, "run_dir=S")  # nothing is trained again
    assert again.code == 0
    assert "epoch=1" not in again.err
    assert "refit: " not in again.err


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("settings", "stops"),
    [
        ((), ("outer-1/trial-000", "outer-2/trial-001", "S/trial-001")),
        (
            ("search.folds=2", "search.finish=refit"),
            ("outer-1/trial-001/fold-2", "outer-2/refit"),
        ),
        (
            ("search.folds=2", "search.finish=ensemble"),
            ("outer-2/trial-000/fold-1",),
        ),
    ],
)
def test_outer_folds_give_the_same_results_after_interruptions(
    keraunos, command, tmp_path, settings, stops
):
    settings = (*command, *settings, "search.outer_folds=2")
    assert main([*settings, "run_dir=whole"]) == 0
    whole = tmp_path / "whole"
    _require_apart(whole)
    callbacks = [
        f"callbacks.stop{n}={{class: 'own:Stop', at: {at}}}" for n, at in enumerate(stops)
    ]
    for _ in stops:
        assert keraunos(*settings, *callbacks, "run_dir=S").code == 130
    answer = keraunos(*settings, *callbacks, "run_dir=S")
    assert answer.code == 0, answer.err
    ours, theirs = outcome(tmp_path / "S"), outcome(whole)
    assert ours[:2] == theirs[:2]
    parts = json.loads((whole / "outer.json").read_text())
    assert parts == ours[0]["outer_folds"]
    assert len(parts["balanced_accuracy"]["values"]) == 2


def _require_apart(whole):
    """Requires that test images of an outer fold are used for nothing else in it."""
    tested = [paths(whole / f"outer-{n}-images" / "test.csv") for n in (1, 2)]
    used = [paths(whole / f"outer-{n}-images" / "train.csv") for n in (1, 2)]
    assert not tested[0] & tested[1]
    assert tested[0] == used[1]
    assert tested[1] == used[0]
    for number in (1, 2):
        runs = [file.parent for file in (whole / f"outer-{number}").rglob("split.csv")]
        assert runs
        for run in runs:
            found = sides(run)
            assert found["test"] == tested[number - 1]
            seen = found["train"] | found.get("validation", set())
            assert seen == used[number - 1]
    (final,) = {frozenset(sides(run)["test"]) for run in whole.glob("trial-*/")
                if (run / "split.csv").exists()} or {frozenset()}  # fmt: skip
    assert not final & (tested[0] | tested[1])
