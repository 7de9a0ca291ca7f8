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
def test_each_name_creates_its_tensorflow_strategy(name, devices, kind, count):
    strategy = create_strategy(name, "cpu", devices)
    assert isinstance(strategy, kind)
    assert strategy.num_replicas_in_sync == count


def test_error_of_an_unknown_name_lists_the_names():
    with pytest.raises(
        ConfigError,
        match=r"auto, mirrored, multi_worker, single.*'mirored'. Did you mean mirrored",
    ):
        create_strategy("mirored")


def test_multi_worker_requires_a_list_of_workers(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with pytest.raises(ConfigError, match="keraunos launch --workers"):
        create_strategy("multi_worker", "cpu")


def test_auto_uses_the_workers_in_tf_config(monkeypatch):
    cluster = Cluster(("a:1", "b:2"), 0)
    monkeypatch.setenv("TF_CONFIG", cluster.tf_config())
    with pytest.raises(ConfigError, match=r"first line of the program.*'b:2'|b:2.*first"):
        create_strategy("auto", "cpu")


def test_registered_strategy_can_be_created(monkeypatch):
    monkeypatch.setattr(factory, "_FACTORIES", dict(factory._FACTORIES))

    @factory.register_strategy("second")
    def second(devices):
        return tf.distribute.OneDeviceStrategy(devices.names[1])

    strategy = create_strategy("second", "cpu")
    assert strategy.extended.worker_devices[0].endswith("CPU:1")


def test_description_states_how_a_batch_is_divided():
    text = describe_strategy(create_strategy("auto", "cpu", 2), 33)
    assert text == "CPU:0, CPU:1 (MirroredStrategy, 2 replicas), batch 33 = 17 on each"
    assert "batch" not in describe_strategy(create_strategy("single", "cpu"), 33)
