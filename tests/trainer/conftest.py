"""What the tests of the trainer share: runs that were not interrupted."""

from typing import Any

import pytest
from resumable_runs import fit, state


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """States of runs that were not interrupted, by optimizer and replicas."""
    known: dict[Any, Any] = {}

    def state_of(optimizer: str = "Adam", count: int = 1) -> Any:
        if (optimizer, count) not in known:
            directory = tmp_path_factory.mktemp("whole")
            fit(directory, optimizer=optimizer, count=count)
            known[optimizer, count] = state(directory)
        return known[optimizer, count]

    return state_of
