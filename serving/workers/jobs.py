"""Defines the jobs of a worker, and their outcomes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ...export.portable.answers import Answers
from ..errors import RequestError
from ..images import EncodedImages, PixelImages


@dataclass(frozen=True)
class TaskCall:
    """A task for one image.

    Attributes:
        name: Name of the task.
        content: The bytes of an image file.
        arguments: Arguments of the task, as JSON values.
    """

    name: str
    content: bytes
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return 1


Job = EncodedImages | PixelImages | TaskCall
Outcome = Answers | bytes | RequestError


class WorkerLostError(Exception):
    """A worker ended before it answered.

    Args:
        reason: How it ended.
        code: Exit code of its process, if it has one.
    """

    def __init__(self, reason: str, code: int | None = None) -> None:
        super().__init__(reason)
        self.code = code
