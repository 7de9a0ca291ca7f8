"""When a search starts no further trial, also after it was resumed."""

import itertools

import keras_tuner
import pytest
from keraunos.callbacks.monitor import Monitor
from keraunos.configs import SearchConfig
from keraunos.search import search
from keraunos.search.budget import Budget, why_exhausted
from keraunos.search.choice import Choice, Keep
from keraunos.search.journal import Journal
from keraunos.search.study import Study
from keraunos.search.trials import Outcome
from keraunos.search.tuning.oracles import create_oracle, number_of_trials

OBJECTIVE = Monitor("val_accuracy")
BAD = (0.1, 0.3, 0.3, None, 0.2, 0.9, 0.1, 0.8)  # by trial; the second is not beaten
TRIALS = 8


def choices(**values):
    space = keras_tuner.HyperParameters()
    for name, each in values.items():
        space.Choice(name, each)
    return space


def open_study(folder, space=None, **settings):
    folder.mkdir(exist_ok=True)
    search = SearchConfig(**{"tuner": "random", "max_trials": TRIALS} | settings)
    space = space or choices(x=list(range(100)))
    oracle = create_oracle(search, OBJECTIVE, space, seed=0, max_epochs=9)
    return Study(oracle, OBJECTIVE, Journal(folder / "search.json", {}))


def run_trials(
    folder, budget=None, order=(0,), scores=BAD, ends=10**6, on_end=None, **settings
):
    """Runs trials as a search does, as many at a time as `order` has places.

    Args:
        order: Which of the running trials ends, in turn.
        ends: How many end before the process is killed.
    """
    study = open_study(folder, **settings)
    named = {name: each for name, each in settings.items() if name != "space"}
    budget = budget or Budget.of(SearchConfig(**named))
    running = []
    while True:
        while len(running) < len(order) and (
            trial := study.ask(lambda: budget.allows(study))
        ):
            running.append(trial)
        if not running or ends == 0:
            return study, budget
        ends -= 1
        trial = running.pop(min(order[ends % len(order)], len(running) - 1))
        score = scores[trial.number]
        failed = Outcome("failed", reason="diverged")
        study.tell(trial, failed if score is None else Outcome("completed", [score], 1.0))
        if on_end is not None:
            on_end()


@pytest.mark.parametrize(("patience", "trials"), [(1, 3), (3, 5), (4, 8)])
def test_search_ends_after_patience_trials_without_improvement(tmp_path, patience, trials):
    study, budget = run_trials(tmp_path / "s", patience=patience)
    assert len(study.trials) == trials
    if trials < TRIALS:
        assert budget.reason.startswith(f"patience={patience}:")
    else:  # the sixth improves just in time, and two follow
        assert (budget.reason, why_exhausted(study)) == ("", "max_trials=8 is reached")


def test_trials_before_the_first_score_do_not_count_toward_patience(tmp_path):
    scores = (None, None, None, 0.1, 0.0, 0.0, 0.9, 0.9)
    study, _ = run_trials(tmp_path / "s", scores=scores, patience=2)
    assert len(study.trials) == 6


@pytest.mark.parametrize("order", [(0,), (0, 1)])
def test_resumed_search_runs_out_of_patience_at_the_same_trial(tmp_path, order):
    for ends in (1, 4, 5):
        folder = tmp_path / str(ends)
        run_trials(folder, order=order, ends=ends, patience=3)
        study, budget = run_trials(folder, order=order, patience=3)
        assert budget.reason.startswith("patience=3:")
        if order == (0,):
            assert len(study.trials) == 5
        again, budget = run_trials(folder, patience=3)  # a better running trial ended
        assert len(again.trials) == len(study.trials) >= 5
        assert budget.reason.startswith("patience=3:")


def test_patience_waits_for_trials_that_are_still_running(tmp_path):
    study = open_study(tmp_path / "s")
    first, running, *others = [study.ask() for _ in range(5)]
    for trial in (first, *others):
        study.tell(trial, Outcome("completed", [0.5 - trial.number / 10]))
    assert Budget(patience=3).allows(study)
    study.tell(running, Outcome("completed", [0.1]))
    assert not Budget(patience=3).allows(study)


