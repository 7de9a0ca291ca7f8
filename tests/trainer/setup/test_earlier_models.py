"""Models of earlier fits are freed before the next one, if they are large."""

import gc
import weakref
from collections.abc import Iterator

import keras
import pytest
from helpers import classifier
from keraunos.trainer.setup.earlier_models import (
    MIN_PARAMETERS_TO_COLLECT,
    free_earlier_models,
    register_model,
)


def large(share: float = 1.0) -> keras.Model:
    width = int(MIN_PARAMETERS_TO_COLLECT * share) // 1000
    return keras.Sequential([keras.Input((1000,)), keras.layers.Dense(width)])


@pytest.fixture(autouse=True)
def no_automatic_collection() -> Iterator[None]:
    register_model(large())
    free_earlier_models()  # drops the models of other tests
    gc.disable()
    yield
    gc.enable()


def test_unreferenced_models_are_freed_once_their_total_size_is_large():
    references = []
    for share in (0.4, 0.4, 0.4):
        assert all(reference() is not None for reference in references)  # cycles
        model = large(share)  # keep them
        register_model(model)
        references.append(weakref.ref(model))
        del model
        free_earlier_models()
    assert all(reference() is None for reference in references)


def test_referenced_model_is_kept_and_collected_for_only_once(monkeypatch):
    model = large()
    register_model(model)
    free_earlier_models()
    monkeypatch.setattr(gc, "collect", lambda: pytest.fail("collected again"))
    free_earlier_models()
    assert model.built


def test_small_model_does_not_trigger_garbage_collection(monkeypatch):
    register_model(classifier()())
    monkeypatch.setattr(gc, "collect", lambda: pytest.fail("took a third of a second"))
    free_earlier_models()
