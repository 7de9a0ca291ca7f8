from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def test_every_function_that_a_stopwatch_times_exists_and_is_public(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(BENCHMARKS)
    from fit_stopwatch import FitStopwatch
    from search_stopwatch import Stopwatch

    timed: list[str] = []

    def note(self: Stopwatch, owner: Any, name: str, part: str) -> None:
        assert callable(getattr(owner, name)), name
        timed.append(name)

    monkeypatch.setattr(Stopwatch, "_wrap", note)
    Stopwatch(0.0)._watch()
    FitStopwatch(0.0)._watch_fit()
    assert {"run_search", "export_run"} <= set(timed)
    assert [name for name in timed if name.startswith("_")] == ["__exit__"]