def test_search_continues_with_a_larger_patience(tmp_path):
    run_trials(tmp_path / "s", patience=1)
    study, _ = run_trials(tmp_path / "s", patience=4)
    assert len(study.trials) == TRIALS


def test_patience_is_rejected_for_trials_of_different_lengths():
    with pytest.raises(ValueError, match="patience"):
        SearchConfig(tuner="hyperband", patience=3)


def test_no_trial_starts_after_max_time_which_restarts_on_resuming(tmp_path):
    now = [0.0]

    def advance_clock():
        now[0] += 40.0

    def resume_search():
        budget = Budget(100.0, clock=lambda: now[0])
        study, _ = run_trials(tmp_path / "s", budget, on_end=advance_clock)
        return len(study.trials), budget.reason or why_exhausted(study)

    over = "max_time of 100 seconds is over"
    assert [resume_search(), resume_search(), resume_search()] == [
        (3, over),
        (6, over),
        (8, "max_trials=8 is reached"),
    ]


def test_search_runs_at_least_one_trial_however_short_max_time_is(tmp_path):
    study, _ = run_trials(tmp_path / "s", max_time="00:00:00:00")
    assert len(study.trials) == 1


class Scores:
    """An executor that gives each trial a score."""

    has_room, plan = True, None

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        pass

    def begin(self, plan):
        self.plan, self.has_room = plan, False
        (plan.directory / "checkpoints" / "step-00000001").mkdir(parents=True)

    def wait(self):
        self.has_room = True
        return self.plan.number, Outcome("completed", [self.plan.number / 100], 1.0)


def test_search_reports_its_stop_reason_and_keeps_resumable_trials(tmp_path, monkeypatch):
    monkeypatch.setattr(search, "draw_results", lambda *_: None)  # which takes seconds
    monkeypatch.setattr(search, "_export_best", lambda *_: None)
    now = itertools.count()
    budget, lines = Budget(9.0, clock=lambda: float(next(now))), []
    study, keep = open_study(tmp_path, tuner="hyperband"), Keep(1, Choice("best", "max"))
    result = search.run_search(study, Scores(), tmp_path, keep, lines.append, budget)
    assert result.stop_reason == "max_time of 9 seconds is over"
    assert "no further trial: max_time of 9 seconds is over" in lines
    kept = [each for each in result.trials if any((tmp_path / each.name).glob("*/step*"))]
    assert len(kept) > 1  # rounds of hyperband continue from each other's weights


@pytest.mark.parametrize(
    "tuner", ["random", "grid", pytest.param("bayesian", marks=pytest.mark.slow)]
)
def test_small_space_is_searched_completely_without_duplicates(tmp_path, tuner):
    space = choices(x=[1, 2, 3, 4, 5, 6])
    study = open_study(tmp_path, space, tuner=tuner, max_trials=100)
    assert number_of_trials(study.oracle) == 6
    while (trial := study.ask()) is not None:
        study.tell(trial, Outcome("completed", [trial.values["x"] / 10]))
    seen = [trial.values["x"] for trial in study.trials.values()]
    assert sorted(seen) == [1, 2, 3, 4, 5, 6]
    assert why_exhausted(study) == "all 6 combinations have been tried"
    again = open_study(tmp_path, space, tuner=tuner, max_trials=100)
    assert again.ask() is None
    assert [trial.values["x"] for trial in again.trials.values()] == seen


@pytest.mark.parametrize("tuner", ["random", "grid", "bayesian"])
def test_space_with_one_combination_has_one_trial(tmp_path, tuner):
    study, _ = run_trials(tmp_path / "s", space=choices(x=[5]), tuner=tuner)
    assert len(study.trials) == 1
    assert why_exhausted(study) == "the space has one combination"


def test_empty_space_is_rejected():
    with pytest.raises(ValueError, match="at least one setting"):
        SearchConfig(space={})
