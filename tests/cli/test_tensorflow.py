import gc
import os
import subprocess
import sys

import pytest
from keraunos.cli.tensorflow import _garbage_collection_paused, load_tensorflow


def test_imported_modules_are_frozen_from_garbage_collection(monkeypatch):
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
def test_quiet_loading_raises_the_tensorflow_log_level(monkeypatch, is_quiet, level):
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL")
    load_tensorflow(is_quiet=is_quiet)
    assert os.environ["TF_CPP_MIN_LOG_LEVEL"] == level


def test_loading_tensorflow_again_freezes_no_new_objects():
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
def test_rarely_used_keras_dependencies_load_lazily():
    """Nor are there objects to collect when the process exits."""
    command = [sys.executable, "-c", SELDOM_USED]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert int(done.stdout.split()[-1]) < 100
