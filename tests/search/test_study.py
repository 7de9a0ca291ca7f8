import json
import math

import keras_tuner
import pytest
from keraunos.callbacks.monitor import Monitor
from keraunos.configs import SearchConfig
from keraunos.core.checked_files import write_checked_json
from keraunos.core.errors import CheckpointError
from keraunos.search.journal import Journal
from keraunos.search.search import _continued_trials
from keraunos.search.study import Study
from keraunos.search.trials import Outcome
from keraunos.search.tuning.oracles import create_oracle, number_of_trials

OBJECTIVE = Monitor("val_accuracy")
TRIALS = {"random": 7, "grid": 7, "bayesian": 7, "hyperband": 18}


def space():
    made = keras_tuner.HyperParameters()
    made.Float("x", 0.0, 1.0)
    made.Choice("y", [1, 2, 3])
    return made


def open_study(path, tuner, seed=0, max_trials=None):
    search = SearchConfig(tuner=tuner, max_trials=max_trials or TRIALS[tuner])
    oracle = create_oracle(search, OBJECTIVE, space(), seed, max_epochs=9)
    return Study(oracle, OBJECTIVE, Journal(path / "search.json", {"tuner": tuner}))


def outcome(trial):
    """A score that the values decide; one kind of trial fails."""
    values = trial.values
    if values["y"] == 2 and values["x"] > 0.8:
        return Outcome("failed", reason="diverged")
    epochs = trial.note("epochs") or 2
    best = values["y"] / 10 - (values["x"] - 0.3) ** 2
    return Outcome("completed", [best - 0.1, *[best] * (epochs - 1)], 0.5, "the end")


def run_one_at_a_time(study, events=10**6):
    """Runs one trial at a time until the search ends or has recorded that many events."""
    while len(study._journal.events) < events and (trial := study.ask()) is not None:
        if len(study._journal.events) < events:
            study.tell(trial, outcome(trial))
    return study


def summary(study):
    return [(t.number, t.hyperparameters.values, t.status, t.score) for t in
            study.trials.values()]  # fmt: skip


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """The trials with which each oracle ends if undisturbed."""
    made = {}

    def end(tuner):
        if tuner not in made:
            made[tuner] = summary(
                run_one_at_a_time(open_study(tmp_path_factory.mktemp("s"), tuner))
            )
        return made[tuner]

    return end


@pytest.mark.slow
@pytest.mark.parametrize("events", [4, 13])
@pytest.mark.parametrize("tuner", TRIALS)
def test_resumed_search_ends_with_the_same_trials(tmp_path, tuner, events, uninterrupted):
    run_one_at_a_time(open_study(tmp_path, tuner), events)
    continued = summary(run_one_at_a_time(open_study(tmp_path, tuner)))
    assert continued == uninterrupted(tuner)
    assert len(continued) > 5


@pytest.mark.parametrize(
    "tuner", ["random", pytest.param("bayesian", marks=pytest.mark.slow)]
)
def test_trials_are_determined_by_the_seed(tmp_path, tuner, uninterrupted):
    for seed in (0, 1):
        (tmp_path / str(seed)).mkdir()
        found = summary(run_one_at_a_time(open_study(tmp_path / str(seed), tuner, seed)))
        assert (found == uninterrupted(tuner)) is (seed == 0)


def test_consecutive_seeds_do_not_share_values(tmp_path):
    drawn = []
    for seed in (0, 1):
        (tmp_path / str(seed)).mkdir()
        study = run_one_at_a_time(open_study(tmp_path / str(seed), "random", seed))
        drawn.append({trial.values["x"] for trial in study.trials.values()})
    assert not drawn[0] & drawn[1]


def test_trial_is_written_to_disk_before_it_is_handed_out(tmp_path):
    study = open_study(tmp_path, "random")
    for number in range(3):
        trial = study.ask()
        journal = Journal(tmp_path / "search.json", {"tuner": "random"})
        begun = {"event": "begin", "trial": number, "values": trial.hyperparameters.values}
        assert journal.events[-1] == begun
    study.tell(trial, outcome(trial))
    journal = Journal(tmp_path / "search.json", {"tuner": "random"})
    assert journal.events[-1]["event"] == "end"


def test_unfinished_trials_are_resumed_first_and_in_order(tmp_path):
    study = open_study(tmp_path, "random")
    first, second, third = study.ask(), study.ask(), study.ask()
    study.tell(second, outcome(second))
    again = open_study(tmp_path, "random")
    left = [again.ask(), again.ask()]
    assert [trial.number for trial in left] == [first.number, third.number]
    assert [trial.values for trial in left] == [first.values, third.values]
    assert again.ask().number == 3


