"""Searches over user-defined hypermodels in this process."""

import csv
import json
import signal

import hypermodels
import keras
import keras_tuner
import keraunos as kr
import pytest
from keraunos.core.errors import ConfigError, SearchError
from keraunos.search.directory import search_directory
from keraunos.trainer import export as export_module


@pytest.fixture(scope="module")
def finished_search(tmp_path_factory):
    """A finished search, and the lines that it reported."""
    folder = tmp_path_factory.mktemp("found") / "search"
    lines = []
    search = hypermodels.search(folder)
    write = export_module.export_model

    def export(model, path, *options):
        lines.append(f"exported {path.parent.name}")
        write(model, path, *options)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(export_module, "export_model", export)
        made = search.run(
            hypermodels.train, validation_data=hypermodels.validation, notify=lines.append
        )
    return made, lines


def read_results(folder):
    with open(folder / "results.csv", newline="") as file:
        return list(csv.DictReader(file))


def without_seconds(folder):
    return [
        {k: v for k, v in row.items() if k != "seconds"} for row in read_results(folder)
    ]


@pytest.mark.slow
def test_search_result_ranks_its_trials_best_first(finished_search):
    result, lines = finished_search
    assert [trial.number for trial in result.trials] == [0, 1, 2, 3]
    scores = [trial.score for trial in result.best]
    assert scores == sorted(scores)
    assert len(set(scores)) == 4
    said = [line.partition(":")[0] for line in lines if line.startswith("trial-")]
    assert said == [trial.name for trial in result.trials]


@pytest.mark.slow
def test_trial_is_an_ordinary_run(finished_search):
    result, _ = finished_search
    for trial in result.trials:
        run = result.run_dir / trial.name
        lines = [json.loads(each) for each in (run / "metrics.jsonl").open()]
        assert min(line["val_loss"] for line in lines) == trial.score
        assert (run / "environment.json").exists()
        assert not (run / "test.json").exists()


@pytest.mark.slow
def test_only_the_best_trial_keeps_weights(finished_search):
    result, _ = finished_search
    for trial in result.trials:
        run = result.run_dir / trial.name
        is_best = trial is result.best[0]
        assert (run / "model.keras").exists() is is_best
        assert (run / "checkpoints").exists() is is_best


@pytest.mark.slow
def test_only_the_best_trial_is_exported_and_only_once(finished_search):
    result, lines = finished_search
    exported = [line for line in lines if line.startswith("exported")]
    assert exported == [f"exported {result.best[0].name}"]


@pytest.mark.slow
def test_exported_model_is_from_the_best_epoch(finished_search):
    result, _ = finished_search
    model = keras.models.load_model(result.run_dir / result.best[0].name / "model.keras")
    model.compile(loss="sparse_categorical_crossentropy")
    at_once = hypermodels.validation(0, 0).unbatch().batch(7)
    loss = model.evaluate(at_once, verbose=0)
    assert loss == pytest.approx(result.best[0].score)


@pytest.mark.slow
def test_exporting_writes_nothing_else_into_the_run(finished_search):
    result, _ = finished_search
    names = [
        {each.name for each in (result.run_dir / t.name).iterdir()} for t in result.trials
    ]
    best = names.pop(result.best[0].number)
    assert best == names[0] | {"model.keras", "checkpoints"}


@pytest.mark.nightly
def test_failed_export_is_an_error_that_rerunning_the_search_repairs(tmp_path, monkeypatch):
    def fail(*arguments):
        raise RuntimeError("no ink")

    def expect_no_trial(line):
        assert not line.startswith("trial-"), "a trial is trained again"

    with monkeypatch.context() as patched:
        patched.setattr(export_module, "export_model", fail)
        with pytest.raises(SearchError, match=r"trial-00., .*RuntimeError: no ink"):
            hypermodels.run(tmp_path / "s", max_trials=2)
    assert len(read_results(tmp_path / "s")) == 2
    search = hypermodels.search(tmp_path / "s", max_trials=2)
    result = search.run(
        hypermodels.train, validation_data=hypermodels.validation, notify=expect_no_trial
    )
    assert (tmp_path / "s" / result.best[0].name / "model.keras").exists()


