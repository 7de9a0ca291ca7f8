import keras
import numpy as np
import pytest
from helpers import replicas
from keraunos import TransferClassifier
from keraunos.models import SharedNetworks
from keraunos.models.phases import Phase


def build(seed, shared=None, size=32, strategy=None):
    """A model and its network, built as by a run with that seed."""
    keras.utils.set_random_seed(seed)
    module = TransferClassifier(
        3, image_size=size, backbone="MobileNetV2", weights=None, shared=shared
    )
    with (strategy or replicas(1)).scope():
        model = module.build()
    return model, module.frozen_part(model).model


@pytest.mark.slow
def test_models_share_a_network_with_the_weights_of_separate_builds():
    shared, strategy = SharedNetworks(), replicas(1)
    alone, _ = build(0)
    first, network = build(0, shared, strategy=strategy)
    second, same = build(0, shared, strategy=strategy)
    assert network is same
    assert first.layers[-1] is not second.layers[-1]
    for model in (first, second):
        for ours, theirs in zip(model.weights, alone.weights, strict=True):
            np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


@pytest.mark.nightly
def test_networks_that_would_differ_are_not_shared():
    shared, strategy = SharedNetworks(), replicas(1)
    _, network = build(0, shared, strategy=strategy)
    others = [
        build(1, shared, strategy=strategy),
        build(0, shared, size=33, strategy=strategy),
        build(0, shared, strategy=replicas(2)),
        build(0),
    ]
    assert all(other is not network for _, other in others)


@pytest.mark.slow
def test_unfrozen_network_is_not_shared_again():
    shared, strategy = SharedNetworks(), replicas(1)
    model, network = build(0, shared, strategy=strategy)
    places = range(len(model.layers))
    with strategy.scope():
        Phase(list(places), learning_rate=1e-4).apply(model)
    assert network.trainable_variables
    _, other = build(0, shared, strategy=strategy)
    assert other is not network
    assert build(0, shared, strategy=strategy)[1] is other
