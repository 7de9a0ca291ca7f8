"""Creates the HTTP application for a model."""

import contextlib
from collections.abc import AsyncIterator, Mapping

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException

from ..export.portable.model import Model
from .errors import RequestError
from .guards.body import BodyGuard
from .guards.gate import HEALTH_PATHS, Gate
from .guards.token import TokenGuard
from .page.router import FREE_PATHS, page_router
from .routes.open_inference import open_inference_router
from .routes.tensorflow_serving import tensorflow_serving_router
from .service import Service
from .settings import ServeSettings
from .workers.work import Task, Work
from .workers.worker import LocalWorker, Worker


def create_app(
    model: Model,
    settings: ServeSettings | None = None,
    tasks: Mapping[str, Task] | None = None,
) -> FastAPI:
    """Creates an application with a model in this process.

    Its lifespan must be run, as ASGI servers and `TestClient` in a `with` block do.

    Args:
        model: The model.
        settings: Limits; `workers` is ignored, as there is one worker, a thread.
        tasks: Further tasks of the model by name: functions of the bytes of an image file
            and of JSON arguments, which return bytes.
    """

    async def start(number: int) -> Worker:
        del number
        return LocalWorker(Work(model, tasks or {}))

    return app_of(Service(start, settings or ServeSettings()))


def app_of(service: Service) -> FastAPI:
    """Returns the application of a service, which it opens and closes."""

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        del app
        await service.open()
        yield
        await service.close()

    # The pages of FastAPI would load external scripts; /openapi.json stays available.
    app = FastAPI(title="Keraunos", docs_url=None, redoc_url=None, lifespan=lifespan)
    app.add_exception_handler(RequestError, _error_response)
    app.add_exception_handler(HTTPException, _http_error_response)

    @app.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        return Response(
            generate_latest(service.metrics.registry), media_type=CONTENT_TYPE_LATEST
        )

    app.include_router(tensorflow_serving_router(service))
    app.include_router(open_inference_router(service))
    app.include_router(page_router(service))
    settings, free = service.settings, HEALTH_PATHS | FREE_PATHS
    app.add_middleware(BodyGuard, settings=settings)
    app.add_middleware(TokenGuard, token=settings.token, free_paths=free)
    app.add_middleware(Gate, service=service)  # the last is the outermost
    return app


async def _error_response(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, RequestError):
        raise error
    return JSONResponse({"error": error.reason}, error.status, error.headers)


async def _http_error_response(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)
