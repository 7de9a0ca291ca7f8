"""Defines the metrics of a server.

All are counted in the process that receives the requests, so one registry contains
everything, for any number of workers.
"""

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
)

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_IMAGES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """Metrics of one server, in its own registry.

    Attributes:
        registry: Registry of all metrics.
        requests: Requests by route, method and status.
        seconds: Time from the start of a request to its response, by route.
        images: Images in responses.
        waiting_images: Images waiting for a worker.
        batch_images: Images per call of the model.
        batch_seconds: Time from passing a batch to a worker to its results, including
            decoding.
        workers: Workers that are ready.
        lost_workers: Workers that ended unexpectedly.
        retried: Jobs that were given to another worker.
    """

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self.requests = Counter(
            "keraunos_requests",
            "Requests by route, method and status.",
            ["route", "method", "status"],
            registry=registry,
        )
        self.seconds = Histogram(
            "keraunos_request_seconds",
            "From the start of a request to its response.",
            ["route"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.images = Counter("keraunos_images", "Images in responses.", registry=registry)
        self.waiting_images = Gauge(
            "keraunos_waiting_images", "Images waiting for a worker.", registry=registry
        )
        self.batch_images = Histogram(
            "keraunos_batch_images",
            "Images per batch.",
            buckets=_IMAGES,
            registry=registry,
        )
        self.batch_seconds = Histogram(
            "keraunos_batch_seconds",
            "From passing a batch to a worker to its result.",
            buckets=_SECONDS,
            registry=registry,
        )
        self.workers = Gauge(
            "keraunos_workers", "Workers that are ready.", registry=registry
        )
        self.lost_workers = Counter(
            "keraunos_lost_workers", "Workers that ended unexpectedly.", registry=registry
        )
        self.retried = Counter(
            "keraunos_retried_jobs",
            "Jobs that were given to another worker.",
            registry=registry,
        )
