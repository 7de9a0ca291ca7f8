from typing import Any

import keras
import numpy as np
import pytest
from keraunos.core.errors import KeraunosError
from keraunos.data.order import sequential
from keraunos.features.trainee import Head

COUNT = 50


class Rows:
    """A split of `COUNT` examples."""

    num_examples = COUNT

    def __init__(self, rows: Any) -> None:
        self.rows = rows

    def draws(self, epoch: int) -> Any:
        return sequential(COUNT)

    def arrays(self, draws: Any) -> Any:
        return self.rows[draws.rows]

    def prepare(self, part: Any) -> tuple[Any, None, None]:
        return part, None, None


def head_on(images: Any, features: Any, whole: keras.Model) -> Head:
    head = keras.Model(whole.layers[1].output, whole.output)
    rows: Any = Rows(features)
    return Head(head, rows, None, whole=whole, images=Rows(images), features=rows)


@pytest.mark.parametrize("wrong", ["first", "last", "order"])
def test_features_that_do_not_belong_to_the_images_are_detected(wrong: str) -> None:
    inputs = keras.Input((3,))
    hidden = keras.layers.Dense(4, "tanh")(inputs)
    whole = keras.Model(inputs, keras.layers.Dense(2)(hidden))
    images = np.random.default_rng(0).normal(size=(COUNT, 3)).astype("float32")
    features = np.array(whole.layers[1](images))
    head_on(images, features, whole).check()
    others = features.copy()
    if wrong == "order":
        others[10:] = np.roll(features[10:], 1, axis=0)
    else:
        others[0 if wrong == "first" else -1] += 0.1
    with pytest.raises(KeraunosError, match="whole model must return"):
        head_on(images, others, whole).check()
