import pytest
import tensorflow as tf
from keraunos.core.errors import ConfigError
from keraunos.strategies import create_strategy, describe_strategy, factory


@pytest.mark.parametrize(
    ("name", "devices", "kind", "count"),
    [
        ("auto", 1, tf.distribute.OneDeviceStrategy, 1),
        ("auto", 2, tf.distribute.MirroredStrategy, 2),
        ("auto", "auto", tf.distribute.MirroredStrategy, 4),
        ("single", 2, tf.distribute.OneDeviceStrategy, 1),
        ("mirrored", 1, tf.distribute.MirroredStrategy, 1),
        ("mirrored", 4, tf.distribute.MirroredStrategy, 4),
    ],
)
def test_a_name_becomes_a_strategy_of_tensorflow(name, devices, kind, count):
    strategy = create_strategy(name, "cpu", devices)
    assert isinstance(strategy, kind)
    assert strategy.num_replicas_in_sync == count


def test_an_unknown_name_is_an_error_with_the_names_there_are():
    with pytest.raises(
        ConfigError, match=r"auto, mirrored, single.*'mirored'. Did you mean mirrored"
    ):
        create_strategy("mirored")


def test_one_can_be_added(monkeypatch):
    monkeypatch.setattr(factory, "_FACTORIES", dict(factory._FACTORIES))

    @factory.register_strategy("second")
    def second(devices):
        return tf.distribute.OneDeviceStrategy(devices.names[1])

    strategy = create_strategy("second", "cpu")
    assert strategy.extended.worker_devices[0].endswith("CPU:1")


def test_the_description_says_how_a_batch_is_divided():
    text = describe_strategy(create_strategy("auto", "cpu", 2), 33)
    assert text == "CPU:0, CPU:1 (MirroredStrategy, 2 replicas), batch 33 = 17 on each"
    assert "batch" not in describe_strategy(create_strategy("single", "cpu"), 33)
