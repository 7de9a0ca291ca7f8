"""The disk space that a search announces after its first trial."""

from types import SimpleNamespace

import keras_tuner
import pytest
from keraunos.search.choice import Choice, Keep
from keraunos.search.pace import describe_disk
from keraunos.search.study import Trial

SPACE = keras_tuner.HyperParameters()
SPACE.Float("model.dropout", 0.0, 0.5)
ORACLE = SimpleNamespace(max_trials=4, hyperparameters=SPACE)


@pytest.mark.parametrize(
    ("refits", "wanted"),
    [
        (False, "about 3.4 MB on disk at the end: 100.0 kB per trial, and 3.0 MB for each"),
        # One run, while the trial with weights has one per fold.
        (
            True,
            "about 4.4 MB on disk at the end: 100.0 kB per trial, 3.0 MB for each that "
            "keeps weights, and 1.0 MB for the refit; ",
        ),
    ],
)
def test_estimated_disk_space_includes_the_refit(tmp_path, refits, wanted):
    for fold in ("fold-1", "fold-2", "fold-3"):
        run = tmp_path / "trial-000" / fold
        (run / "checkpoints").mkdir(parents=True)
        (run / "checkpoints" / "weights").write_bytes(bytes(1_000_000))
    (run / "metrics.jsonl").write_bytes(bytes(100_000))
    ended = Trial(0, SPACE, status="completed", fold_scores=[0.5] * 3)
    study = SimpleNamespace(trials={0: ended}, oracle=ORACLE)
    keep = Keep(1, Choice("best", "max"), refits)
    assert describe_disk(tmp_path, study, keep).startswith(wanted)
