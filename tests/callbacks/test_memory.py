import numpy as np
import pytest
import tensorflow as tf
from keraunos.callbacks.memory import memory_gib


@pytest.mark.slow
@pytest.mark.feature("memory")
def test_memory_is_counted_only_once_written_to():
    before = memory_gib()["process"]
    reserved = np.empty(2**25)  # a quarter of a GiB
    assert memory_gib()["process"] - before == pytest.approx(0.0, abs=0.1)
    reserved.fill(1.0)
    assert memory_gib()["process"] - before == pytest.approx(0.25, abs=0.1)


@pytest.mark.skipif(not tf.config.list_physical_devices("GPU"), reason="needs a GPU")
def test_gpu_peak_is_measured_since_the_previous_call():
    memory_gib()
    with tf.device("GPU:0"):
        tf.reduce_sum(tf.ones(2**27)).numpy()  # half a GiB, and given back
    assert memory_gib()["gpu_0"] > 0.4
    assert memory_gib()["gpu_0"] < 0.4
