import keras
import numpy as np
import pytest
from keraunos.models import Optimizer
from keraunos.models.optimizer import build_optimizer_of
from keraunos.models.phases import Phase, ordered_layers


def model_with_backbone(optimizer=None):
    """A frozen model within a model, and a frozen BatchNorm outside of it."""
    inner = keras.Sequential(
        [
            keras.Input((5,)),
            keras.layers.Dense(4, name="block1_dense"),
            keras.layers.BatchNormalization(name="block1_bn"),
            keras.layers.Dense(3, name="block2_dense"),
            keras.layers.BatchNormalization(name="block2_bn"),
        ],
        name="backbone",
    )
    inner.trainable = False
    inputs = keras.Input((5,))
    features = keras.layers.BatchNormalization(trainable=False, name="standardize")(
        inner(inputs, training=False)
    )
    model = keras.Model(inputs, keras.layers.Dense(2, name="head")(features))
    model.compile(optimizer or keras.optimizers.Adam(0.1), "mse")
    build_optimizer_of(model)
    return model


def trained_layers(model):
    return {variable.path.split("/")[-2] for variable in model.trainable_variables}


def places(model, *names):
    return [n for n, each in enumerate(ordered_layers(model)) if each.name in names]


def test_layers_are_listed_in_execution_order():
    names = [each.name for each in ordered_layers(model_with_backbone())]
    blocks = [name for name in names if name.startswith("block")]
    assert blocks == ["block1_dense", "block1_bn", "block2_dense", "block2_bn"]
    assert names[-2:] == ["standardize", "head"]


@pytest.mark.parametrize(
    ("wanted", "batch_norm", "expected"),
    [
        ({"block2_dense", "block2_bn"}, False, {"head", "block2_dense"}),
        ({"block2_dense", "block2_bn"}, True, {"head", "block2_dense", "block2_bn"}),
        ({"block1_dense"}, False, {"head", "block1_dense"}),
        (set(), False, {"head"}),
    ],
)
def test_named_layers_train_and_all_others_stay_frozen(wanted, batch_norm, expected):
    model = model_with_backbone()
    phase = Phase(places(model, *wanted), 0.01, train_batch_norm=batch_norm)
    phase.apply(model)
    assert trained_layers(model) == expected


def test_successive_phases_unfreeze_more_layers():
    model = model_with_backbone()
    Phase(places(model, "block2_dense"), 0.01).apply(model)
    Phase(places(model, "block1_dense"), 0.001).apply(model)
    assert trained_layers(model) == {"head", "block1_dense", "block2_dense"}
    assert float(model.optimizer.learning_rate) == pytest.approx(0.001)


@pytest.mark.parametrize(
    "optimizer",
    [
        keras.optimizers.SGD(0.1, momentum=0.9, global_clipnorm=1.0),
        keras.optimizers.AdamW(keras.optimizers.schedules.CosineDecay(0.1, 9), 0.5),
        keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.1), initial_scale=8.0),
        keras.optimizers.Adam(0.1, gradient_accumulation_steps=2, use_ema=True),
    ],
)
def test_new_optimizer_has_the_same_type_and_zero_iterations(optimizer):
    model = model_with_backbone(optimizer)
    before = model.optimizer.get_config()
    model.optimizer._iterations.assign(7)
    Phase(places(model, "block2_dense"), 0.01).apply(model)
    made = model.optimizer
    assert made is not optimizer
    assert (type(made), int(made.iterations)) == (type(optimizer), 0)
    assert float(made.learning_rate) == pytest.approx(0.01)
    inner = getattr(made, "inner_optimizer", made)
    assert len(inner._trainable_variables) == 4
    after = made.get_config()
    for config in (before, after):
        config.pop("inner_optimizer", config.pop("learning_rate", None))
    np.testing.assert_equal(after, before)


def test_layer_decay_and_exclusions_follow_the_unfrozen_layers():
    optimizer = Optimizer(
        "adamw", layer_decay=0.5, exclude_from_weight_decay="biases_and_norms"
    )
    model = model_with_backbone(optimizer.build())
    assert model.optimizer.multipliers == (1.0, 1.0)
    Phase(places(model, "block2_dense", "block2_bn"), 0.01, None, True).apply(model)
    assert model.optimizer.multipliers == (0.5, 0.5, 0.5, 0.5, 1.0, 1.0)
    assert model.optimizer.spared == (False, True, True, True, False, True)
    Phase(places(model, "block1_dense"), 0.001).apply(model)
    assert model.optimizer.multipliers == (0.25, 0.25, *[0.5] * 4, 1.0, 1.0)
    assert model.optimizer.spared == (False, True, False, *[True] * 3, False, True)


def test_phase_builds_its_schedule_from_plain_values():
    model = model_with_backbone()
    schedule = {"name": "cosine", "warmup_epochs": 1, "epochs": 4}
    Phase(places(model, "block2_dense"), 0.01, schedule).apply(model)
    model.optimizer._learning_rate.set_length(5, 99)
    assert float(model.optimizer.learning_rate) == pytest.approx(0.002)
    assert model.optimizer._learning_rate.total_epochs == 4
