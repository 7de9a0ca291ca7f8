import copy

import keras
import numpy as np
import pytest
from keraunos.core.errors import ConfigError
from keraunos.models import Optimizer
from keraunos.models.schedule import EpochSchedule

UPDATES, EPOCHS = 5, 4


def rates(kind, **options):
    """The learning rate of every update."""
    schedule = EpochSchedule(0.1, kind, **options)
    schedule.set_length(UPDATES, EPOCHS)
    return np.array([float(schedule(step)) for step in range(UPDATES * EPOCHS + 1)])


@pytest.mark.feature("schedules")
@pytest.mark.parametrize(
    ("kind", "options", "by_epoch"),
    [
        ("constant", {}, [0.1, 0.1, 0.1, 0.1, 0.1]),
        ("linear", {}, [0.1, 0.075, 0.05, 0.025, 0.0]),
        ("linear", {"final_factor": 0.2}, [0.1, 0.08, 0.06, 0.04, 0.02]),
        ("linear", {"epochs": 2}, [0.1, 0.05, 0.0, 0.0, 0.0]),
        ("cosine", {}, [0.05 * (1 + np.cos(np.pi * n / 4)) for n in range(5)]),
        ("exponential", {"factor": 0.5}, [0.1, 0.05, 0.025, 0.0125, 0.00625]),
        ("exponential", {}, [0.1 * 0.9**n for n in range(5)]),
        ("step", {"step_epochs": 2}, [0.1, 0.1, 0.01, 0.01, 0.001]),
        ("step", {"step_epochs": 3, "factor": 0.5}, [0.1, 0.1, 0.1, 0.05, 0.05]),
    ],
)
def test_every_schedule_has_the_expected_rate_at_each_epoch(kind, options, by_epoch):
    np.testing.assert_allclose(rates(kind, **options)[::UPDATES], by_epoch, atol=1e-8)


def test_warm_up_is_linear_and_the_schedule_starts_after_it():
    warm = rates("linear", warmup_epochs=1)
    np.testing.assert_allclose(warm[:UPDATES], [0.02, 0.04, 0.06, 0.08, 0.1], rtol=1e-6)
    np.testing.assert_allclose(
        warm[UPDATES::UPDATES], [0.1, 0.2 / 3, 0.1 / 3, 0.0], atol=1e-8
    )


def test_step_drops_at_once_and_exponential_decays_every_update():
    assert len(set(rates("step", step_epochs=2)[: 2 * UPDATES])) == 1
    assert len(set(rates("exponential")[:UPDATES])) == UPDATES


def test_schedule_round_trips_through_keras_serialization():
    optimizer = Optimizer(schedule={"name": "cosine", "warmup_epochs": 1}).build()
    optimizer._learning_rate.set_length(UPDATES, EPOCHS)
    config = keras.optimizers.serialize(optimizer)
    twin = keras.optimizers.deserialize(copy.deepcopy(config))
    assert keras.optimizers.serialize(twin) == config
    assert float(twin.learning_rate) == pytest.approx(0.001 / UPDATES)


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        ({"name": "cosin"}, r"`optimizer.schedule.name` must be one of.*mean cosine\?"),
        ({"name": "step", "final_factor": 0.5}, "step has no option final_factor"),
        ({"name": "cosine", "factor": 0.5}, "cosine has no option factor"),
        ({"name": "cosine", "warmup": 1}, "`optimizer.schedule.warmup`"),
    ],
)
def test_unknown_schedule_names_and_options_are_rejected(schedule, words):
    with pytest.raises(ConfigError, match=words):
        Optimizer(schedule=schedule)


def test_warm_up_as_long_as_the_fit_is_rejected():
    with pytest.raises(ConfigError, match=r"warmup_epochs=4.*epochs=4"):
        rates("cosine", warmup_epochs=4)
