import gc
import os
import subprocess
import sys

import pytest
from keraunos.cli.tensorflow import _garbage_collection_paused, load_tensorflow


def test_new_modules_are_left_out_of_looks_for_garbage(monkeypatch):
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    gc.unfreeze()
    try:
        with pytest.raises(ImportError), _garbage_collection_paused():
            assert not gc.isenabled()
            raise ImportError
        assert gc.isenabled()
        assert gc.get_freeze_count() > 1000
    finally:
        gc.unfreeze()


@pytest.mark.parametrize(("is_quiet", "level"), [(False, "2"), (True, "3")])
def test_on_a_terminal_of_several_workers_tensorflow_logs_nothing(
    monkeypatch, is_quiet, level
):
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL")
    load_tensorflow(is_quiet=is_quiet)
    assert os.environ["TF_CPP_MIN_LOG_LEVEL"] == level


def test_what_a_process_has_made_since_is_not_frozen():
    load_tensorflow()
    before = gc.get_freeze_count()
    load_tensorflow()
    assert gc.get_freeze_count() == before


SELDOM_USED = """
import atexit, gc, sys
atexit.register(lambda: print("left to collect:", len(gc.get_objects())))
from keraunos.cli.tensorflow import load_tensorflow
load_tensorflow()
assert not {"sklearn", "matplotlib.pyplot", "scipy.stats"} & set(sys.modules)
import keras
wrapper = keras.wrappers.SKLearnClassifier
assert issubclass(wrapper, sys.modules["sklearn"].base.BaseEstimator)
from keras.src.visualization import plot_image_gallery
assert callable(plot_image_gallery.plt.figure)
import matplotlib.pyplot
assert plot_image_gallery.plt.figure is matplotlib.pyplot.figure
"""


@pytest.mark.nightly
def test_what_keras_seldom_uses_is_loaded_when_it_is_used():
    """And nothing is collected at the end of the process."""
    command = [sys.executable, "-c", SELDOM_USED]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert int(done.stdout.split()[-1]) < 100