@pytest.mark.slow
def test_no_model_is_exported_without_checkpoints(tmp_path):
    trainer = {"callbacks": {"model_checkpoint": None}}
    result = hypermodels.run(tmp_path / "s", max_trials=1, trainer=trainer)
    assert len(result.best) == 1
    assert not list((tmp_path / "s").glob("*/model.keras"))


@pytest.mark.slow
def test_results_table_and_figure_are_written(finished_search):
    result, _ = finished_search
    rows = read_results(result.run_dir)
    assert [row["trial"] for row in rows] == ["0", "1", "2", "3"]
    for row, trial in zip(rows, result.trials, strict=True):
        assert float(row["val_loss"]) == trial.score
        assert float(row["learning_rate"]) == trial.values["learning_rate"]
        assert (row["status"], row["epochs"]) == ("completed", "3")
    assert (result.run_dir / "search.png").stat().st_size > 5000


@pytest.mark.slow
def test_finished_search_runs_no_trial_again(finished_search):
    result, _ = finished_search
    again = hypermodels.search(result.run_dir)
    lines = []
    repeated = again.run(None, notify=lines.append)
    assert "no further trial: max_trials=4 is reached" in lines
    assert not [line for line in lines if line.startswith("trial-")]
    assert repeated.stop_reason == result.stop_reason == "max_trials=4 is reached"
    assert [t.score for t in repeated.best] == [t.score for t in result.best]


@pytest.mark.slow
def test_different_settings_are_rejected(finished_search):
    result, _ = finished_search
    for other in ({"seed": 1}, {"tuner": "grid"}, {"trainer": {"max_epochs": 4}}):
        with pytest.raises(ConfigError, match="started with"):
            hypermodels.run(result.run_dir, **other)


