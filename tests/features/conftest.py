"""Shared fixtures for tests of the feature cache."""

from typing import Any

import pytest
from keraunos.features import FeatureCache


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many images went through a network, for each call of a cache."""
    seen: list[int] = []
    original = FeatureCache.features

    def counted(self: FeatureCache, images: Any) -> Any:
        before = self.computed
        found = original(self, images)
        seen.append(self.computed - before)
        return found

    monkeypatch.setattr(FeatureCache, "features", counted)
    return seen
