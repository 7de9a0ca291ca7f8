"""The charts on TensorBoard's page Custom Scalars.

Their titles state which values are bad, because charts have no room for a legend.
"""

from collections.abc import Mapping

import keras
import numpy as np
import tensorflow as tf
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.plugins.custom_scalar import summary as custom_scalar
from tensorboard.plugins.scalar import metadata
from tensorboard.util.tensor_util import make_tensor_proto

from ..strategies import workers_of
from .health_record import SAMPLED
from .run_state import RunState
from .summary_descriptions import describe

# Charts by category; each shows the scalars whose names match, of all selected runs.
Charts = dict[str, dict[str, tuple[str, ...]]]

# Excludes scores of a search, whose axis counts trials, and the best scores of a run.
_SCORES = r"^(?!val_)[^/]*(accuracy|auc|recall|f1|precision|error)[^/]*$"


def charts_of(run: RunState) -> Charts:
    """Returns the charts for which a run has values."""
    return charts(
        has_workers=workers_of(run.strategy).count > 1,
        has_replicas=run.strategy.num_replicas_in_sync > 1,
        scales_loss=isinstance(run.model.optimizer, keras.optimizers.LossScaleOptimizer),
    )


def charts(has_workers: bool, has_replicas: bool, scales_loss: bool) -> Charts:
    """Returns all charts except those that would stay empty.

    Args:
        has_workers: Whether there are several workers.
        has_replicas: Whether there are several replicas.
        scales_loss: Whether the loss is scaled for mixed precision.

    Example:
        >>> found = charts(has_workers=False, has_replicas=False, scales_loss=False)
        >>> list(found["Does it learn?"])
        ['loss', 'score', 'learning rate']
    """
    silent = {"a worker is silent: its line is at 1": (r"^problems/worker(_\d+)?$",)}
    slow_sums = {"all-reduce takes too long": (r"^problems/all_reduce$",)}
    silence = {
        "longest silence of a worker (bad: above 5 seconds)": (
            r"^workers/\d+/longest_silence_seconds$",
        )
    }
    all_reduce = {
        "all-reduce: share of the device time (bad: above 0.3)": (
            r"^health/all_reduce_share$",
        )
    }
    scale = {"loss scale (bad: below 1)": (r"^health/loss_scale$",)}
    return {
        "Is anything wrong now? 0: no, 1: yes. The page Text says what": {
            "training has failed": (r"^problems/failure$",),
            "data is too slow": (r"^problems/data$",),
            "stall: no step ends": (r"^problems/stall$",),
            **(silent if has_workers else {}),
            **(slow_sums if has_replicas else {}),
            "gradients or updates are too small or large": (r"^problems/learning$",),
        },
        "Does it learn?": {
            "loss": (r"^loss$",),
            "score": (_SCORES,),
            "learning rate": (r"^learning_rate$", r"^health/learning_rate$"),
        },
        "Where does the time go?": {
            "waiting for data: share of a step (bad: above 0.2)": (
                r"^health/input_wait_share(/.*)?$",
            ),
            "images per second": (r"^(images|examples)_per_second$",),
            **(silence if has_workers else {}),
            **(all_reduce if has_replicas else {}),
            "seconds of a step: waiting for data, and on the devices": (
                r"^health/input_wait_seconds$",
                r"^health/device_seconds$",
            ),
            "memory (GiB)": (r"^memory_gib/.*$", r"^health/memory_gib/.*$"),
        },
        "Are its gradients and updates healthy?": {
            "gradient norm of each block (bad: 0)": (r"^health/gradient_norm/.*$",),
            "update/weight ratio of each block (usual: 0.001, bad: above 0.1)": (
                r"^health/update_ratio/.*$",
            ),
            **(scale if scales_loss else {}),
        },
    }


def write_layout(layout: Charts) -> None:
    """Writes the layout of the charts with the current writer."""
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
        for title, charts in layout.items()
    ]
    content = custom_scalar.pb(layout_pb2.Layout(category=categories))
    tf.summary.experimental.write_raw_pb(content.SerializeToString(), step=0)


def has_samples(event: Event) -> bool:
    """Returns whether an event was written by `write_samples`."""
    return any(value.tag.startswith(SAMPLED) for value in event.summary.value)


def write_samples(values: Mapping[str, float], step: int) -> None:
    """Writes all samples of a step with the current writer."""
    summary = Summary()
    for name, value in values.items():
        summary.value.add(
            tag=SAMPLED + name,
            tensor=make_tensor_proto(np.float32(value)),
            metadata=metadata.create_summary_metadata("", describe(SAMPLED + name)),
        )
    tf.summary.experimental.write_raw_pb(summary.SerializeToString(), step=step)
