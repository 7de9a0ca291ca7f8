import keras
import numpy as np
import pytest
import tensorflow as tf
from engine import Engine
from helpers import examples, replicas
from keraunos import Trainer
from keraunos.callbacks import Callback, Health, RunState
from keraunos.core.run_events import Event
from keraunos.trainer.loop.health import HealthProbe, SampledSteps
from resumable_runs import (
    EPOCHS,
    STEPS,
    Sender,
    assert_equal,
    events,
    fit,
    lines,
    state,
    without_times,
)

RATE = 0.1
ROWS, BATCH = 22, 4  # six steps an epoch, the last of them ragged


def build(optimizer):
    def make():
        model = keras.Sequential(
            [
                keras.Input((5,)),
                keras.layers.Dense(4, "tanh", name="first"),
                keras.layers.Dense(3, "softmax", name="last"),
            ]
        )
        model.compile(optimizer(), "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    return make


def data():
    inputs, labels, _ = examples(ROWS)
    return tf.data.Dataset.from_tensor_slices((inputs, labels)).batch(BATCH)


def sgd():
    return keras.optimizers.SGD(RATE)


OPTIMIZERS = {
    "plain": sgd,
    "loss scale": lambda: keras.optimizers.LossScaleOptimizer(
        keras.optimizers.Adam(0.05), initial_scale=64.0, dynamic_growth_steps=3
    ),
}


def sampled(every, per_update, epochs, steps_per_epoch, start=0):
    """The steps of some epochs that are sampled, from a start on."""
    found, steps = [], SampledSteps(every, per_update)
    for step in range(start, epochs * steps_per_epoch):
        if steps.until_next(step, step % steps_per_epoch) == 1:
            found.append(step + 1)
    return found


def test_every_nth_step_is_sampled_also_after_resuming():
    assert sampled(4, 1, epochs=2, steps_per_epoch=7) == [4, 8, 12]
    for start in range(14):
        expected = [step for step in (4, 8, 12) if step > start]
        assert sampled(4, 1, 2, 7, start) == expected


def test_accumulation_delays_sampling_to_the_next_weight_update():
    # Updates are after steps 3, 6, 9 of each epoch of ten.
    assert sampled(5, 3, epochs=2, steps_per_epoch=10) == [6, 16]
    assert sampled(1, 3, epochs=1, steps_per_epoch=10) == [3, 6, 9]


@pytest.fixture(scope="module")
def engine():
    return Engine(build(sgd), data(), 1, every_n_steps=1)


@pytest.mark.feature("health")
def test_gradient_norms_and_update_ratios_match_each_block(engine):
    history, _ = engine.train(data(), epochs=1)
    samples = list(engine.samples.values())
    assert list(engine.samples) == [1, 2, 3, 4, 5, 6]
    whole = [np.hypot(s["gradient_norm/stem"], s["gradient_norm/head"]) for s in samples]
    assert np.mean(whole) == pytest.approx(history[0]["gradient_norm"], rel=1e-6)
    keras.utils.set_random_seed(0)
    for name, layer in zip(("stem", "head"), build(sgd)().layers, strict=True):
        weights = np.concatenate([each.ravel() for each in layer.get_weights()])
        ratio = RATE * samples[0][f"gradient_norm/{name}"] / np.linalg.norm(weights)
        assert samples[0][f"update_ratio/{name}"] == pytest.approx(ratio, rel=1e-5)
    assert {s["learning_rate"] for s in samples} == {np.float32(RATE)}


def test_one_replica_without_loss_scale_omits_inapplicable_values(engine):
    engine.train(data(), epochs=1)
    assert set(engine.samples[6]) == {
        "input_wait_seconds",
        "device_seconds",
        "input_wait_share",
        "learning_rate",
        *(f"{group}/{name}" for group in GROUPS for name in ("stem", "head")),
    }
    assert all(each["device_seconds"] > 0 for each in engine.samples.values())


GROUPS = ("gradient_norm", "update_ratio")


@pytest.mark.parametrize(
    ("name", "count", "steps"),
    [
        pytest.param("loss scale", 2, [2, 4, 6, 8, 10, 12], marks=pytest.mark.slow),
        pytest.param("plain", 2, [2, 4, 6, 8, 10, 12], marks=pytest.mark.nightly),
    ],
)
def test_sampling_does_not_change_training(name, count, steps):
    plain = Engine(build(OPTIMIZERS[name]), data(), count)
    monitored = Engine(build(OPTIMIZERS[name]), data(), count, every_n_steps=2)
    (expected, weights), (found, others) = plain.train(data()), monitored.train(data())
    assert found == expected
    for weight, other in zip(weights, others, strict=True):
        np.testing.assert_array_equal(other, weight)
    assert list(monitored.samples) == steps
    for sample in monitored.samples.values():
        assert all(sample[f"update_ratio/{block}"] > 0 for block in ("stem", "head"))
        assert ("all_reduce_share" in sample) == (count > 1)
        assert ("loss_scale" in sample) == (name == "loss scale")
    if name == "loss scale":
        assert monitored.samples[2]["loss_scale"] == 64.0
        assert monitored.samples[4]["loss_scale"] == 128.0


@pytest.mark.nightly
@pytest.mark.parametrize("option", [{"jit_compile": True}, {"steps_per_execution": 3}])
def test_sampling_does_not_change_training_with_jit_or_multi_step_calls(option):
    plain = Engine(build(sgd), data(), 1, **option)
    monitored = Engine(build(sgd), data(), 1, every_n_steps=2, **option)
    (expected, weights), (found, others) = plain.train(data()), monitored.train(data())
    assert found == expected
    for weight, other in zip(weights, others, strict=True):
        np.testing.assert_array_equal(other, weight)


@pytest.mark.slow
def test_sampling_does_not_change_training_with_accumulation():
    def accumulating():
        return keras.optimizers.SGD(RATE, gradient_accumulation_steps=4)

    found = []
    for health in (Health(every_n_steps=2), None):
        watcher = Watcher()
        trainer = Trainer(
            strategy=replicas(1),
            max_epochs=2,
            callbacks={"health": health, "watcher": watcher, "progress_bar": None},
        )
        result = trainer.fit(build(accumulating), data())
        found.append((result.model.get_weights(), without_times(result.history)))
        # Six steps an epoch: an update after four, and one of what is left at the end.
        assert list(watcher.samples) == ([4, 10] if health else [])
        for sample in watcher.samples.values():
            length = RATE * sample["gradient_norm/head"] / sample["update_ratio/head"]
            assert 0.1 < length < 10  # that of the weights
    (weights, history), (expected, other) = found
    assert history == other
    for weight, each in zip(weights, expected, strict=True):
        np.testing.assert_array_equal(weight, each)


class Watcher(Callback):
    """Keeps all samples."""

    every_n_steps = None

    def __init__(self):
        self.samples = {}

    def on_train_step_end(self, run):
        if run.health.step == run.step:
            self.samples[run.step] = run.health.values


def test_failed_sampling_is_reported_once_and_training_continues(engine, monkeypatch):
    monkeypatch.setattr(engine._health, "_has_failed", False)
    monkeypatch.setattr(engine._health, "_blocks", None)
    reported: list[Event] = []
    monkeypatch.setattr(
        RunState, "report", lambda run, kind, text: reported.append((kind, text))
    )
    _, weights = engine.train(data(), epochs=1)
    assert not engine.samples
    ((kind, text),) = reported
    assert kind == "monitor"
    assert "no longer sampled" in text
    monkeypatch.undo()
    _, expected = engine.train(data(), epochs=1)
    for weight, other in zip(expected, weights, strict=True):
        np.testing.assert_array_equal(other, weight)
    assert isinstance(engine._health, HealthProbe)


@pytest.mark.slow
@pytest.mark.feature("health")
def test_a_resumed_run_has_the_same_samples(tmp_path):
    fit(tmp_path / "whole", health=3)
    fit(tmp_path / "run", Sender("on_train_step_end", at_step=6), health=3)
    assert len(lines(tmp_path / "run")) < EPOCHS
    fit(tmp_path / "run", health=3)
    assert_equal(state(tmp_path / "run"), state(tmp_path / "whole"))
    ratios = [e for e in events(tmp_path / "run") if e[2].startswith("health/update_ratio")]
    assert sorted({step for _, step, _, _ in ratios}) == [3, 6, 9, EPOCHS * STEPS]
    assert all("health/gradient_norm/head" in line for line in lines(tmp_path / "run"))
