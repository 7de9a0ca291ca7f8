"""Options of the callbacks that watch a run and report on it."""

import re
from typing import Annotated, Any

from pydantic import Field, model_validator

from .choices import EventKind, Mode
from .section import AS_LIST, Count, PathText, Section


class EventLogConfig(Section):
    """Writes the events of a run and their times to events.jsonl."""


class StallWatchConfig(Section):
    """Reports a stall, and where the run hangs, if no step ends for a long time."""

    times_median: float = Field(
        20.0,
        gt=1,
        description="Time without a step that counts as a stall, as a multiple of the "
        "median step time.",
    )
    seconds_at_least: float = Field(
        60.0,
        gt=0,
        description="Minimum number of seconds without a step that counts as a stall.",
    )
    seconds_between_steps: float = Field(
        3600.0,
        gt=0,
        description="Seconds that validation, saving or anything else between steps may "
        "take.",
    )


class WorkerWatchConfig(Section):
    """Reports which of several workers is silent or lagging, and since when."""

    silent_seconds: float = Field(
        5.0,
        gt=1,
        description="Seconds without a heartbeat after which a worker is reported.",
    )


class PlateauWatchConfig(Section):
    """Reports that a metric has not improved for some epochs; never stops the run."""

    monitor: str | None = Field(
        None,
        description="Metric to monitor; by default `val_loss`, or `loss` without "
        "validation.",
    )
    patience: Count = Field(
        5, description="Epochs without improvement after which to report a plateau."
    )
    min_delta: float = Field(
        0.0, ge=0, description="Minimum change that counts as an improvement."
    )
    mode: Mode = Field(
        "auto",
        description="Whether the metric is minimized or maximized; `auto` decides by its "
        "name.",
    )


class HeartbeatConfig(Section):
    """Regularly writes a small file that shows a watchdog that the run makes progress."""

    file: PathText | None = Field(
        None,
        description="Path of the file; by default `heartbeat.json` in the run directory.",
    )
    every_seconds: float = Field(10.0, gt=0, description="Seconds between two writes.")


class PrometheusConfig(Section):
    """Exposes the state of a run to Prometheus, over HTTP or in a file."""

    port: int | None = Field(None, ge=1, le=65535, description="Port of the HTTP endpoint.")
    host: str = Field("127.0.0.1", description="Address to listen on, with `port`.")
    textfile: PathText | None = Field(
        None,
        description="File for the textfile collector of the node exporter, `NAME.prom`.",
    )
    every_seconds: float = Field(
        15.0, gt=0, description="Seconds between two writes of `textfile`."
    )

    @model_validator(mode="after")
    def _one_way_is_chosen(self) -> "PrometheusConfig":
        if (self.port is None) == (self.textfile is None):
            raise ValueError("`port` or `textfile` must be set, and not both")
        return self


class AlertsConfig(Section):
    """Runs a command or posts JSON when an event occurs in a run."""

    on: Annotated[list[EventKind], AS_LIST, Field(min_length=1)] = Field(
        ["end", "failure", "stall", "divergence"],
        description="Kinds of events to send an alert for.",
    )
    command: Annotated[list[str], AS_LIST, Field(min_length=1)] | None = Field(
        None,
        description="Program and arguments, run without a shell; receives the event as "
        "JSON on standard input.",
    )
    url: str | None = Field(
        None, description="URL to post the event to as JSON, instead of a command."
    )
    timeout_seconds: float = Field(
        10.0, gt=0, le=600, description="Seconds after which an alert is abandoned."
    )
    at_most: Count = Field(20, description="Maximum number of alerts that a run sends.")

    @model_validator(mode="after")
    def _one_way_is_chosen(self) -> "AlertsConfig":
        if (self.command is None) == (self.url is None):
            raise ValueError("`command` or `url` must be set, and not both")
        if self.url is not None and not re.match(r"https?://[^/\s]+", self.url):
            raise ValueError("`url` must begin with http:// or https:// and a host")
        return self


def reaches_outside(name: str, options: dict[str, Any]) -> bool:
    """Returns whether a callback runs, sends or writes anything outside the run.

    Args:
        name: The name of a callback of Keraunos, as in YAML.
        options: The arguments of the callback.
    """
    if name == "heartbeat":
        return options.get("file") is not None
    return name in ("alerts", "prometheus")
