"""What TensorBoard's page Custom Scalars shows first: the charts of a healthy run."""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.plugins.custom_scalar import summary as custom_scalar
from tensorboard.plugins.scalar import metadata
from tensorboard.util.tensor_util import make_tensor_proto

from .health_record import SAMPLED

# Charts by category; each shows the scalars whose names match, of all selected runs.
CHARTS: dict[str, dict[str, tuple[str, ...]]] = {
    "Does it learn?": {
        "loss": (r"^loss$",),
        "score": (r"^(.*accuracy|.*auc.*|.*recall|.*f1.*|.*precision|.*error)$",),
        "learning rate": (r"^learning_rate$", r"^health/learning_rate$"),
    },
    "Is it healthy?": {
        "gradient norm of each block": (r"^health/gradient_norm/.*$",),
        "update/weight ratio of each block": (r"^health/update_ratio/.*$",),
        "loss scale": (r"^health/loss_scale$",),
    },
    "Where does the time go?": {
        "seconds of a step: waiting for data, and on the devices": (
            r"^health/input_wait_seconds$",
            r"^health/device_seconds$",
        ),
        "parts: waiting for data, sums over replicas": (
            r"^health/input_wait_share$",
            r"^health/all_reduce_share$",
        ),
        "images per second": (r"^(images|examples)_per_second$",),
        "memory (GiB)": (r"^memory_gib/.*$", r"^health/memory_gib/.*$"),
    },
}


def write_layout() -> None:
    """Writes which charts there are, by the current writer."""
    categories = [
        layout_pb2.Category(
            title=title,
            chart=[
                layout_pb2.Chart(
                    title=name, multiline=layout_pb2.MultilineChartContent(tag=tags)
                )
                for name, tags in charts.items()
            ],
        )
        for title, charts in CHARTS.items()
    ]
    layout = custom_scalar.pb(layout_pb2.Layout(category=categories))
    tf.summary.experimental.write_raw_pb(layout.SerializeToString(), step=0)


def has_samples(event: Event) -> bool:
    """Whether an event of a file was written by `write_samples`."""
    return any(value.tag.startswith(SAMPLED) for value in event.summary.value)


def write_samples(values: Mapping[str, float], step: int) -> None:
    """Writes what was seen of a step, all of it at once, by the current writer."""
    summary = Summary()
    for name, value in values.items():
        summary.value.add(
            tag=SAMPLED + name,
            tensor=make_tensor_proto(np.float32(value)),
            metadata=metadata.create_summary_metadata("", ""),
        )
    tf.summary.experimental.write_raw_pb(summary.SerializeToString(), step=step)
