import keras
import pytest
from keraunos.models.blocks import Blocks


def test_blocks_are_the_stages_of_a_backbone_and_its_head():
    network = keras.applications.MobileNetV2(
        include_top=False, weights=None, input_shape=(32, 32, 3), alpha=0.35
    )
    pooled = keras.layers.GlobalAveragePooling2D()(network.output)
    model = keras.Model(network.input, keras.layers.Dense(3)(pooled))
    blocks = Blocks(model, model.trainable_variables)
    assert blocks.names[-1] == "head"
    assert 3 < len(blocks.names) < 20
    network.trainable = False
    assert Blocks(model, model.trainable_variables).names == ["head"]


def test_each_layer_is_a_block_if_there_are_no_stages():
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.first, self.second = keras.layers.Dense(2), keras.layers.Dense(1)

        def call(self, inputs):
            return self.second(self.first(inputs))

    model = Own()
    model(keras.ops.zeros((1, 3)))
    blocks = Blocks(model, model.trainable_variables)
    assert blocks.names == [model.first.name, model.second.name]
    lengths = blocks.lengths([3.0, 4.0, 1.0, 0.0])
    assert list(lengths.values()) == pytest.approx([5.0, 1.0])
