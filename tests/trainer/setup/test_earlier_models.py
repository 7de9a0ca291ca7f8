"""Models of earlier fits are freed before the next one, if that is worth a look."""

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
def only_where_told() -> Iterator[None]:
    register_model(large())
    free_earlier_models()  # those of other tests are none of these
    gc.disable()
    yield
    gc.enable()


def test_models_that_nobody_holds_are_freed_before_the_next_fit_if_they_are_large():
    references = []
    for share in (0.4, 0.4, 0.4):
        assert all(reference() is not None for reference in references)  # they hold
        model = large(share)  # themselves
        register_model(model)
        references.append(weakref.ref(model))
        del model
        free_earlier_models()
    assert all(reference() is None for reference in references)


def test_a_model_that_is_somebodys_stays_and_is_looked_for_once(monkeypatch):
    model = large()
    register_model(model)
    free_earlier_models()
    monkeypatch.setattr(gc, "collect", lambda: pytest.fail("looked for it again"))
    free_earlier_models()
    assert model.built


def test_no_look_is_taken_for_a_small_model(monkeypatch):
    register_model(classifier()())
    monkeypatch.setattr(gc, "collect", lambda: pytest.fail("took a third of a second"))
    free_earlier_models()
