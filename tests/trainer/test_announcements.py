"""A fit announces what it will do as soon as it knows, before anything slow."""

from collections.abc import Sequence
from typing import Any

import pytest
import tensorflow as tf
from helpers import classifier, examples, replicas
from keraunos import Module, Trainer
from keraunos.callbacks import Callback


class Scribe(Callback):
    """Records announcements in their order."""

    def __init__(self) -> None:
        self.log: list[str] = []

    def announce(self, lines: Sequence[str]) -> None:
        self.log += [line.partition(":")[0] for line in lines]

    def on_fit_begin(self, run: Any) -> None:
        self.log.append("FIT BEGINS")


class Slow(Module):
    """Records when it is built and prepared."""

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


def test_devices_are_announced_before_building_and_model_before_preparing(data):
    scribe = Scribe()
    trainer = Trainer(strategy=replicas(1), max_epochs=1, callbacks=[scribe])
    trainer.fit(Slow(scribe.log), data)
    places = [scribe.log.index(each) for each in ("devices", "BUILT", "model", "PREPARED")]
    assert places == sorted(places)
    assert scribe.log[-1] == "FIT BEGINS"


def test_announcements_are_not_repeated_by_fit(data):
    scribe = Scribe()
    trainer = Trainer(strategy=replicas(1), max_epochs=1, callbacks=[scribe])
    trainer.announce(batch_size=None)
    assert scribe.log[-1] == "devices"
    trainer.fit(Slow(scribe.log), data)
    assert scribe.log.count("devices") == 1
    assert len(set(scribe.log)) == len(scribe.log)
