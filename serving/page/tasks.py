"""What the page asks of the model beyond answers; done where the model is."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ...export.portable.model import Model
from ..workers.work import Task

if TYPE_CHECKING:
    import keras

MAP_TASK = "grad_cam"


def page_tasks(model: Model, keras_model: "keras.Model | None") -> Mapping[str, Task]:
    """The tasks of the page, by name.

    Args:
        model: What answers.
        keras_model: To be asked for more than outputs; None if there is none.
    """
    if keras_model is None or model.description.task != "classification":
        return {}
    from .maps import ClassMaps

    return {MAP_TASK: ClassMaps(model, keras_model)}
