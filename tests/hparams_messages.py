"""Reads what the HParams dashboard of TensorBoard shows from event files."""

from pathlib import Path
from typing import Any

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import metadata, plugin_data_pb2


def read_events(run_dir: Path) -> EventAccumulator:
    """The events of a run's own session."""
    events = EventAccumulator(str(run_dir / "tensorboard"))
    events.Reload()
    return events


def message_of(run_dir: Path, tag: str) -> Any:
    """The plugin's message of that name."""
    found = read_events(run_dir).SummaryMetadata(tag).plugin_data.content
    message = plugin_data_pb2.HParamsPluginData.FromString(found)
    return getattr(message, message.WhichOneof("data"))


def session_values(run_dir: Path) -> dict[str, Any]:
    """The hyperparameters of a run."""
    start = message_of(run_dir, metadata.SESSION_START_INFO_TAG)
    kinds = {name: value.WhichOneof("kind") for name, value in start.hparams.items()}
    return {name: getattr(start.hparams[name], kind) for name, kind in kinds.items()}
