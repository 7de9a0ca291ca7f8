"""Routes below `/v1`, of the REST API of TensorFlow Serving."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from ..protocols.output_names import OUTPUT_NAMES
from ..protocols.tensorflow_serving import (
    SIGNATURES,
    metadata_response,
    parse_predict,
    predict_response,
    status_response,
)
from ..protocols.values import INPUT
from ..service import Service

_MODEL = "/v1/models/{name}"
_VERSION = _MODEL + "/versions/{version}"
_FILE = {"type": "object", "properties": {"b64": {"type": "string"}}, "required": ["b64"]}
_IMAGES = {
    "type": "array",
    "items": {"oneOf": [_FILE, {"type": "array"}, {"type": "object"}]},
    "description": "For each image its pixels, RGB from 0 to 255, or the bytes of a file; "
    "an object with `images` and each column, if the model takes columns.",
}
_BODY = {
    "type": "object",
    "properties": {
        "signature_name": {
            "type": "string",
            "enum": list(SIGNATURES),
            "description": "`serving_bytes`, with classes by name, is for classifiers.",
        },
        "instances": _IMAGES,
        "inputs": {"oneOf": [_IMAGES, {"type": "object", "properties": {INPUT: _IMAGES}}]},
    },
}
_PREDICT = {"requestBody": {"content": {"application/json": {"schema": _BODY}}}}


def tensorflow_serving_router(service: Service) -> APIRouter:
    """Returns the routes of the REST API of TensorFlow Serving.

    Args:
        service: The service that predicts.
    """
    router = APIRouter(tags=["TensorFlow Serving"])

    @router.post(_VERSION + ":predict", openapi_extra=_PREDICT)
    @router.post(_MODEL + ":predict", openapi_extra=_PREDICT)
    async def predict(
        name: str, request: Request, version: str | None = None
    ) -> JSONResponse:
        service.require_model(name, version)
        body, size = await request.body(), service.image_size
        names = OUTPUT_NAMES[service.task]
        asked = await service.parser.parse(
            len(body), parse_predict, body, size, names, service.columns
        )
        answers = await service.answers(asked.images)
        rows = service.describe(answers) if asked.wants_descriptions else []
        found = predict_response(asked, answers.probabilities.tolist(), rows)
        return JSONResponse(found)

    @router.get(_VERSION + "/metadata")
    @router.get(_MODEL + "/metadata")
    async def metadata(name: str, version: str | None = None) -> dict[str, Any]:
        service.require_model(name, version)
        size, classes = service.image_size, len(service.classes)
        names = OUTPUT_NAMES[service.task]
        columns = service.columns
        return metadata_response(
            service.name, service.version, size, classes, names, columns
        )

    @router.get(_VERSION)
    @router.get(_MODEL)
    async def status(name: str, version: str | None = None) -> dict[str, Any]:
        service.require_model(name, version)
        return status_response(service.version)

    return router
