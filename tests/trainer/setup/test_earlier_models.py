import gc
import weakref
from collections.abc import Iterator

import pytest
from helpers import classifier
from keraunos.trainer.setup.earlier_models import free_earlier_models, will_be_earlier


@pytest.fixture(autouse=True)
def only_where_told() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


def test_a_model_that_nobody_holds_is_freed_before_the_next_fit():
    model = classifier()()
    will_be_earlier(model)
    reference = weakref.ref(model)
    del model
    assert reference() is not None  # it holds itself
    free_earlier_models()
    assert reference() is None


def test_a_model_that_is_somebodys_stays_and_is_looked_for_once(monkeypatch):
    model = classifier()()
    will_be_earlier(model)
    free_earlier_models()
    monkeypatch.setattr(gc, "collect", lambda: pytest.fail("looked for it again"))
    free_earlier_models()
    assert model.built
