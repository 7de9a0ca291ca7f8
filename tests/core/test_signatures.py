import functools
from typing import Any

import pytest
from keraunos.core.errors import ConfigError
from keraunos.core.signatures import require_signature, wrong_signatures


class Base:
    kind = "base"

    def step(self, model: Any, batch: Any) -> None: ...

    def settings(self) -> dict[str, Any]:
        return {}


class Right(Base):
    def step(self, model: Any, *others: Any, scale: float = 1.0) -> None: ...


class Wrong(Base):
    def __init__(self) -> None:
        self.settings = {"classes": 9}  # type: ignore[assignment]

    def step(self, batch: Any) -> None: ...  # type: ignore[override]


def test_methods_with_additional_optional_arguments_are_accepted() -> None:
    assert wrong_signatures(Right(), Base) == []
    assert wrong_signatures(Base(), Base) == []


def test_methods_with_wrong_signatures_are_reported() -> None:
    step, settings = wrong_signatures(Wrong(), Base)
    assert "Received: Wrong.step='(batch)'. Write def step(self, model, batch)." in step
    assert "Wrong.settings=\"{'classes': 9}\". Write def settings(self)." in settings
    assert wrong_signatures(Wrong(), Base, {"step", "settings"}) == []


def build(classes: int, width: int = 3) -> None: ...


def test_rejection_of_a_function_shows_its_signature() -> None:
    words = r"as `module` must take no arguments.*module='build\(classes, width=3\)'. Hm."
    with pytest.raises(ConfigError, match=words):
        require_signature(build, [], "module", "Hm.")
    require_signature(functools.partial(build, 9), [], "module", "")
    require_signature(build, ["hp"], "hypermodel", "")
    require_signature(dict, ["epoch", "start_batch", "more"], "data", "")  # can't be known
    with pytest.raises(ConfigError, match=r"must take the arguments \(epoch, start_batch"):
        require_signature(lambda epoch: None, ["epoch", "start_batch"], "data", "")
