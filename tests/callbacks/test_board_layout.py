import re

import pytest
import tensorflow as tf
from keraunos.callbacks.board_layout import CHARTS, has_samples, write_layout, write_samples
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.plugins.custom_scalar import layout_pb2, metadata

# What runs write, and in how many charts each is to be.
WRITTEN = (
    "loss",
    "accuracy",
    "balanced_accuracy",
    "macro_f1",
    "learning_rate",
    "images_per_second",
    "memory_gib/process",
    "health/learning_rate",
    "health/loss_scale",
    "health/input_wait_seconds",
    "health/device_seconds",
    "health/input_wait_share",
    "health/all_reduce_share",
    "health/gradient_norm/conv2",
    "health/update_ratio/conv2",
    "health/memory_gib/gpu_0",
)


@pytest.mark.feature("first screen")
def test_the_layout_can_be_read_and_is_written_beside_other_events(tmp_path):
    with tf.summary.create_file_writer(str(tmp_path)).as_default():
        write_layout()
        write_samples({"update_ratio/head": 0.25, "device_seconds": 0.5}, step=7)
    events = EventAccumulator(str(tmp_path)).Reload()
    tensors = events.Tensors(metadata.CONFIG_SUMMARY_TAG)
    (content,) = [tf.make_ndarray(each.tensor_proto).item() for each in tensors]
    layout = layout_pb2.Layout.FromString(content)
    titles = {c.title: [chart.title for chart in c.chart] for c in layout.category}
    assert titles == {title: list(charts) for title, charts in CHARTS.items()}
    (value,) = events.Tensors("health/update_ratio/head")
    assert (value.step, tf.make_ndarray(value.tensor_proto)) == (7, 0.25)
    kind = events.SummaryMetadata("health/device_seconds").plugin_data.plugin_name
    assert kind == "scalars"


@pytest.mark.parametrize("name", WRITTEN)
def test_each_value_is_in_one_chart(name):
    patterns = [p for charts in CHARTS.values() for each in charts.values() for p in each]
    assert len([p for p in patterns if re.search(p, name)]) == 1


def test_samples_are_told_from_the_values_of_an_epoch():
    sample, epoch = Event(step=3), Event(step=3)
    sample.summary.value.add(tag="health/device_seconds")
    epoch.summary.value.add(tag="loss")
    assert has_samples(sample)
    assert not has_samples(epoch)
    assert not has_samples(Event(file_version="brain.Event:2"))
