"""Routes of the page at `/`, and of the requests that it sends."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from ...core.html import base_style, read_resource
from ..errors import RequestError
from ..images import Cells, EncodedImages
from ..protocols.open_inference import HEADER_LENGTH
from ..service import Service
from .tasks import MAP_TASK
from .upload import read_upload
from .view import answer_view, model_view

# Loaded by a browser before a token is entered; contains nothing of the model.
FREE_PATHS = frozenset({"/", "/page/style.css", "/page/script.js"})
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src blob: data:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}
_NOT_KEPT = {"Cache-Control": "no-store"}
_NO_MAPS_OF_TASK = "Heat maps are for models of one class per image."
_NO_MAPS = (
    "Heat maps need the Keras model: serve the run itself, or its export in the format "
    "keras."
)


def page_router(service: Service) -> APIRouter:
    """Returns the routes of the page.

    Args:
        service: The service that predicts uploads and draws heat maps.
    """
    router = APIRouter(include_in_schema=False)

    _add_files(router)

    @router.get("/page/model")
    async def model(response: Response) -> dict[str, Any]:
        response.headers.update(_NOT_KEPT)
        max_bytes = int(service.settings.max_body_megabytes * 1e6)
        is_classifier = service.task == "classification"
        why_not = _NO_MAPS if is_classifier else _NO_MAPS_OF_TASK
        no_maps = "" if MAP_TASK in service.tasks else why_not
        return model_view(service.description, max_bytes, no_maps)

    @router.post("/page/answer")
    async def answer(request: Request, response: Response) -> dict[str, Any]:
        response.headers.update(_NOT_KEPT)
        content, cells = await _upload(request, service)
        answers = await service.answers(EncodedImages([content], cells=cells))
        (row,) = service.describe(answers)
        return answer_view(row, service.description)

    @router.post("/page/map")
    async def draw_map(request: Request, place: Annotated[int, Query(ge=0)]) -> Response:
        if place >= len(service.classes):
            raise RequestError(404, f"There is no class {place}.")
        content, cells = await _upload(request, service)
        arguments = {"place": place} if cells is None else {"place": place, "cells": cells}
        png = await service.run_task(MAP_TASK, content, arguments)
        return Response(png, headers=_NOT_KEPT, media_type="image/png")

    return router


def _add_files(router: APIRouter) -> None:
    @router.get("/")
    async def page() -> Response:
        return _file("text/html", read_resource(__package__, "page.html"))

    @router.get("/page/style.css")
    async def style() -> Response:
        return _file("text/css", base_style() + read_resource(__package__, "page.css"))

    @router.get("/page/script.js")
    async def script() -> Response:
        return _file("text/javascript", read_resource(__package__, "page.js"))


async def _upload(request: Request, service: Service) -> tuple[bytes, Cells]:
    length = request.headers.get(HEADER_LENGTH)
    return read_upload(await request.body(), length, service.columns)


def _file(media_type: str, content: str) -> Response:
    return Response(content, headers=_HEADERS, media_type=media_type)
