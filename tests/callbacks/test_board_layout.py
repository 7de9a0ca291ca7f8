import re
from typing import get_args

import pytest
import tensorflow as tf
from hand_made_runs import new_run
from keraunos.callbacks.board_layout import (
    Part,
    charts,
    charts_of,
    has_samples,
    write_layout,
    write_samples,
)
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.plugins.custom_scalar import layout_pb2, metadata

ALL = charts(get_args(Part))

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
    "health/input_wait_share/worker_1",
    "workers/1/longest_silence_seconds",
    "problems/data",
    "problems/stall",
    "problems/failure",
    "problems/worker",  # of earlier versions, one for all
    "problems/worker_1",
    "problems/worker_12",
    "problems/all_reduce",
    "problems/learning",
)


@pytest.mark.feature("first screen")
def test_layout_is_readable_and_written_alongside_other_events(tmp_path):
    with tf.summary.create_file_writer(str(tmp_path)).as_default():
        write_layout(ALL)
        write_samples({"update_ratio/head": 0.25, "device_seconds": 0.5}, step=7)
    events = EventAccumulator(str(tmp_path)).Reload()
    tensors = events.Tensors(metadata.CONFIG_SUMMARY_TAG)
    (content,) = [tf.make_ndarray(each.tensor_proto).item() for each in tensors]
    layout = layout_pb2.Layout.FromString(content)
    titles = {c.title: [chart.title for chart in c.chart] for c in layout.category}
    assert titles == {title: list(each) for title, each in ALL.items()}
    (value,) = events.Tensors("health/update_ratio/head")
    assert (value.step, tf.make_ndarray(value.tensor_proto)) == (7, 0.25)
    about = events.SummaryMetadata("health/device_seconds")
    assert about.plugin_data.plugin_name == "scalars"
    assert "Seconds" in about.summary_description


@pytest.mark.parametrize("name", WRITTEN)
def test_each_value_belongs_to_exactly_one_chart(name):
    patterns = [p for each in ALL.values() for chart in each.values() for p in chart]
    assert len([p for p in patterns if re.search(p, name)]) == 1


@pytest.mark.parametrize("name", ["val_accuracy", "best/val_accuracy", "best_so_far"])
def test_values_not_indexed_by_steps_belong_to_no_chart(name):
    patterns = [p for each in ALL.values() for chart in each.values() for p in chart]
    assert not any(re.search(p, name) for p in patterns)


def test_charts_without_values_in_a_run_are_omitted():
    def titles(layout):
        return {title for charts in layout.values() for title in charts}

    alone = titles(charts_of(new_run()))
    assert titles(ALL) - alone == {
        "a worker is silent: its line is at 1",
        "all-reduce takes too long",
        "longest silence of a worker (bad: above 5 seconds)",
        "all-reduce: share of the device time (bad: above 0.3)",
        "loss scale (bad: below 1)",
    }


def test_step_samples_are_distinguished_from_epoch_values():
    sample, epoch = Event(step=3), Event(step=3)
    sample.summary.value.add(tag="health/device_seconds")
    epoch.summary.value.add(tag="loss")
    assert has_samples(sample)
    assert not has_samples(epoch)
    assert not has_samples(Event(file_version="brain.Event:2"))
