"""What tests of the feature cache have in common."""

from typing import Any

import keras
import pytest
from keraunos.features import FeatureCache
from small_backbone import tiny_network


@pytest.fixture
def tiny_mobilenet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes MobileNetV2 a network of three layers."""
    monkeypatch.setattr(keras.applications, "MobileNetV2", tiny_network)


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many pictures went through a network, for each question to a cache."""
    seen: list[int] = []
    original = FeatureCache.features

    def counted(self: FeatureCache, pictures: Any) -> Any:
        before = self.computed
        found = original(self, pictures)
        seen.append(self.computed - before)
        return found

    monkeypatch.setattr(FeatureCache, "features", counted)
    return seen
