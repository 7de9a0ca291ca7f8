import json

import keras_tuner
import yaml
from keraunos.callbacks.monitor import Monitor
from keraunos.cli.best_config import write_best
from keraunos.cli.configured_search import config_of_best
from keraunos.configs import RunConfig, load_config
from keraunos.search.choice import Choice
from keraunos.search.outer_folds import OuterScores
from keraunos.search.study import Trial
from keraunos.search.winner import find_winner


def winner():
    trials = []
    for number, folds in enumerate([[0.9, 0.5, 0.8], [0.6, 0.8, 0.6]]):
        trial = Trial(number, keras_tuner.HyperParameters(), "completed")
        trial.fold_scores, trial.best_epoch = folds, 3
        trial.score = sum(folds) / 3
        trials.append(trial)
    return find_winner(trials, Choice("best", "max"), Monitor("val_accuracy"))


def test_best_configuration_documents_its_origin_in_comments(tmp_path):
    outer = OuterScores([{"accuracy": 0.6}, {"accuracy": 0.7}], "val_accuracy")
    folder = tmp_path / "runs: wide\nmodel: {dropout: 5}"
    folder.mkdir()
    write_best(RunConfig(seed=7), winner(), folder, outer)
    text = (folder / "best.yaml").read_text()
    comments = [line for line in text.splitlines() if line.startswith("#")]
    said = " ".join(line.removeprefix("#").strip() for line in comments)
    for words in (
        "runs: wide\\nmodel",
        "keras-tuner",
        "UTC",
        "trial-000, the best of 2 trials",
        "val_accuracy 0.7333, standard error 0.1202 over 3 folds",
        "corrected for selection: 0.6333",
        "outer folds: accuracy 0.6500",
    ):
        assert words in said
    assert text.startswith("#")
    assert yaml.safe_load(text)["seed"] == 7
    assert load_config([str(folder / "best.yaml")], []) == RunConfig(seed=7)


def test_chosen_json_contains_the_winner_and_its_scores(tmp_path):
    write_best(RunConfig(), winner(), tmp_path, is_finished=False)
    assert "not over yet" in (tmp_path / "best.yaml").read_text()
    assert not (tmp_path / "chosen.json").exists()
    write_best(RunConfig(), winner(), tmp_path)
    found = json.loads((tmp_path / "chosen.json").read_text())
    assert found["trial"] == "trial-000"
    assert found["fold_scores"] == [0.9, 0.5, 0.8]
    assert found["corrected_score"] == winner().corrected
    assert found["outer_folds"] is None


def test_winner_without_competitors_is_reported_as_such():
    trial = winner().trial
    alone = find_winner([trial], Choice("best", "max"), Monitor("val_accuracy"))
    assert alone.lines()[0] == "chosen: trial-000, the only one with a score"


def test_best_configuration_of_a_search_over_folds_has_a_validation_split():
    objective, trial = Monitor("val_accuracy"), winner().trial
    for asked_for, found in ((0.0, 0.25), (0.1, 0.1)):
        config = RunConfig(search={"folds": 4}, data={"validation_split": asked_for})
        best = config_of_best(config, {}, objective, trial)
        assert best.data.validation_split == found
    config = RunConfig(data={"validation_split": 0.0})
    assert config_of_best(config, {}, objective, trial).data.validation_split == 0
