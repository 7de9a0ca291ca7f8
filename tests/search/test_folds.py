"""Trials over folds, with stand-ins for runs that write one file each."""

import json
import statistics
from types import SimpleNamespace

import pytest
from folded_trials import EPOCHS, FOLDS, Killed, Runs, rows, search
from keraunos.callbacks.monitor import Monitor
from keraunos.core.errors import CheckpointError
from keraunos.core.lock import LOCK_FILE
from keraunos.search import trials
from keraunos.search.cluster.messages import (
    outcome_to_json,
    plan_to_json,
    read_outcome,
    read_plan,
)
from keraunos.search.folds import FoldedTrial
from keraunos.search.runs import runs_of
from keraunos.search.trials import TrialPlan, run_trial

AUC = Monitor("val_auc", "max")


@pytest.fixture(scope="module", autouse=True)
def no_models():
    """There are no models to free, and searching for them takes a second per fold."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(trials, "_forget_models", lambda: None)
        yield


@pytest.fixture(scope="module")
def undisturbed_search(no_models, tmp_path_factory):
    """An undisturbed search: its rows, its runs, and its folder."""
    folder = tmp_path_factory.mktemp("whole") / "s"
    runs = Runs()
    with pytest.MonkeyPatch.context() as monkeypatch:
        found = search(folder, runs, monkeypatch)
    return found, runs, folder


@pytest.fixture(scope="module")
def uninterrupted(undisturbed_search, tmp_path_factory):
    """The undisturbed search of each tuner."""
    made = {"random": undisturbed_search}

    def results(tuner):
        if tuner not in made:
            folder, runs = tmp_path_factory.mktemp(tuner) / "s", Runs()
            with pytest.MonkeyPatch.context() as monkeypatch:
                found = search(folder, runs, monkeypatch, tuner=tuner)
            made[tuner] = found, runs, folder
        return made[tuner]

    return results


def relative_paths(folder):
    """Paths of all files below it, except locks."""
    found = (path for path in folder.rglob("*") if path.name != LOCK_FILE)
    return {str(path.relative_to(folder)) for path in found}


def scores_of(row):
    names = [f"fold_{number}" for number in range(1, FOLDS + 1)]
    return [float(row[name]) for name in names if row[name]]


def test_results_have_a_column_per_fold_and_the_mean_with_its_error(undisturbed_search):
    found, _, _ = undisturbed_search
    full = [row for row in found if row["folds"] == str(FOLDS)]
    assert len(full) >= 2
    for row in full:
        scores = scores_of(row)
        assert float(row["val_auc"]) == statistics.fmean(scores)
        error = statistics.stdev(scores) / FOLDS**0.5
        assert float(row["standard_error"]) == pytest.approx(error)
        assert (row["best_epoch"], row["epochs"], row["reason"]) == ("2", "3", "the end")


def test_trial_that_can_no_longer_win_stops_between_folds(undisturbed_search):
    found, runs, _ = undisturbed_search
    stopped = [row for row in found if "can no longer win" in row["reason"]]
    assert {row["folds"] for row in stopped} == {"2", "3"}
    for row in stopped:
        count = int(row["folds"])
        assert f"stopped after {count} of {FOLDS} folds" in row["reason"]
        assert len(scores_of(row)) == count
        assert row["standard_error"] == ""
        best = max(float(r["val_auc"]) for r in found[: int(row["trial"])])
        assert float(row["val_auc"]) < best
        trained = [
            name for name in runs.trained if name.startswith(f"trial-00{row['trial']}")
        ]
        assert len(trained) == count


def test_only_the_best_trial_keeps_its_fold_models(undisturbed_search):
    found, _, folder = undisturbed_search
    best = max(found, key=lambda row: float(row["val_auc"]))
    models = sorted(folder.rglob("model.keras"))
    trial = folder / f"trial-00{best['trial']}"
    assert models == [
        trial / f"fold-{number + 1}" / "model.keras" for number in range(FOLDS)
    ]


SLOW, NIGHTLY = pytest.mark.slow, pytest.mark.nightly
STRIDES = [pytest.param(5, marks=SLOW)] + [
    pytest.param(stride, marks=NIGHTLY) for stride in (1, 2, 3, 7, 11)
]


@pytest.mark.parametrize("tuner", ["random", pytest.param("hyperband", marks=NIGHTLY)])
@pytest.mark.parametrize("stride", STRIDES)
def test_repeatedly_killed_search_ends_with_the_same_trials(
    tmp_path, monkeypatch, uninterrupted, tuner, stride
):
    """Killed later each time, until it ends: at points of faults and within folds.

    Each file is one of those points, as it is written and before it is noted; and with
    hyperband each copy of a fold.
    """
    expected, undisturbed, folder = uninterrupted(tuner)
    trained, kills, asked_again = {}, 0, 0
    while True:
        runs = Runs(dies_at=stride * (kills + 1))
        try:
            search(tmp_path / "s", runs, monkeypatch, tuner=tuner)
            break
        except Killed:
            kills += 1
        finally:
            asked_again += runs.asked_again
            for name, epochs in runs.trained.items():
                trained[name] = trained.get(name, 0) + epochs
    assert rows(tmp_path / "s") == expected
    assert trained == undisturbed.trained  # no epoch twice
    assert asked_again <= kills  # of what ended right before it was recorded
    assert relative_paths(tmp_path / "s") == relative_paths(folder)


@pytest.mark.nightly
def test_hyperband_continues_trials_fold_by_fold(tmp_path, monkeypatch):
    runs = Runs()
    found = search(tmp_path / "s", runs, monkeypatch, tuner="hyperband")
    events = json.loads((tmp_path / "s" / "search.json").read_text())["events"]
    sources = {
        event["trial"]: int(event["values"]["tuner/trial_id"])
        for event in events
        if event["event"] == "begin" and "tuner/trial_id" in event["values"]
    }
    assert sources
    by_number = {int(row["trial"]): row for row in found}
    gone_on = 0
    for number, source in sources.items():
        for fold in range(1, FOLDS + 1):
            name = f"trial-{number:03d}/fold-{fold}"
            before = f"trial-{source:03d}/fold-{fold}"
            if name in runs.trained and before in runs.trained:
                epochs = int(by_number[number]["epochs"])
                assert runs.trained[name] == epochs - int(by_number[source]["epochs"])
                gone_on += 1
    assert gone_on >= FOLDS
    rivals = {e["trial"]: e.get("rival") for e in events if e["event"] == "begin"}
    epochs = {
        e["trial"]: e["values"]["tuner/epochs"] for e in events if e["event"] == "begin"
    }
    assert rivals[0] is None
    first_of_each = {epochs[number]: number for number in sorted(epochs, reverse=True)}
    assert all(rivals[number] is None for number in first_of_each.values())


def folded_trial(fit, division=lambda: "these"):
    return FoldedTrial(fit, FOLDS, AUC, division)


def trial_plan(folder, **more):
    return TrialPlan(0, {"space": [], "values": {"x": 0.5}}, folder, **more)


def fit_failing_in_fold(number, history):
    def fit(plan):
        plan.directory.mkdir(parents=True, exist_ok=True)
        (plan.directory / "x").touch()
        if plan.fold == number:
            return history()
        return SimpleNamespace(signal=None, history={"val_auc": [0.5]}, stop_reason="")

    return fit


def raise_mistake():
    raise LookupError("a mistake")


@pytest.mark.parametrize(
    ("history", "reason"),
    [
        (raise_mistake, "fold 3: LookupError: a mistake"),
        (
            lambda: SimpleNamespace(
                signal=None, history={"val_auc": [float("nan")]}, stop_reason=""
            ),
            "fold 3: val_auc is not a number",
        ),
    ],
)
def test_failed_fold_is_named(tmp_path, history, reason):
    outcome = run_trial(
        folded_trial(fit_failing_in_fold(3, history)), trial_plan(tmp_path / "t"), "val_auc"
    )
    assert (outcome.status, outcome.reason) == ("failed", reason)


def test_interrupted_fold_interrupts_the_trial(tmp_path):
    stopped = SimpleNamespace(signal=15, history={}, stop_reason="")
    outcome = run_trial(
        folded_trial(fit_failing_in_fold(2, lambda: stopped)),
        trial_plan(tmp_path / "t"),
        "val_auc",
    )
    assert (outcome.status, outcome.signal) == ("interrupted", 15)


def test_folds_are_not_resumed_if_the_images_have_changed(tmp_path):
    plan = trial_plan(tmp_path / "t")
    run_trial(folded_trial(fit_failing_in_fold(2, raise_mistake)), plan, "val_auc")
    other = folded_trial(fit_failing_in_fold(9, raise_mistake), lambda: "others")
    outcome = run_trial(other, plan, "val_auc")
    assert isinstance(outcome.error, CheckpointError)
    assert "images, labels or groups have changed" in outcome.reason


def test_rejected_images_leave_no_trial_directory(tmp_path):
    plan = trial_plan(tmp_path / "t")
    outcome = run_trial(
        folded_trial(fit_failing_in_fold(9, raise_mistake), raise_mistake), plan, "val_auc"
    )
    assert outcome.reason == "LookupError: a mistake"
    assert not plan.directory.exists()


def test_plans_and_outcomes_with_folds_survive_serialization(tmp_path):
    plan = trial_plan(tmp_path / "t", rival=(0.5, 0.25, 0.75), fold=2)
    assert read_plan(plan_to_json(plan)) == plan
    outcome = run_trial(folded_trial(Runs().fit), trial_plan(tmp_path / "t"), "val_auc")
    read = read_outcome(outcome_to_json(outcome))
    assert list(read.fold_scores) == list(outcome.fold_scores)
    assert list(read.fold_epochs) == [2] * FOLDS
    assert read.seconds == 0.5 * EPOCHS * FOLDS


def test_runs_of_a_trial_are_sorted_by_fold_number(tmp_path):
    assert runs_of(tmp_path) == [tmp_path]
    for name in ("fold-10", "fold-2", "fold-1", "foldable", "tensorboard"):
        (tmp_path / name).mkdir()
    assert [each.name for each in runs_of(tmp_path)] == ["fold-1", "fold-2", "fold-10"]
