import numpy as np
from keraunos.evaluation.evidence import as_labeled
from keraunos.report.page.shown_images import Budget, described_images, images_of_cells
from report_pages import load_images, predictions


def test_mistakes_come_first_and_then_the_most_confident_images_per_cell():
    made = predictions()
    made.probabilities[3] = [0.05, 0.9, 0.05]
    rows = images_of_cells(as_labeled(made), most_per_cell=2)
    assert rows[:2].tolist() == [1, 5]
    assert set(rows[2:].tolist()) == {0, 2, 3, 4}  # but not 6
    assert rows.tolist().index(3) < rows.tolist().index(4)


def test_images_per_cell_are_limited():
    labels = np.repeat([0, 1], 50)
    made = predictions(labels=labels, taken=labels)
    rows = images_of_cells(as_labeled(made), most_per_cell=3)
    assert np.bincount(labels[rows]).tolist() == [3, 3]


def test_image_loading_stops_when_the_budget_is_used_up():
    loaded = []

    def load(rows):
        loaded.extend(rows.tolist())
        return load_images(rows)

    labels = np.repeat([0, 1], 100)
    test = as_labeled(predictions(labels=labels, taken=labels))
    budget = Budget(2000)
    found = described_images(test, load, np.arange(200), budget)
    assert 0 < len(found) < 64
    assert len(loaded) == 64
    assert budget.left_out == 200 - len(found)
