import pytest
import tensorflow as tf
from keraunos.core.errors import ConfigError
from keraunos.strategies import find_devices, set_gpu_memory_limit

GPUS = [tf.config.PhysicalDevice(f"/physical_device:GPU:{n}", "GPU") for n in range(2)]


class Calls(list):
    """Reports two GPUs to TensorFlow; starts them when they are listed."""

    def __init__(self):
        self.limits = {}
        self.has_started = False

    def grow(self, gpu, enable):
        if gpu in self.limits:  # as TensorFlow itself
            raise ValueError("Cannot set memory growth when virtual devices configured")
        if self.has_started and ("grow", gpu, enable) not in self:
            raise RuntimeError("Physical devices cannot be modified")
        self.append(("grow", gpu, enable))

    def limit(self, gpu, parts):
        if self.limits.get(gpu) == parts:
            return
        if self.has_started:
            raise RuntimeError("Virtual devices cannot be modified")
        self.limits[gpu] = parts
        self.append(("limit", gpu, [part.memory_limit for part in parts]))

    def start(self, kind=None):
        self.has_started = True
        return [tf.config.LogicalDevice(f"/device:GPU:{n}", "GPU") for n in range(2)]


@pytest.fixture
def calls(monkeypatch):
    made = Calls()
    config = tf.config
    monkeypatch.setattr(config, "list_physical_devices", lambda kind=None: GPUS)
    monkeypatch.setattr(config, "list_logical_devices", made.start)
    monkeypatch.setattr(config.experimental, "set_memory_growth", made.grow)
    monkeypatch.setattr(config, "set_logical_device_configuration", made.limit)
    monkeypatch.setattr(config, "get_logical_device_configuration", made.limits.get)
    return made


def test_memory_growth_is_enabled_on_every_gpu_by_default(calls):
    assert find_devices().names == ("/device:GPU:0", "/device:GPU:1")
    assert calls == [("grow", gpu, True) for gpu in GPUS]


def test_limit_applies_to_every_gpu_and_keeps_memory_growth(calls):
    set_gpu_memory_limit(1.5)
    growing = [("grow", gpu, True) for gpu in GPUS]
    assert calls == growing + [("limit", gpu, [1536.0]) for gpu in GPUS]
    assert find_devices().kind == "GPU"
    assert len(calls) == 4


def test_initialized_gpus_are_used_unchanged(calls):
    calls.start()
    assert find_devices().kind == "GPU"
    assert calls == []


def test_partitioned_gpus_are_used_unchanged(calls):
    calls.limits.update({gpu: ["half", "half"] for gpu in GPUS})
    assert find_devices().kind == "GPU"
    assert calls == []


def test_changing_the_limit_after_start_is_an_error(calls):
    set_gpu_memory_limit(2)
    calls.start()
    set_gpu_memory_limit(2)
    with pytest.raises(
        ConfigError, match=r"already started.*Received: gib=4\..*before any"
    ):
        set_gpu_memory_limit(4)


def test_limit_without_gpus_is_an_error():
    with pytest.raises(ConfigError, match=r"sees none\. Received: gib=4\."):
        set_gpu_memory_limit(4)


@pytest.mark.parametrize("gib", [0, -1, float("nan")])
def test_limit_must_be_above_zero(gib):
    with pytest.raises(ConfigError, match="above 0"):
        set_gpu_memory_limit(gib)
