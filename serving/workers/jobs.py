"""What a worker can be asked, and the outcome."""

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
        name: Of the task.
        content: The bytes of an image file.
        arguments: What the task takes, as JSON values.
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
        code: Its exit code, if it ended by itself while it opened the model.
    """

    def __init__(self, reason: str, code: int | None = None) -> None:
        super().__init__(reason)
        self.code = code
