import keras
import numpy as np
import pytest
from helpers import weights_of
from keraunos.models.variables import (
    all_layers,
    assign_values,
    changing_variables,
    copy_values,
    frozen_variables,
)


def model_with_a_frozen_part():
    """A frozen network with a BatchNorm inside, one that trains, dropout and a head."""
    backbone = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(4), keras.layers.BatchNormalization()],
        name="backbone",
    )
    backbone.trainable = False
    return keras.Sequential(
        [
            keras.Input((3,)),
            backbone,
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(2),
        ]
    )


def test_changing_variables_include_statistics_but_no_frozen_part():
    names = [
        name.partition("/")[2] for name in changing_variables(model_with_a_frozen_part())
    ]
    statistics = ["moving_mean", "moving_variance"]
    assert sorted(names) == sorted(["gamma", "beta", *statistics, "kernel", "bias"])


def test_every_weight_is_either_changing_or_frozen():
    model = model_with_a_frozen_part()
    changing, frozen = changing_variables(model), frozen_variables(model)
    assert not set(changing) & set(frozen)
    ids = {id(variable) for variable in (changing | frozen).values()}
    assert ids == {id(variable) for variable in model.weights}
    assert len(frozen) == 6


def test_unfreezing_a_layer_makes_its_weights_changing():
    model = model_with_a_frozen_part()
    model.get_layer("backbone").trainable = True
    assert not frozen_variables(model)
    assert len(changing_variables(model)) == len(model.weights)


def test_variable_names_are_the_same_for_identically_built_models():
    first, second = model_with_a_frozen_part(), model_with_a_frozen_part()
    assert list(changing_variables(first)) == list(changing_variables(second))
    assert list(frozen_variables(first)) == list(frozen_variables(second))


def test_copied_values_can_be_assigned_and_do_not_follow_the_original():
    first, second = model_with_a_frozen_part(), model_with_a_frozen_part()
    copied = copy_values(changing_variables(first) | frozen_variables(first))
    expected = weights_of(first)
    for variable in first.weights:
        variable.assign(variable + 1)
    assign_values(changing_variables(second) | frozen_variables(second), copied)
    np.testing.assert_equal(weights_of(second), expected)


def test_values_of_another_model_are_rejected_with_the_difference():
    variables = changing_variables(model_with_a_frozen_part())
    values = copy_values(variables)
    name = next(iter(values))
    missing = {key: value for key, value in values.items() if key != name}
    with pytest.raises(ValueError, match=f"variables of the models differ: .*{name}"):
        assign_values(variables, missing)
    with pytest.raises(ValueError, match=rf"{name} differ: \(7,\) saved, \(4,\) here"):
        assign_values(variables, values | {name: np.zeros(7)})


def test_layers_are_found_at_any_depth():
    kinds = [type(layer).__name__ for layer in all_layers(model_with_a_frozen_part())]
    assert kinds.count("BatchNormalization") == 2
    assert kinds.count("Dense") == 2
