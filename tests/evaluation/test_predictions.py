import subprocess
import sys

PROGRAM = """
import sys
import numpy as np
from keraunos.evaluation import Predictions

predictions = Predictions(["a.png"], np.eye(2)[:1], ["cat", "dog"], np.array([0]))
assert predictions.confusion_matrix().tolist() == [[1, 0], [0, 0]]
assert not {"matplotlib", "sklearn", "tensorflow"} & sys.modules.keys()
"""


def test_predictions_load_neither_matplotlib_nor_scikit_learn():
    subprocess.run([sys.executable, "-c", PROGRAM], check=True)
