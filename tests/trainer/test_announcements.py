"""What will happen is said as soon as it is known, before anything that takes long."""

from collections.abc import Sequence
from typing import Any

import pytest
import tensorflow as tf
from helpers import classifier, examples, replicas
from keraunos import Module, Trainer
from keraunos.callbacks import Callback


class Scribe(Callback):
    """Writes down what comes, and when."""

    def __init__(self) -> None:
        self.log: list[str] = []

    def announce(self, lines: Sequence[str]) -> None:
        self.log += [line.partition(":")[0] for line in lines]

    def on_fit_begin(self, run: Any) -> None:
        self.log.append("FIT BEGINS")


class Slow(Module):
    """Notes when it is built and made ready."""

    def __init__(self, log: list[str]) -> None:
        self.log = log

    def build(self) -> Any:
        self.log.append("BUILT")
        return classifier()()

    def prepare(self, model: Any, predict: Any) -> None:
        self.log.append("PREPARED")


@pytest.fixture
def data() -> tf.data.Dataset:
    return tf.data.Dataset.from_tensor_slices(examples(5)).batch(4)


def test_the_devices_come_before_the_model_and_the_model_before_what_takes_long(data):
    scribe = Scribe()
    trainer = Trainer(strategy=replicas(1), max_epochs=1, callbacks=[scribe])
    trainer.fit(Slow(scribe.log), data)
    places = [scribe.log.index(each) for each in ("devices", "BUILT", "model", "PREPARED")]
    assert places == sorted(places)
    assert scribe.log[-1] == "FIT BEGINS"


def test_what_was_announced_is_not_announced_again(data):
    scribe = Scribe()
    trainer = Trainer(strategy=replicas(1), max_epochs=1, callbacks=[scribe])
    trainer.announce(batch_size=None)
    assert scribe.log[-1] == "devices"
    trainer.fit(Slow(scribe.log), data)
    assert scribe.log.count("devices") == 1
    assert len(set(scribe.log)) == len(scribe.log)
