import tensorflow as tf
from keraunos import ImageData
from keraunos.callbacks.shows_pictures import ShowsPictures


def test_image_data_shows_pictures_and_a_dataset_does_not(pictures):
    data = ImageData.from_folder(pictures / "train", image_size=32)
    assert isinstance(data, ShowsPictures)
    assert not isinstance(tf.data.Dataset.range(3), ShowsPictures)
