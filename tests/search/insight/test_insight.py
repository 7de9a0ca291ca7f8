import csv
import math
from types import SimpleNamespace

import numpy as np
import pytest
from keraunos.callbacks.monitor import Monitor
from keraunos.search.insight.insight import describe, find_insight, write_importance
from keraunos.search.insight.results import draw_results
from keraunos.search.insight.table import EPOCHS, INACTIVE, make_table
from keraunos.search.study import Trial
from keraunos.search.tuning.space import hyperparameters
from PIL import Image

SPACE = {
    "optimizer.learning_rate": {"float": [1e-5, 1e-1], "log": True},
    "model.loss": {"choice": ["crossentropy", "focal", None]},
    "model.focal_gamma": {"float": [0.5, 5.0], "when": {"model.loss": "focal"}},
    "seed": {"choice": [7]},
}


def search(trials, mode="max", error=None, **notes):
    """A search whose score is best at a learning rate of 0.001."""
    random, made = np.random.default_rng(0), {}
    for number in range(trials):
        space = hyperparameters(SPACE)
        rate, loss = 10 ** random.uniform(-5, -1), ['"focal"', '"crossentropy"'][number % 2]
        space.values = {"optimizer.learning_rate": rate, "model.loss": loss, "seed": 7}
        if loss == '"focal"':
            space.values["model.focal_gamma"] = random.uniform(0.5, 5.0)
        space.values |= {f"tuner/{name}": each[number % 2] for name, each in notes.items()}
        score = (1 if mode == "max" else -1) * (0.9 - 0.1 * (math.log10(rate) + 3) ** 2)
        folds = () if error is None else (score - error, score + error)
        made[number] = Trial(number, space, "completed", score=score, fold_scores=folds)
    oracle = SimpleNamespace(hyperparameters=hyperparameters(SPACE))
    objective = Monitor("val_score", mode)
    ranked = sorted(made.values(), key=lambda trial: trial.score, reverse=mode == "max")
    return SimpleNamespace(
        trials=made, ranking=lambda: ranked, oracle=oracle, objective=objective
    )


def test_trials_become_numeric_rows_without_constant_columns():
    table = make_table(search(4, epochs=(2, 6)))
    rate, loss, gamma, epochs = table.parameters
    assert [rate.name, gamma.name] == ["optimizer.learning_rate", "model.focal_gamma"]
    assert rate.is_logarithmic
    assert loss.values == ['"crossentropy"', '"focal"']
    assert epochs.name == EPOCHS
    assert [trial.number for trial in table.trials] == [0, 1, 2, 3]
    assert {0.0, 1.0} <= set(table.rows[:, 0])
    assert list(table.rows[:, 1]) == [1, 0, 1, 0]
    assert list(table.rows[:, 2] == INACTIVE) == [False, True, False, True]
    assert list(table.rows[:, 3]) == [0, 1, 0, 1]
    values = [trial.values["optimizer.learning_rate"] for trial in table.trials]
    assert [rate.decode(number) for number in table.rows[:, 0]] == pytest.approx(values)


@pytest.mark.parametrize("mode", ["max", pytest.param("min", marks=pytest.mark.slow)])
def test_important_settings_are_described_with_spread_and_best_value(tmp_path, mode):
    insight = find_insight(search(30, mode))
    heading, first, *others = describe(insight)
    assert "of the variance of held-out scores" in heading
    assert first.startswith("  optimizer.learning_rate: ")
    assert "±" in first
    assert 3e-4 < float(first.rpartition("best near ")[2]) < 3e-3
    assert all("not distinguishable from zero" in line for line in others)
    write_importance(tmp_path, insight)
    rows = list(csv.DictReader((tmp_path / "importance.csv").open()))
    assert rows[0]["parameter"] == "optimizer.learning_rate"
    assert float(rows[0]["importance"]) > float(rows[1]["importance"])
    assert {row["trials"] for row in rows} == {"30", "15"}


def test_few_trials_are_plotted_without_importance_estimates(tmp_path):
    lines = []
    draw_results(tmp_path, search(4, error=0.1), lines.append)
    assert lines == [
        "importance: not estimated, because too few trials have a score (4; 10 are needed)"
    ]
    rows = list(csv.DictReader((tmp_path / "importance.csv").open()))
    assert {(row["importance"], row["explained_variance"]) for row in rows} == {("", "")}
    with Image.open(tmp_path / "search.png") as image:
        assert image.width > 1000
        assert len(image.getcolors(10**6)) > 50


def test_nothing_is_written_without_any_score(tmp_path):
    draw_results(tmp_path, search(0), pytest.fail)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_figure_has_a_panel_with_error_bars_and_curve_for_each_parameter(tmp_path):
    from keraunos.search.insight.figures import search_figure

    figure = search_figure(find_insight(search(30, error=0.02)))
    labels = [axis.get_xlabel() for axis in figure.axes]
    assert {"trial", "optimizer.learning_rate", "model.loss"} <= set(labels)
    panel = figure.axes[labels.index("optimizer.learning_rate")]
    assert panel.get_xscale() == "log"
    assert len(panel.containers) == 1  # points with error bars
    curve = panel.lines[0].get_ydata()
    assert np.ptp(curve) > 0.1
    figure.canvas.draw()
