"""The options of the callbacks that watch a run and let others know."""

import re
from typing import Annotated, Any

from pydantic import Field, model_validator

from .choices import EventKind, Mode
from .section import AS_LIST, Count, PathText, Section


class EventLogConfig(Section):
    """Writes events.jsonl: what happened to a run, and when."""


class StallWatchConfig(Section):
    """Notices that no step ends any more, while that lasts, and where the run hangs."""

    times_median: float = Field(
        20.0, gt=1, description="How many times the median step time without a step count."
    )
    seconds_at_least: float = Field(
        60.0, gt=0, description="Seconds without a step that never count as a stall."
    )
    seconds_between_steps: float = Field(
        3600.0,
        gt=0,
        description="Seconds that validation, saving or anything else between steps may "
        "take.",
    )


class WorkerWatchConfig(Section):
    """Notices which of several workers is silent or behind, and since when."""

    silent_seconds: float = Field(
        5.0, gt=1, description="Seconds without a sign of life after which to report."
    )


class PlateauWatchConfig(Section):
    """Notices that a metric has not improved for some epochs; stops nothing."""

    monitor: str | None = Field(
        None,
        description="Metric that is watched; `val_loss` by default, or `loss` without "
        "validation.",
    )
    patience: Count = Field(
        5, description="Epochs without improvement after which to report."
    )
    min_delta: float = Field(
        0.0, ge=0, description="By how much a value must be better to count as improvement."
    )
    mode: Mode = Field(
        "auto",
        description="Whether small or large values are good; `auto` goes by the metric's "
        "name.",
    )


class HeartbeatConfig(Section):
    """Writes a small file now and then, from which a watchdog sees that a run moves."""

    file: PathText | None = Field(
        None, description="Where; `heartbeat.json` in the run directory by default."
    )
    every_seconds: float = Field(10.0, gt=0, description="Seconds between two writes.")


class PrometheusConfig(Section):
    """Lets Prometheus collect how a run goes: at a port, or in a file."""

    port: int | None = Field(None, ge=1, le=65535, description="Where to answer over HTTP.")
    host: str = Field("127.0.0.1", description="The address to listen on, with `port`.")
    textfile: PathText | None = Field(
        None, description="A file for the node exporter's textfile collector, `NAME.prom`."
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
    """Runs a command, or posts JSON, when something happens to a run."""

    on: Annotated[list[EventKind], AS_LIST, Field(min_length=1)] = Field(
        ["end", "failure", "stall", "divergence"], description="Kinds of events."
    )
    command: Annotated[list[str], AS_LIST, Field(min_length=1)] | None = Field(
        None,
        description="A program and its arguments, run without a shell; it gets the event "
        "as JSON on standard input.",
    )
    url: str | None = Field(
        None, description="Where to post the event as JSON, in place of a command."
    )
    timeout_seconds: float = Field(
        10.0, gt=0, le=600, description="After how long an alert is given up."
    )
    at_most: Count = Field(20, description="How many alerts a run sends.")

    @model_validator(mode="after")
    def _one_way_is_chosen(self) -> "AlertsConfig":
        if (self.command is None) == (self.url is None):
            raise ValueError("`command` or `url` must be set, and not both")
        if self.url is not None and not re.match(r"https?://[^/\s]+", self.url):
            raise ValueError("`url` must begin with http:// or https:// and a host")
        return self


def reaches_outside(name: str, options: dict[str, Any]) -> bool:
    """Whether a callback of ours runs, sends or writes something beyond the run.

    Args:
        name: Of the callback, as in YAML.
        options: Its arguments.
    """
    if name == "heartbeat":
        return options.get("file") is not None
    return name in ("alerts", "prometheus")
