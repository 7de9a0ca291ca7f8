import subprocess
import sys

import numpy as np
import pytest
from keraunos import CheckpointError, DataError
from keraunos.core.checked_files import note_checksum
from keraunos.evaluation.predictions import (
    Predictions,
    read_predictions,
    write_predictions,
)

PROGRAM = """
import sys
import numpy as np
from keraunos.evaluation import Predictions

predictions = Predictions(["a.png"], np.eye(2)[:1], ["cat", "dog"], np.array([0]))
assert predictions.confusion_matrix().tolist() == [[1, 0], [0, 0]]
assert predictions.scores()["accuracy"] == 1
assert not {"matplotlib", "sklearn", "tensorflow"} & sys.modules.keys()
"""


def test_predictions_import_neither_matplotlib_nor_scikit_learn():
    subprocess.run([sys.executable, "-c", PROGRAM], check=True)


@pytest.mark.parametrize("labels", [None, np.array([1, 0, 1], np.int32)])
def test_predictions_round_trip_bit_identically(labels, tmp_path):
    random = np.random.default_rng(0)
    probabilities = random.dirichlet(np.ones(3), 3).astype(np.float32)
    names = ["=a.png", "b \udcff,\n.png", "c.png"]
    written = Predictions(names, probabilities, ("-x", "@y", "z"), labels)
    write_predictions(tmp_path / "it.csv", written)
    read = read_predictions(tmp_path / "it.csv")
    assert (read.names, read.class_names) == (names, written.class_names)
    np.testing.assert_array_equal(read.probabilities, probabilities)
    assert read.probabilities.dtype == np.float32
    np.testing.assert_array_equal(read.labels, labels)


@pytest.mark.parametrize(
    "text",
    ["", "file,label\na,b\n", "label,probability:x\nx,1\n", "file,probability:x\na,b\n"],
)
def test_files_that_are_not_prediction_tables_are_rejected(text, tmp_path):
    (tmp_path / "it.csv").write_text(text)
    with pytest.raises(DataError, match="must have the columns file, label"):
        read_predictions(tmp_path / "it.csv")


def test_modified_table_is_rejected(tmp_path):
    (tmp_path / "it.csv").write_text("file,probability:x\na,0.5\n")
    note_checksum(tmp_path / "it.csv")
    (tmp_path / "it.csv").write_text("file,probability:x\na,0.9\n")
    with pytest.raises(CheckpointError, match="SHA-256"):
        read_predictions(tmp_path / "it.csv")
