"""Draws heat maps of the regions that support a class, as in the report."""

import functools
import io
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from PIL import Image

from ...core.names import printable
from ...export.portable.model import Model
from ...report.explanations.cam_layers import find_layer
from ...report.explanations.cam_maps import CamMaps
from ...report.explanations.flat_graph import FlatGraph, NoGraphError
from ...report.explanations.heat_maps import has_support, overlay
from ..errors import RequestError

_SIDE = 320  # pixels


class ClassMaps:
    """A task of a service: Grad-CAM at the last layer with spatial dimensions.

    Called with the bytes of an image and `{"place": ...}`, the index of a class. Returns a
    PNG of the preprocessed image in gray with a colored map on top. If the model takes
    table columns, `"cells"` contains the cells of the image by column.

    Args:
        model: The model that decodes images.
        keras_model: Takes `(images, height, width, 3)`, RGB from 0 to 255, and columns.
    """

    def __init__(self, model: Model, keras_model: keras.Model) -> None:
        self._model = model
        self._keras_model = keras_model
        self._one_at_a_time = threading.Lock()

    def __call__(self, content: bytes, arguments: Mapping[str, Any]) -> bytes:
        """Draws a map.

        Raises:
            UndecodableError: The bytes are not an image.
            RequestError: There is no map to show (422).
        """
        image, place = self._model.decode(content), int(arguments["place"])
        columns = self._model.columns
        arrays = [] if columns is None else columns.arrays(arguments["cells"]).values()
        with self._one_at_a_time:
            cam = self._map(image, place, [tf.constant(each) for each in arrays])
        if not np.isfinite(cam).all():
            raise RequestError(422, "There is no map, because its values are not finite.")
        if not has_support(cam):
            name = printable(self._model.classes[place])
            raise RequestError(422, f"Nothing at the layer of the map supports {name}.")
        return _png(image, cam)

    def _map(
        self, image: npt.NDArray[np.uint8], place: int, columns: Sequence[tf.Tensor]
    ) -> npt.NDArray[np.float32]:
        classes = np.array([[place]], np.int32)
        found = self._maps.of_classes(image[np.newaxis], classes, *columns)
        return np.asarray(found.maps)[0, 0]

    @functools.cached_property
    def _maps(self) -> CamMaps:
        try:
            graph = FlatGraph(self._keras_model)
            return CamMaps(graph, find_layer(graph, None))
        except NoGraphError as error:
            raise RequestError(422, f"There is no map, because {error}.") from None


def _png(image: npt.NDArray[np.uint8], cam: npt.NDArray[np.float32]) -> bytes:
    large = Image.fromarray(image).resize((_SIDE, _SIDE), Image.Resampling.BICUBIC)
    drawn = io.BytesIO()
    Image.fromarray(overlay(np.asarray(large), cam)).save(drawn, "PNG")
    return drawn.getvalue()