@pytest.mark.parametrize("tuner", ["grid", "hyperband"])
def test_asking_without_getting_a_trial_changes_nothing(tmp_path, tuner, uninterrupted):
    study = open_study(tmp_path, tuner)
    while True:
        running = []
        while (trial := study.ask()) is not None:
            running.append(trial)
        if not running:
            break
        for trial in running:
            study.tell(trial, outcome(trial))
    continued = open_study(tmp_path, tuner)
    assert summary(continued) == summary(study)
    assert len(study.trials) == len(uninterrupted(tuner))


def test_grid_combinations_can_run_in_parallel(tmp_path):
    study = open_study(tmp_path, "grid")
    running = [study.ask() for _ in range(5)]
    (tmp_path / "one").mkdir()
    one_at_a_time = run_one_at_a_time(open_study(tmp_path / "one", "grid")).trials.values()
    assert [trial.values for trial in running] == [t.values for t in one_at_a_time][:5]


def grown_space(trial):
    """What building the model of a trial adds: another parameter for one choice."""
    grown = keras_tuner.HyperParameters.from_config(trial.hyperparameters.get_config())
    with grown.conditional_scope("y", [2]):
        if grown.values["y"] == 2:
            grown.Choice("z", ["a", "b", "c"])
    return grown.get_config()


def study_of_choices(path, tuner, **values):
    """A search over a space of choices only."""
    space = keras_tuner.HyperParameters()
    for name, each in values.items():
        space.Choice(name, each)
    search = SearchConfig(tuner=tuner, max_trials=100)
    oracle = create_oracle(search, OBJECTIVE, space, seed=0, max_epochs=9)
    return Study(oracle, OBJECTIVE, Journal(path / "search.json", {}))


