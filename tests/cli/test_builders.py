"""A custom builder in place of a backbone."""

import sys

BUILDER = """
import keras

def build(num_classes, image_size, units):
    layers = [keras.Input((image_size, image_size, 3)), keras.layers.Flatten()]
    layers += [keras.layers.Dense(units), keras.layers.Dense(num_classes, "softmax")]
    model = keras.Sequential(layers, name="mine")
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model
"""


def test_builder_replaces_the_backbone_of_a_recipe(keraunos, lesions, tmp_path):
    (tmp_path / "mine_only.py").write_text(BUILDER)
    settings = (f"data.train={lesions}", "data.image_size=32", "trainer.devices=1")
    typed = ("model.builder=mine_only:build", "model.arguments={units: 5}")
    answer = keraunos("fit", "skin_lesion", *settings, *typed, "--dry-run")
    assert answer.code == 0, answer.err
    assert "mine" in answer.err
    del sys.modules["mine_only"]
