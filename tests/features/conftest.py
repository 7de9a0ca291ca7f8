"""What tests of the feature cache have in common."""

from typing import Any

import pytest
from keraunos.features import FeatureCache


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many images went through a network, for each question to a cache."""
    seen: list[int] = []
    original = FeatureCache.features

    def counted(self: FeatureCache, images: Any) -> Any:
        before = self.computed
        found = original(self, images)
        seen.append(self.computed - before)
        return found

    monkeypatch.setattr(FeatureCache, "features", counted)
    return seen
