"""Exposes metrics of a run to Prometheus, over HTTP or in a file of the node exporter."""

import math
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Unpack

from ..configs import validated
from ..configs.arguments import CALLBACK_ARGUMENTS, takes_settings
from ..configs.options import PrometheusOptions
from ..configs.watching_callbacks import PrometheusConfig
from ..core.console import notify
from ..core.errors import ConfigError, message
from ..core.extras import install_command
from ..core.files import read_text, write_bytes_atomic
from ..core.run_events import Event
from ..core.user_path import user_path
from .base import Callback
from .run_state import RunState
from .ticker import Ticker
from .tolerance import Tolerance

MODULE = "prometheus_client"
_FIRST_WORDS = "# HELP keraunos_"


class Prometheus(Callback):
    """Exposes steps, metrics and events to Prometheus.

    They are available either over HTTP, at `http://127.0.0.1:PORT/metrics`, or in a text
    file that the node exporter reads. Each value has the label `run`. Needs the package
    `prometheus-client`, in the extra `prometheus`.

    Args:
        **options: Same as `callbacks.prometheus` in a configuration: `port`, `host`,
            `textfile`, `every_seconds`. See `docs/settings.md`.

    Raises:
        ConfigError: The package is missing, or `textfile` exists and was not written by
            this callback.

    Example:
        >>> prometheus = Prometheus(textfile="/var/lib/node_exporter/lesions.prom")
    """

    chief_only = True

    @takes_settings(CALLBACK_ARGUMENTS["prometheus"])
    def __init__(self, **options: Unpack[PrometheusOptions]) -> None:
        self._config = validated(PrometheusConfig, "callbacks.prometheus", **options)
        _require_package()
        self._ticker: Ticker | None = None
        self._server: Any = None
        self.reset()

    def reset(self) -> None:
        """Clears the state of the previous fit."""
        self._events: Counter[str] = Counter()
        self._is_running = False
        self._tolerance = Tolerance("the file for Prometheus")

    def on_fit_begin(self, run: RunState) -> None:
        """Starts exposing the run."""
        self._is_running = True
        if self._config.textfile is not None:
            path = user_path(self._config.textfile)
            _require_own_file(path)
            self._write(run, path)
            self._ticker = Ticker(
                "prometheus", self._config.every_seconds, lambda: self._write(run, path)
            )
        else:
            self._serve(run)

    def on_event(self, run: RunState, event: Event) -> None:
        """Counts the event."""
        self._events[event.kind] += 1

    def on_fit_end(self, run: RunState) -> None:
        """Writes the end to the file, and frees the port."""
        self._stop(run)

    def on_exception(self, run: RunState, error: BaseException) -> None:
        """Writes the end to the file, and frees the port."""
        self._stop(run)

    def _serve(self, run: RunState) -> None:
        client: Any = import_module(MODULE)
        host, port = self._config.host, self._config.port
        try:
            self._server, _ = client.start_http_server(port, host, self._registry(run))
        except OSError as error:  # an occupied port must not prevent training
            notify(f"prometheus: {host}:{port} can't be used ({error}); training continues")

    def _write(self, run: RunState, path: Path) -> None:
        client: Any = import_module(MODULE)
        with self._tolerance:
            write_bytes_atomic(path, client.generate_latest(self._registry(run)))

    def _stop(self, run: RunState) -> None:
        self._is_running = False
        if self._ticker is not None and self._config.textfile is not None:
            self._ticker.stop()
            self._ticker = None
            self._write(run, user_path(self._config.textfile))
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def _registry(self, run: RunState) -> Any:
        client: Any = import_module(MODULE)
        registry = client.CollectorRegistry(auto_describe=False)
        registry.register(_Collector(self, run))
        return registry

    def families(self, run: RunState) -> Iterator[tuple[str, str, str, dict[str, float]]]:
        """Yields the metric families: name, description, label and values by label."""
        moment = run.activity.snapshot()
        for name, about, value in (
            ("running", "1 while the run trains, 0 once it has ended", self._is_running),
            ("step", "finished steps", moment.step),
            ("epoch", "finished epochs", run.epoch),
            ("last_step_timestamp_seconds", "when the last step ended", moment.step_time),
        ):
            yield name, about, "", {"": float(value)}
        measured = {n: v for n, v in dict(run.metrics).items() if math.isfinite(v)}
        yield "metric", "newest values of the run", "name", measured
        counts = {kind: float(count) for kind, count in dict(self._events).items()}
        yield "events", "events of this process so far", "kind", counts


class _Collector:
    """Converts values to metrics of `prometheus_client` at each scrape."""

    def __init__(self, callback: Prometheus, run: RunState) -> None:
        self._callback, self._run = callback, run

    def collect(self) -> Iterator[Any]:
        core: Any = import_module(f"{MODULE}.core")
        directory = self._run.run_dir
        run = "/".join(directory.absolute().parts[-2:]) if directory else ""
        for name, about, label, values in self._callback.families(self._run):
            labels = ["run", label] if label else ["run"]
            family = core.GaugeMetricFamily(f"keraunos_{name}", about, labels=labels)
            for each, value in values.items():
                family.add_metric([run, each] if label else [run], value)
            yield family


def _require_package() -> None:
    if find_spec(MODULE) is None:
        raise ConfigError(
            message(
                "`callbacks.prometheus` needs a package that is not installed.",
                install_command("prometheus"),
                missing=MODULE,
            )
        )


def _require_own_file(path: Path) -> None:
    """Checks that the file does not exist or was written by this callback."""
    try:
        is_own = read_text(path).startswith(_FIRST_WORDS)
    except FileNotFoundError:
        return
    except (OSError, ValueError):
        is_own = False
    if not is_own:
        raise ConfigError(
            message(
                "`callbacks.prometheus` replaces its file, and this one contains something "
                "else.",
                "Name a file that does not exist.",
                **{"callbacks.prometheus.textfile": str(path)},
            )
        )
