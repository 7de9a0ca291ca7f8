import tensorflow as tf
from keraunos import ImageData
from keraunos.callbacks.shows_images import ShowsImages


def test_image_data_implements_shows_images_and_a_dataset_does_not(image_folder):
    data = ImageData.from_folder(image_folder / "train", image_size=32)
    assert isinstance(data, ShowsImages)
    assert not isinstance(tf.data.Dataset.range(3), ShowsImages)
