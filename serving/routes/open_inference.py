"""Routes below `/v2`, of the Open Inference Protocol."""

from importlib.metadata import version as version_of_package
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from ..protocols.open_inference import (
    EXTENSIONS,
    HEADER_LENGTH,
    infer_response,
    json_bytes,
    metadata_response,
    parse_infer,
)
from ..protocols.output_names import OUTPUT_NAMES
from ..service import Service

_MODEL = "/v2/models/{name}"
_VERSION = _MODEL + "/versions/{version}"
_TENSOR = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "datatype": {"type": "string", "enum": ["FP32", "UINT8", "BYTES"]},
        "shape": {"type": "array", "items": {"type": "integer"}},
        "parameters": {"type": "object"},
        "data": {"type": "array"},
    },
    "required": ["name", "datatype", "shape"],
}
_OUTPUT = {"type": "object", "properties": {"name": {"type": "string"}}}
_OUTPUTS = {
    "type": "array",
    "items": _OUTPUT,
    "description": "By default all: `probabilities` and `class` for classes, "
    "`probabilities` and `labels` for several labels, `values` for numbers; and "
    "`description`.",
}
_BODY = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "parameters": {"type": "object"},
        "inputs": {
            "type": "array",
            "items": _TENSOR,
            "minItems": 1,
            "description": "`images`, and a tensor for each column that the model takes.",
        },
        "outputs": _OUTPUTS,
    },
    "required": ["inputs"],
}
_INFER = {"requestBody": {"content": {"application/json": {"schema": _BODY}}}}


def open_inference_router(service: Service) -> APIRouter:
    """Returns the routes of the Open Inference Protocol.

    Args:
        service: The service that predicts.
    """
    router = APIRouter(tags=["Open Inference Protocol"])
    _add_server_routes(router, service)
    _add_model_routes(router, service)

    @router.post(_VERSION + "/infer", openapi_extra=_INFER)
    @router.post(_MODEL + "/infer", openapi_extra=_INFER)
    async def infer(name: str, request: Request, version: str | None = None) -> Response:
        service.require_model(name, version)
        body, length = await request.body(), request.headers.get(HEADER_LENGTH)
        asked = await service.parser.parse(
            json_bytes(body, length),
            parse_infer,
            body,
            length,
            service.image_size,
            OUTPUT_NAMES[service.task],
            service.columns,
        )
        answers = await service.answers(asked.images)
        rows = service.describe(answers) if asked.wants_descriptions else []
        body, json_length = infer_response(
            asked, service.name, service.version, answers.probabilities, rows
        )
        if json_length is None:
            return Response(body, media_type="application/json")
        headers = {HEADER_LENGTH: str(json_length)}
        return Response(body, headers=headers, media_type="application/octet-stream")

    return router


def _add_model_routes(router: APIRouter, service: Service) -> None:
    @router.get(_VERSION + "/ready")
    @router.get(_MODEL + "/ready")
    async def is_model_ready(name: str, version: str | None = None) -> JSONResponse:
        service.require_model(name, version)
        return _readiness(service, {"name": service.name})

    @router.get(_VERSION)
    @router.get(_MODEL)
    async def metadata(name: str, version: str | None = None) -> dict[str, Any]:
        service.require_model(name, version)
        return metadata_response(
            service.name,
            service.version,
            f"keraunos_{service.document.get('format', 'keras')}",
            service.image_size,
            len(service.classes),
            OUTPUT_NAMES[service.task],
            service.columns,
        )


def _add_server_routes(router: APIRouter, service: Service) -> None:
    @router.get("/v2")
    async def server() -> dict[str, Any]:
        version = version_of_package("keraunos")
        return {"name": "keraunos", "version": version, "extensions": list(EXTENSIONS)}

    @router.get("/v2/health/live")
    async def is_live() -> dict[str, bool]:
        return {"live": True}

    @router.get("/v2/health/ready")
    async def is_ready() -> JSONResponse:
        return _readiness(service, {"live": True})


def _readiness(service: Service, body: dict[str, Any]) -> JSONResponse:
    ready = service.is_ready
    return JSONResponse(body | {"ready": ready}, 200 if ready else 503)
