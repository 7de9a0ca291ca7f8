import csv
import json
from pathlib import Path

import numpy as np
from keraunos.evaluation import Predictions, write_report
from PIL import Image

NAMES = ["a cat of a rather long name", "dog"]


def test_report_contains_consistent_figures_and_tables(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    probabilities = random.dirichlet([1, 1], 30).astype(np.float32)
    labels = random.integers(0, 2, 30).astype(np.int32)
    files = [f"folder/{number}.png" for number in range(30)]
    predictions = Predictions(files, probabilities, NAMES, labels)
    pixels = random.integers(0, 256, (30, 24, 24, 3), dtype=np.uint8)
    scores = predictions.scores()
    write_report(tmp_path, predictions, scores, lambda rows: pixels[rows])
    assert json.loads((tmp_path / "test.json").read_text()) == scores
    for name in ("confusion_matrix.png", "mistakes.png"):
        with Image.open(tmp_path / name) as image:
            assert min(image.size) > 200
    with open(tmp_path / "predictions.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["file"] for row in rows] == files
    assert [row["label"] for row in rows] == [NAMES[label] for label in labels]
    right = np.mean([row["label"] == row["prediction"] for row in rows])
    assert right == scores["accuracy"]
    read = [[float(row[f"probability:{name}"]) for name in NAMES] for row in rows]
    np.testing.assert_array_equal(np.array(read, np.float32), probabilities)
    with open(tmp_path / "confusion_matrix.csv", newline="") as file:
        table = list(csv.reader(file))
    assert [row[0] for row in table[1:]] == NAMES
    counts = [[int(n) for n in row[1:]] for row in table[1:]]
    assert counts == scores["confusion_matrix"]
