"""From images to answers: all that routes know of the model."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..data.files.pixel_rules import TooLargeError, UndecodableError
from ..export.portable.answers import Answers
from ..export.portable.model import Model
from .errors import RequestError
from .images import EncodedImages, Images, PixelImages
from .settings import ServeSettings

Task = Callable[[bytes, Mapping[str, Any]], bytes]


class Service:
    """Answers for images; routes call it and nothing else.

    Args:
        model: What answers.
        settings: Limits.
        tasks: What else can be asked of the model, by name: functions of the bytes of an
            image file and of arguments that JSON can hold, which return bytes. They run
            where the model is.
    """

    def __init__(
        self, model: Model, settings: ServeSettings, tasks: Mapping[str, Task]
    ) -> None:
        self.settings = settings
        self._model = model
        self._tasks = tasks

    @property
    def is_ready(self) -> bool:
        """Whether there is a model that answers."""
        return True

    @property
    def document(self) -> Mapping[str, Any]:
        """What `model.json` holds.

        Raises:
            RequestError: The model is not open yet (503).
        """
        return self._model.document

    @property
    def name(self) -> str:
        """Of the model in addresses."""
        return self.settings.name or str(self.document["name"])

    @property
    def tasks(self) -> frozenset[str]:
        """The names of the tasks."""
        return frozenset(self._tasks)

    async def answers(self, images: Images) -> Answers:
        """Answers for the images of a request, in their order.

        Raises:
            RequestError: An image can't be decoded (400, 413), there is no room (429),
                it takes too long (504), or no worker is left (503).
        """
        return await asyncio.to_thread(self._answers, images)

    async def run_task(
        self, name: str, content: bytes, arguments: Mapping[str, Any]
    ) -> bytes:
        """Runs a task for one image.

        Args:
            name: Of the task.
            content: The bytes of an image file.
            arguments: What the task takes.

        Raises:
            RequestError: As with `answers`; 404 if there is no such task.
        """
        if name not in self._tasks:
            raise RequestError(404, f"this model has no {name}")
        return await asyncio.to_thread(self._tasks[name], content, arguments)

    def _answers(self, images: Images) -> Answers:
        if isinstance(images, PixelImages):
            return self._model.answers(images.pixels)
        if not isinstance(images, EncodedImages):
            raise TypeError(type(images))
        try:
            pixels = [self._model.decode(content) for content in images.contents]
        except TooLargeError as error:
            raise RequestError(413, str(error)) from None
        except UndecodableError as error:
            raise RequestError(400, str(error)) from None
        return self._model.answers(np.stack(pixels))
