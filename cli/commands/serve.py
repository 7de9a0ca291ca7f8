"""`keraunos serve`: serve a model over HTTP."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...core.errors import ConfigError, message, reason_of
from ...core.extras import install_command
from ...core.files import open_regular, sha256_of_file, sha256_of_json
from ...core.processes import DEVICES_VARIABLE, visible_gpus, worker_environments
from ...core.run_layout import CONFIG_FILE, MODEL_FILE
from ...core.secret import is_loopback
from ...serving.settings import ServeSettings
from ..console import notify, show
from ..ensembles import find_members
from ..field_options import with_fields

if TYPE_CHECKING:
    from ...serving.service import Service
    from ...serving.workers.worker import Worker

TOKEN_VARIABLE = "KERAUNOS_SERVE_TOKEN"
WORKER_COMMAND = "serve-worker"
MODULES = ("fastapi", "prometheus_client", "python_multipart", "uvicorn")
_LONGEST_TOKEN = 4096


_GROUPS = {
    "Batches": ("max_batch_images", "max_wait_ms", "max_queue_images"),
    "Request limits": (
        "max_request_images",
        "max_body_megabytes",
        "max_pending_megabytes",
        "max_connections",
    ),
    "Time limits": (
        "timeout_seconds",
        "header_seconds",
        "body_seconds",
        "keep_alive_seconds",
        "stop_seconds",
        "start_seconds",
    ),
    "Workers": ("workers", "max_restarts"),
}


@with_fields(ServeSettings, leave_out=["token"], groups=_GROUPS)
def serve(
    model: Annotated[
        Path,
        typer.Argument(
            metavar="RUN_OR_EXPORT",
            help="Directory of a run, of its folds, or of an export.",
            show_default=False,
        ),
    ],
    token_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="File with a secret that requests must send as `Authorization: Bearer "
            f"TOKEN`; by default ${TOKEN_VARIABLE}, if it is set.",
        ),
    ] = None,
    **options: Any,
) -> None:
    """Serve a model over HTTP.

    The APIs are those of TensorFlow Serving and KServe. Ctrl-C or SIGTERM stops the
    server after it has answered all pending requests.
    """
    settings = ServeSettings(**options, token=_token(token_file))
    _require_model(model)
    _require_packages()
    from ...serving.server import Address, listen
    from ...serving.server import serve as serve_on
    from ...serving.workers.worker import start_process

    listener = listen(settings.host, settings.port)
    address = Address(*listener.getsockname()[:2])
    if settings.token is None and not is_loopback(settings.host):
        notify(
            f"anyone who can reach {address} has access: no token is set "
            f"(${TOKEN_VARIABLE})"
        )
    notify(f"{address} will answer as soon as the model is loaded")
    command = [sys.executable, "-P", "-m", "keraunos", WORKER_COMMAND, str(model.resolve())]
    command += [str(settings.max_batch_images)]
    shares = worker_environments(settings.workers, visible_gpus())

    async def start(number: int) -> "Worker":
        environment = _without_user_variables(shares[number])
        return await start_process(command, environment, settings.start_seconds)

    def show_address(service: "Service") -> None:
        show(f"{service.name}, version {service.version}: {address}")

    serve_on(listener, start, settings, show_address)


def serve_worker(
    model: Annotated[Path, typer.Argument(metavar="RUN_OR_EXPORT")],
    max_batch_images: int,
    descriptor: int,
) -> None:
    """Run a model for `keraunos serve`, which starts this command."""
    from ..opened_model import open_model

    opened = open_model(model)
    from ...serving.page.tasks import page_tasks
    from ...serving.workers.child import serve_parent

    tasks = page_tasks(opened.model, opened.keras_model)
    digest = _digest(model) if opened.run is not None else ""
    serve_parent(descriptor, opened.model, tasks, max_batch_images, digest)


def _token(file: Path | None) -> str | None:
    if file is None:
        return os.environ.get(TOKEN_VARIABLE, "").strip() or None
    try:
        with open_regular(file) as stream:
            return stream.read(_LONGEST_TOKEN).decode("utf-8", "replace").strip()
    except OSError as error:
        raise ConfigError(
            message(
                f"`--token-file` must be a file that can be read: {reason_of(error)}.",
                token_file=str(file),
            )
        ) from None


def _require_model(path: Path) -> None:
    """Checks the path of a model without opening it; the workers check the rest."""
    if not path.is_dir():
        raise ConfigError(
            message("A model is the directory of a run or of an export.", path=str(path))
        )
    if (path / CONFIG_FILE).is_file():
        find_members([path])


def _require_packages() -> None:
    missing = [module for module in MODULES if find_spec(module) is None]
    if missing:
        raise ConfigError(
            message(
                "`keraunos serve` needs packages that are not installed.",
                install_command("serve"),
                missing=", ".join(missing),
            )
        )


def _without_user_variables(variables: dict[str, str]) -> dict[str, str]:
    """Drops variables that the user has set, except devices, which workers share out."""
    return {
        name: value
        for name, value in variables.items()
        if name == DEVICES_VARIABLE or name not in os.environ
    }


def _digest(run: Path) -> str:
    """Returns the digest of the models of a run, or of its folds."""
    members = find_members([run])
    return sha256_of_json([sha256_of_file(each.run / MODEL_FILE) for each in members])
