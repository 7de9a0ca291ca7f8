import numpy as np
import pytest
from keraunos import Augmentation, ConfigError
from keraunos.data import ImageData
from keraunos.export.quantization.calibration_images import (
    choose_calibration_images,
    draw_evenly,
)

LABELS = np.array([0] * 90 + [1] * 3 + [2] * 40)


def test_draws_include_rare_classes_and_are_reproducible_by_seed():
    places = draw_evenly(LABELS, 23, seed=5)
    assert np.bincount(LABELS[places]).tolist() == [10, 3, 10]
    assert len(set(places.tolist())) == 23
    assert places.tolist() == draw_evenly(LABELS, 23, seed=5).tolist()
    assert places.tolist() != draw_evenly(LABELS, 23, seed=6).tolist()


def test_all_images_are_drawn_if_fewer_than_requested():
    assert draw_evenly(LABELS, 500, seed=0).tolist() == list(range(133))


def test_calibration_uses_unaugmented_training_images(image_folder):
    data = ImageData.from_folder(
        image_folder, image_size=32, augmentation=Augmentation(strength=1)
    )
    chosen = choose_calibration_images(data.train, count=7, seed=3)
    places = draw_evenly(data.train.labels, 7, seed=3)
    assert (chosen.pixels == data.train.in_order.images(places)).all()
    assert chosen.as_json() == {
        "split": "train",
        "images": 7,
        "of": data.train.num_examples,
        "seed": 3,
    }


def test_calibration_without_training_images_is_rejected():
    with pytest.raises(ConfigError, match="needs images of the training split"):
        choose_calibration_images(None)
