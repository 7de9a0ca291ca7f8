"""Training examples for `Module.prepare`, before the first step."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from ..configs.augmentation import fitted_on_mixed_images
from ..core.errors import ConfigError, message
from ..core.suggestion import Suggestion
from ..data.order import sequential
from ..strategies import BatchSource
from .cache import FeatureCache
from .contracts import Cacheable, Fittable, Floats
from .split import FeatureSplit

Predict = Callable[[keras.Model, BatchSource], Any]
Weighted = Callable[[BatchSource], BatchSource]


class PredictedExamples:
    """The training examples that `Module.prepare` receives; see `TrainingExamples` there.

    Args:
        source: The training set.
        cache: The feature cache, or None.
        predict: Runs a model on examples.
        weighted: Applies the weights passed to `fit`.
    """

    def __init__(
        self,
        source: BatchSource,
        cache: FeatureCache | None,
        predict: Predict,
        weighted: Weighted,
    ) -> None:
        self._source = source
        self._cache = cache
        self._predict = predict
        self._weighted = weighted

    def __call__(self, part: keras.Model, view: int | None = None) -> Floats:
        """Runs a model on all examples in order, without augmentation or in one view."""
        if not isinstance(self._source, Cacheable):
            return np.asarray(self._predict(part, self._source))
        images = self._source.in_order if view is None else self._source.view(view)
        if self._cache is not None and self._cache.is_of(part):
            return np.asarray(self._cache.features(images))
        takes_images = len(part.inputs or ()) == 1
        given = images.without_columns if takes_images else images
        return np.asarray(self._predict(part, given))

    @property
    def num_views(self) -> int:
        """Number of views of each example."""
        return self._fittable.num_views or 1

    @property
    def labels(self) -> npt.NDArray[np.int32]:
        """`(examples,)`: class indices."""
        labels = self._fittable.labels
        if labels is None:
            raise ConfigError(
                message(
                    "Class indices exist only in classification, with one class per image.",
                    task=self._fittable.task,
                ),
                Suggestion("Use a trained head, such as", {"model.head": "linear"}, "."),
            )
        return labels

    @property
    def weights(self) -> Floats | None:
        """`(examples,)`: total weight of each example per epoch; None if all are equal."""
        images = self._fittable
        rows = FeatureSplit(images, [np.zeros((images.num_examples, 1))])
        arrays = rows.arrays(sequential(images.num_examples))
        part = keras.tree.map_structure(keras.ops.convert_to_tensor, arrays)
        given = self._weighted(rows).prepare(part)[2]
        if given is None or images.draw_rates is None:
            return images.draw_rates if given is None else np.asarray(given)
        return np.asarray(given) * images.draw_rates

    @property
    def groups(self) -> npt.NDArray[np.intp]:
        """`(examples,)`: group numbers; examples of one group stay in one split."""
        return self._fittable.undivided

    @property
    def _fittable(self) -> Fittable:
        if isinstance(self._source, Fittable):
            return self._source
        raise ConfigError(
            message(
                "Fitting a head requires ImageData, which knows the class of each image.",
                data=type(self._source).__name__,
            ),
            Suggestion("Try", {"model.head": "linear"}, ", which trains on any dataset."),
        )


def as_fitted_on(source: BatchSource) -> BatchSource:
    """Returns the training data for a module that is fitted rather than trained.

    If every draw of an image would be a new view, the images are not augmented.

    Raises:
        ConfigError: The augmentation mixes images.
    """
    if isinstance(source, Cacheable) and source.mixes:
        raise ConfigError(fitted_on_mixed_images(mixes=True))
    if isinstance(source, Fittable) and source.num_views is None:
        return source.unvaried
    return source
