"""The routes of the page."""

from fastapi import APIRouter

from ..service import Service

# What a browser loads before anybody has typed a token: nothing of the model in it.
FREE_PATHS: frozenset[str] = frozenset()


def page_router(service: Service) -> APIRouter:
    """Routes that answer with the page and what it asks for.

    Args:
        service: `answers(EncodedImages([content]))` answers for an upload, and
            `run_task("grad_cam", content, {...})` for what needs the Keras model.
    """
    del service
    return APIRouter(include_in_schema=False)
