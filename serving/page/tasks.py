"""Tasks of the page beyond predictions, run in the process of the model."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ...export.portable.model import Model
from ..workers.work import Task

if TYPE_CHECKING:
    import keras

MAP_TASK = "grad_cam"


def page_tasks(model: Model, keras_model: "keras.Model | None") -> Mapping[str, Task]:
    """Returns the tasks of the page, by name.

    Args:
        model: The served model.
        keras_model: The same model in Keras, for heat maps; None if there is none.
    """
    if keras_model is None or model.description.task != "classification":
        return {}
    from .maps import ClassMaps

    return {MAP_TASK: ClassMaps(model, keras_model)}
