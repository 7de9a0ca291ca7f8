import pytest
import tensorflow as tf
from keraunos.core.cluster import Cluster
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
        ConfigError,
        match=r"auto, mirrored, multi_worker, single.*'mirored'. Did you mean mirrored",
    ):
        create_strategy("mirored")


def test_several_workers_must_be_named_by_somebody(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with pytest.raises(ConfigError, match="keraunos launch --workers"):
        create_strategy("multi_worker", "cpu")


def test_auto_takes_the_workers_that_are_named(monkeypatch):
    cluster = Cluster(("a:1", "b:2"), 0)
    monkeypatch.setenv("TF_CONFIG", cluster.tf_config())
    with pytest.raises(ConfigError, match=r"first line of the program.*'b:2'|b:2.*first"):
        create_strategy("auto", "cpu")


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