def test_folder_with_unrelated_files_is_rejected(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(ConfigError, match=r"thesis\.txt"):
        hypermodels.run(tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["thesis.txt"]


def test_two_searches_cannot_share_a_directory(tmp_path):
    with (
        search_directory(tmp_path),
        pytest.raises(ConfigError, match="another process"),
    ):
        hypermodels.run(tmp_path)


@pytest.mark.slow
def test_failing_trials_are_marked_and_the_search_continues(tmp_path):
    broken = hypermodels.build_broken
    result = hypermodels.run(tmp_path / "s", build=broken, tuner="grid", max_trials=9)
    rows = {
        row["how"]: (row["status"], row["reason"]) for row in read_results(result.run_dir)
    }
    assert rows["well"][0] == "completed"
    assert rows["fails"] == ("failed", "LookupError: a mistake")
    assert rows["diverges"][0] == "failed"
    assert "finite" in rows["diverges"][1]
    text = (result.run_dir / result.trials[1].name / "error.txt").read_text()
    assert "build_broken" in text
    assert len(result.best) == 1


@pytest.mark.slow
def test_search_in_which_all_trials_fail_raises_with_the_reason(tmp_path):
    def build(hp):
        hp.Int("units", 1, 4)
        infinite = [keras.Input((5,)), keras.layers.Dense(3, "softmax")]
        return hypermodels.compiled(keras.Sequential(infinite), float("inf"))

    with pytest.raises(SearchError, match=r"2 failed: DivergedError: .*finite"):
        hypermodels.run(tmp_path / "s", build=build, max_trials=2)


def test_keras_tuner_objective_is_accepted(tmp_path):
    wanted = keras_tuner.Objective("val_hinge", "max")
    objective = kr.Search(print, run_dir=tmp_path / "s", objective=wanted).objective
    assert (objective.name, objective.mode) == ("val_hinge", "max")


def test_unknown_objective_ends_the_search_immediately(tmp_path):
    with pytest.raises(
        ConfigError, match=r"`objective` must .*'val_acc'.*Did you mean val_acc"
    ):
        hypermodels.run(tmp_path / "s", objective="val_acc")


@pytest.mark.nightly
def test_hyperband_continues_the_best_trials(tmp_path):
    result = hypermodels.run(tmp_path / "s", tuner="hyperband")
    trial = next(trial for trial in result.trials if trial.note("trial_id"))
    past = result.trials[int(trial.note("trial_id"))]
    assert len(past.scores) == past.note("epochs") == 1
    assert len(trial.scores) == trial.note("epochs") == 3
    lines = (result.run_dir / trial.name / "metrics.jsonl").read_text().splitlines()
    assert len(lines) == 3
    assert scores_of_one_training(trial) == trial.scores


def scores_of_one_training(trial):
    """The scores of the same model in one training."""
    hp = keras_tuner.HyperParameters.from_config(trial.hyperparameters.get_config())
    trainer = kr.Trainer(max_epochs=3, devices=1, callbacks={"progress_bar": None})
    fitted = trainer.fit(
        lambda: hypermodels.build(hp),
        hypermodels.train,
        validation_data=hypermodels.validation,
    )
    return fitted.history["val_loss"]


@pytest.mark.nightly
def test_early_stopping_and_user_callbacks_apply_to_each_trial(tmp_path):
    class Counter(kr.callbacks.Callback):
        fits = 0

        def on_fit_begin(self, run):
            self.fits += 1

    counter = Counter()
    trainer = {"max_epochs": 40, "callbacks": [counter]}
    result = hypermodels.run(tmp_path / "s", max_trials=2, trainer=trainer)
    assert counter.fits == 2
    assert all(len(trial.scores) < 40 for trial in result.trials)
    assert all(trial.best_epoch == len(trial.scores) - 3 for trial in result.trials)


@pytest.mark.nightly
def test_parameter_used_by_only_some_models_is_searched(tmp_path):
    result = hypermodels.run(tmp_path / "s", build=hypermodels.build_growing, max_trials=5)
    seconds = [trial.values.get("second") for trial in result.trials]
    assert len({each for each in seconds if each is not None}) > 1
    again = hypermodels.run(tmp_path / "s", build=hypermodels.build_growing, max_trials=6)
    assert [trial.values for trial in again.trials[:5]] == [t.values for t in result.trials]
    assert len(again.trials) == 6


@pytest.mark.nightly
def test_search_stopped_by_a_signal_resumes_with_the_same_results(
    finished_search, tmp_path
):
    class Sender(kr.callbacks.Callback):
        def on_epoch_end(self, run):
            if run.run_dir.name == "trial-001" and run.epoch == 2:
                signal.raise_signal(signal.SIGTERM)

    trainer = {"callbacks": {"sender": Sender()}}
    stopped = hypermodels.run(tmp_path / "s", trainer=trainer)
    assert (stopped.signal, stopped.is_finished) == (signal.SIGTERM, False)
    assert [trial.status for trial in stopped.trials] == ["completed", "running"]
    assert hypermodels.run(tmp_path / "s").is_finished
    result, _ = finished_search
    assert without_seconds(tmp_path / "s") == without_seconds(result.run_dir)


@pytest.mark.nightly
def test_trial_exceeding_its_time_limit_counts_with_its_scores_so_far(tmp_path):
    trainer = {"max_epochs": 100_000, "callbacks": {"early_stopping": None}}
    limits = {"max_trials": 2, "max_seconds_per_trial": 0.5}
    result = hypermodels.run(tmp_path / "s", trainer=trainer, **limits)
    for trial in result.trials:
        assert trial.status == "completed"
        assert trial.reason == "max_seconds_per_trial=0.5 is reached"
        assert 0 < len(trial.scores) < 10_000
    assert [row["reason"] for row in read_results(tmp_path / "s")] == [trial.reason] * 2


@pytest.mark.slow
def test_signal_between_fits_stops_the_search(tmp_path):
    def stop(line):
        if line.startswith("trial-000"):
            signal.raise_signal(signal.SIGUSR1)

    search = hypermodels.search(tmp_path / "s")
    result = search.run(
        hypermodels.train, validation_data=hypermodels.validation, notify=stop
    )
    assert result.signal == signal.SIGUSR1
    assert [trial.status for trial in result.trials] == ["completed"]


def test_run_dir_in_trainer_settings_is_rejected():
    with pytest.raises(ConfigError, match="to the Search"):
        kr.Search(hypermodels.build, run_dir="a", trainer={"run_dir": "b"})


def test_hypermodel_that_overrides_fit_is_rejected(tmp_path):
    class Builds(keras_tuner.HyperModel):
        def build(self, hp):
            return hypermodels.build(hp)

    class Fits(Builds):
        def fit(self, hp, model, *args, **kwargs):
            return model.fit(*args, batch_size=hp.Int("batch_size", 2, 8), **kwargs)

    with pytest.raises(ConfigError, match=r"override `fit`.*Fits.*training_step"):
        kr.Search(Fits(), run_dir=tmp_path)
    kr.Search(Builds(), run_dir=tmp_path)
