import pytest
import tensorflow as tf
from keraunos.core.errors import ConfigError
from keraunos.strategies import devices, find_devices, set_cpu_devices


def test_all_virtual_devices_are_used_unless_fewer_are_requested():
    assert find_devices().kind == "CPU"
    assert len(find_devices().names) == 4
    assert len(find_devices("cpu", 2).names) == 2


def test_error_of_too_many_devices_gives_the_available_number():
    with pytest.raises(ConfigError, match=r"at most 4.*devices=5.*KERAUNOS_CPU_DEVICES=5"):
        find_devices("cpu", 5)


def test_gpus_invisible_to_tensorflow_are_an_error():
    with pytest.raises(ConfigError, match=r"accelerator='gpu'.*accelerator=cpu"):
        find_devices("gpu")


def test_a_machine_with_a_driver_does_not_silently_train_on_the_cpu(monkeypatch):
    monkeypatch.setattr(devices, "_has_nvidia_driver", lambda: True)
    with pytest.raises(ConfigError, match=r"pip install .*\[cuda\]"):
        find_devices("auto")
    assert find_devices("cpu").kind == "CPU"


def test_gpus_are_preferred_and_counted(monkeypatch):
    monkeypatch.setattr(devices, "_gpus", lambda: ("/device:GPU:0", "/device:GPU:1"))
    assert find_devices().names == ("/device:GPU:0", "/device:GPU:1")
    assert find_devices("auto", 1).names == ("/device:GPU:0",)
    with pytest.raises(ConfigError, match="at most 2, the number of GPUs"):
        find_devices("gpu", 3)


def test_partitioned_gpu_keeps_its_memory_limits(monkeypatch):
    grown = []
    config = {
        "list_physical_devices": lambda kind: ["split", "whole"],
        "get_logical_device_configuration": {"split": ["a", "b"]}.get,
        "list_logical_devices": lambda kind: [],
    }
    for name, function in config.items():
        monkeypatch.setattr(tf.config, name, function)
    monkeypatch.setattr(
        tf.config.experimental, "set_memory_growth", lambda gpu, grows: grown.append(gpu)
    )
    with pytest.raises(ConfigError):
        find_devices("gpu")
    assert grown == ["whole"]


def test_changing_virtual_devices_after_start_is_an_error():
    tf.config.list_logical_devices("CPU")
    set_cpu_devices(4)  # the number that exists already is accepted
    with pytest.raises(
        ConfigError, match=r"already started with 4.*KERAUNOS_CPU_DEVICES=2"
    ):
        set_cpu_devices(2)


@pytest.mark.parametrize("count", [0, -1, 1.5, "2"])
def test_number_of_devices_must_be_a_positive_integer(count):
    with pytest.raises(ConfigError, match="whole number"):
        set_cpu_devices(count)


def test_invalid_cpu_devices_variable_is_rejected(monkeypatch):
    monkeypatch.setenv("KERAUNOS_CPU_DEVICES", "two")
    with pytest.raises(ConfigError, match="KERAUNOS_CPU_DEVICES='two'"):
        devices.apply_cpu_devices_variable()
