"""The findings in the real photographs equal an independent count."""

import hashlib
from collections import defaultdict
from pathlib import Path

import pytest
from keraunos import DataError, ImageData

pytestmark = pytest.mark.photographs


def by_content(root: Path) -> dict[str, list[Path]]:
    found = defaultdict(list)
    for path in sorted(root.rglob("*.jpg")):
        found[hashlib.sha256(path.read_bytes()).hexdigest()].append(path)
    return dict(found)


@pytest.mark.slow
def test_conflicts_and_leaks_are_found_and_dropped(photographs: Path) -> None:
    train, test = (by_content(photographs / part) for part in ("Train", "Test"))
    conflicts = {
        digest
        for digest in train
        if len({p.parent.name for p in train[digest] + test.get(digest, [])}) > 1
    }
    leaks = set(train) & set(test)
    assert len(conflicts - leaks) > 100
    assert len(leaks) == 18
    folders = {"train": photographs / "Train", "test": photographs / "Test"}
    with pytest.raises(DataError, match=r"on_conflict.*\n?.*"):
        ImageData.from_folder(**folders, image_size=32, cache="none")
    data = ImageData.from_folder(
        **folders, image_size=32, cache="none", on_conflict="drop", on_leak="drop"
    )
    kept = sum(len(train[d]) for d in train if d not in conflicts | leaks)
    assert data.train.num_examples + data.validation.num_examples == kept
    assert data.test.num_examples == sum(map(len, test.values()))
    assert int(data.test.contradictory.sum()) == 18