@pytest.mark.parametrize("at_a_time", [1, 2, 3, 6])
def test_grid_covers_parameters_that_appear_during_the_search(tmp_path, at_a_time):
    study = study_of_choices(tmp_path, "grid", x=[0, 1], y=[1, 2, 3])
    running = []
    while True:
        while len(running) < at_a_time and (trial := study.ask()) is not None:
            running.append(trial)
        if not running:
            break
        trial = running.pop(len(running) // 2)
        study.tell(trial, Outcome("completed", [0.1], hyperparameters=grown_space(trial)))
    values = [trial.values for trial in study.trials.values()]
    seen = [(each["x"], each["y"], each.get("z")) for each in values]
    assert len(seen) == len(set(seen)) == 10  # 2 times: 1, 3, and 2 with three of z


def test_exhausted_search_is_restored_with_the_same_trials(tmp_path):
    study, running, vain = study_of_choices(tmp_path, "hyperband", y=list(range(9))), [], 0
    while True:
        while (trial := study.ask()) is not None:
            running.append(trial)
        vain += 1
        if not running:
            break
        trial = running.pop(0)
        study.tell(trial, Outcome("completed", [trial.values["y"] / 10] * 2))
    assert vain > 3
    again = study_of_choices(tmp_path, "hyperband", y=list(range(9)))
    assert summary(again) == summary(study)


@pytest.mark.slow
def test_integers_stay_within_their_bounds(tmp_path):
    space = keras_tuner.HyperParameters()
    space.Int("n", 8, 64, sampling="log")
    search = SearchConfig(tuner="bayesian", max_trials=14)
    oracle = create_oracle(search, OBJECTIVE, space, seed=0, max_epochs=9)
    study = Study(oracle, OBJECTIVE, Journal(tmp_path / "search.json", {}))
    while (trial := study.ask()) is not None:
        study.tell(trial, Outcome("completed", [math.log(trial.values["n"])]))
    assert max(trial.values["n"] for trial in study.trials.values()) == 64


def test_weights_are_kept_until_the_trial_continuing_from_them_ends(tmp_path):
    study, only_so = open_study(tmp_path, "hyperband"), 0
    running = []
    while True:
        while (trial := study.ask()) is not None:
            running.append(trial)
        if not running:
            break
        trial = running.pop(0)
        source = trial.note("trial_id")
        if source is not None:
            assert int(source) in _continued_trials(study)
            only_so += int(source) not in study.may_be_continued()
        study.tell(trial, Outcome("completed", [trial.values["x"]]))
    assert only_so  # in the last round of a bracket
    assert not _continued_trials(study)


def test_consecutive_failed_trials_do_not_end_the_search(tmp_path):
    study = open_study(tmp_path, "random")
    while (trial := study.ask()) is not None:
        study.tell(trial, Outcome("failed", reason="broken"))
    assert len(study.trials) == TRIALS["random"]
    assert study.ranking() == []


def test_score_is_that_of_the_best_epoch_and_nan_means_no_score(tmp_path):
    study = open_study(tmp_path, "random")
    first, second = study.ask(), study.ask()
    study.tell(first, Outcome("completed", [0.1, math.nan, 0.4, 0.3]))
    study.tell(second, Outcome("completed", [math.nan, math.inf]))
    assert (first.score, first.best_epoch) == (0.4, 3)
    assert (second.status, second.score) == ("failed", None)
    assert study.ranking() == [first]
    assert [t.score for t in open_study(tmp_path, "random").ranking()] == [0.4]


def fold_outcome(*scores):
    return Outcome("completed", [max(scores)], fold_scores=scores, fold_epochs=[1, 2, 5])


def test_trial_with_missing_folds_ranks_behind_complete_trials(tmp_path):
    study = open_study(tmp_path, "random")
    whole = study.ask()
    study.tell(whole, fold_outcome(0.7, 0.8, 0.9))
    stopped, worse = study.ask(), study.ask()
    assert stopped.rival == (0.7, 0.8, 0.9)
    study.tell(stopped, fold_outcome(0.65, 0.75))
    study.tell(worse, fold_outcome(0.1, 0.2, 0.3))
    assert stopped.score == pytest.approx(0.75)  # what it would have been
    assert study.ranking() == [whole, worse, stopped]
    assert (whole.score, whole.best_epoch) == (pytest.approx(0.8), 3)
    again = open_study(tmp_path, "random")
    assert [t.number for t in again.ranking()] == [0, 2, 1]
    assert again.trials[1].score == stopped.score


def test_parameters_first_seen_in_a_trial_are_searched_in_later_trials(tmp_path):
    study = open_study(tmp_path, "random")
    trial = study.ask()
    grown = keras_tuner.HyperParameters.from_config(trial.hyperparameters.get_config())
    grown.Int("z", 5, 9)
    study.tell(trial, Outcome("completed", [0.1], hyperparameters=grown.get_config()))
    assert trial.values["z"] == 5
    again = open_study(tmp_path, "random")
    assert "z" in again.ask().values
    assert again.trials[0].values == trial.values


def test_max_trials_can_be_raised_later(tmp_path):
    run_one_at_a_time(open_study(tmp_path, "random", max_trials=3))
    longer = run_one_at_a_time(open_study(tmp_path, "random", max_trials=12))
    (tmp_path / "other").mkdir()
    at_once = run_one_at_a_time(open_study(tmp_path / "other", "random", max_trials=12))
    assert summary(longer) == summary(at_once)


def test_oracle_that_contradicts_the_journal_raises(tmp_path):
    run_one_at_a_time(open_study(tmp_path, "random"), 3)
    journal = tmp_path / "search.json"
    content = json.loads(journal.read_text())
    content["events"][0]["values"]["x"] = 0.123
    write_checked_json(journal, content)
    with pytest.raises(CheckpointError, match="same version of Keras Tuner"):
        open_study(tmp_path, "random")


@pytest.mark.parametrize(
    ("name", "value"),
    [("event", 5), ("trial", "first"), ("values", [1]), ("scores", {}), ("scores", ["x"])],
)
def test_journal_events_of_wrong_type_raise_checkpoint_error(tmp_path, name, value):
    run_one_at_a_time(open_study(tmp_path, "random"), 2)
    journal = tmp_path / "search.json"
    content = json.loads(journal.read_text())
    next(each for each in content["events"] if name in each)[name] = value
    write_checked_json(journal, content)
    with pytest.raises(CheckpointError):
        open_study(tmp_path, "random")


def test_number_of_hyperband_trials_is_known_in_advance(tmp_path):
    study = open_study(tmp_path, "hyperband")
    assert number_of_trials(study.oracle) == 23
    while (trial := study.ask()) is not None:
        study.tell(trial, Outcome("completed", [trial.values["x"]]))
    assert len(study.trials) == 23


@pytest.mark.nightly
def test_bayesian_search_proposes_better_values_than_random_search(tmp_path):
    means = {}
    for tuner in ("random", "bayesian"):
        (tmp_path / tuner).mkdir()
        study = open_study(tmp_path / tuner, tuner, max_trials=14)
        while (trial := study.ask()) is not None:
            score = -((trial.values["x"] - 0.317) ** 2) - trial.values["y"]
            study.tell(trial, Outcome("completed", [score]))
        thought_of = [trial.score for trial in study.trials.values()][6:]
        means[tuner] = sum(thought_of) / len(thought_of)
    assert means["bayesian"] > means["random"] + 0.2
