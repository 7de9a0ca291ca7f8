import keras
import pytest
from helpers import make_images
from keraunos import ConfigError, ImageData, Trainer
from keraunos.trainer.guards.other_image_size import refuse_other_image_size


def model_of(*shapes):
    inputs = [keras.Input(shape) for shape in shapes]
    pooled = [keras.layers.GlobalAveragePooling2D()(each) for each in inputs]
    joined = pooled[0] if len(pooled) == 1 else keras.layers.Concatenate()(pooled)
    return keras.Model(inputs, keras.layers.Dense(2, "softmax")(joined))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = make_images(tmp_path_factory.mktemp("images"), {"a": 3, "b": 4})
    return ImageData.from_folder(folder, image_size=32, test_split=0.3)


@pytest.mark.parametrize(
    ("shape", "remedy"),
    [((48, 48, 3), "with image_size=48"), ((32, 48, 3), "for square images")],
)
@pytest.mark.parametrize("method", ["validate", "test", "predict", "export"])
def test_images_of_another_size_are_refused(method, shape, remedy, data):
    size = f"{shape[0]} x {shape[1]}"
    with pytest.raises(ConfigError, match=rf"{size}.*image_size=32.*{remedy}"):
        getattr(Trainer(), method)(model_of(shape), data)


def test_fit_refuses_another_image_size_before_the_first_step(data):
    def build():
        model = model_of((64, 64, 3))
        model.compile("sgd", "sparse_categorical_crossentropy")
        return model

    with pytest.raises(ConfigError, match=r"64 x 64.*image_size=32.*with image_size=64"):
        Trainer(max_epochs=1).fit(build, data)


@pytest.mark.parametrize(
    "shapes",
    [
        [(32, 32, 3)],
        [(None, None, 3)],  # any size
        [(48, 48, 4)],  # a feature map, not an image
        [(48, 48, 3), (64, 64, 3)],  # which one takes the image is unknown
    ],
)
def test_matching_or_undetermined_input_shapes_are_accepted(shapes, data):
    refuse_other_image_size(model_of(*shapes), data)


def test_data_without_an_image_size_is_not_checked():
    refuse_other_image_size(model_of((48, 48, 3)), [1, 2])
    refuse_other_image_size(keras.Sequential([keras.layers.Flatten()]), [1, 2])
