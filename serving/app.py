"""The HTTP application over a model."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from ..export.portable.model import Model
from .errors import RequestError
from .images import EncodedImages
from .page.router import page_router
from .service import Service, Task
from .settings import ServeSettings


def create_app(
    model: Model,
    settings: ServeSettings | None = None,
    tasks: Mapping[str, Task] | None = None,
) -> FastAPI:
    """An application that answers with a model of this process.

    Args:
        model: What answers.
        settings: Limits.
        tasks: See `Service`.
    """
    return app_of(Service(model, settings or ServeSettings(), tasks or {}))


def app_of(service: Service) -> FastAPI:
    """The application over a service."""
    # Pages of FastAPI would load scripts from elsewhere; /openapi.json is there.
    app = FastAPI(title="Keraunos", docs_url=None, redoc_url=None)
    app.add_exception_handler(RequestError, _refuse)

    @app.get("/v2/health/ready")
    async def is_ready() -> dict[str, bool]:
        return {"ready": service.is_ready}

    @app.post("/v1/models/{name}:predict")
    async def predict(name: str, request: Request) -> dict[str, Any]:
        import base64

        instances = (await request.json())["instances"]
        contents = [base64.b64decode(each["b64"]) for each in instances]
        answers = await service.answers(EncodedImages(contents))
        return {"predictions": answers.probabilities.tolist()}

    app.include_router(page_router(service))
    return app


async def _refuse(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, RequestError):
        raise error
    return JSONResponse({"error": error.reason}, error.status, error.headers)
