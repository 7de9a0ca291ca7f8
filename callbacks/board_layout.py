"""The charts on TensorBoard's page Custom Scalars.

Their titles state which values are bad, because charts have no room for a legend.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

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

Part = Literal["workers", "replicas", "loss scale"]


@dataclass(frozen=True)
class _Chart:
    """A chart.

    Attributes:
        title: Its title.
        tags: Patterns of the scalars that it shows.
        needs: What a run must have for it; None if all runs have it.
    """

    title: str
    tags: tuple[str, ...]
    needs: Part | None = None


_CATEGORIES = {
    "Is anything wrong now? 0: no, 1: yes. The page Text says what": (
        _Chart("training has failed", (r"^problems/failure$",)),
        _Chart("data is too slow", (r"^problems/data$",)),
        _Chart("stall: no step ends", (r"^problems/stall$",)),
        _Chart(
            "a worker is silent: its line is at 1",
            (r"^problems/worker(_\d+)?$",),
            "workers",
        ),
        _Chart("all-reduce takes too long", (r"^problems/all_reduce$",), "replicas"),
        _Chart(
            "gradients or updates are too small or large",
            (r"^problems/learning$",),
        ),
    ),
    "Does it learn?": (
        _Chart("loss", (r"^loss$",)),
        _Chart("score", (_SCORES,)),
        _Chart("learning rate", (r"^learning_rate$", r"^health/learning_rate$")),
    ),
    "Where does the time go?": (
        _Chart(
            "waiting for data: share of a step (bad: above 0.2)",
            (r"^health/input_wait_share(/.*)?$",),
        ),
        _Chart("images per second", (r"^(images|examples)_per_second$",)),
        _Chart(
            "longest silence of a worker (bad: above 5 seconds)",
            (r"^workers/\d+/longest_silence_seconds$",),
            "workers",
        ),
        _Chart(
            "all-reduce: share of the device time (bad: above 0.3)",
            (r"^health/all_reduce_share$",),
            "replicas",
        ),
        _Chart(
            "seconds of a step: waiting for data, and on the devices",
            (r"^health/input_wait_seconds$", r"^health/device_seconds$"),
        ),
        _Chart("memory (GiB)", (r"^memory_gib/.*$", r"^health/memory_gib/.*$")),
    ),
    "Are its gradients and updates healthy?": (
        _Chart(
            "gradient norm of each block (bad: 0)",
            (r"^health/gradient_norm/.*$",),
        ),
        _Chart(
            "update/weight ratio of each block (usual: 0.001, bad: above 0.1)",
            (r"^health/update_ratio/.*$",),
        ),
        _Chart("loss scale (bad: below 1)", (r"^health/loss_scale$",), "loss scale"),
    ),
}


def charts_of(run: RunState) -> Charts:
    """Returns the charts for which a run has values."""
    optimizer = run.model.optimizer
    parts: dict[Part, bool] = {
        "workers": workers_of(run.strategy).count > 1,
        "replicas": run.strategy.num_replicas_in_sync > 1,
        "loss scale": isinstance(optimizer, keras.optimizers.LossScaleOptimizer),
    }
    return charts([part for part, is_there in parts.items() if is_there])


def charts(parts: Collection[Part] = ()) -> Charts:
    """Returns all charts except those that would stay empty.

    Args:
        parts: What a run has: several workers, several replicas, a scaled loss.

    Example:
        >>> list(charts()["Does it learn?"])
        ['loss', 'score', 'learning rate']
    """
    there = {None, *parts}
    return {
        category: {each.title: each.tags for each in found if each.needs in there}
        for category, found in _CATEGORIES.items()
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
