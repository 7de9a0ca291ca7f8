"""A run with an effort, from the command line."""

from pathlib import Path
from typing import Any

import pytest
from keraunos.configs import load_config

EFFORTS = """
efforts:
  quick: {trainer: {max_epochs: 1}, data: {batch_size: 5}}
"""


@pytest.mark.slow
def test_run_resumes_with_the_settings_of_its_effort(keraunos: Any, small: Any) -> None:
    with Path("own.yaml").open("a") as file:
        file.write(EFFORTS)
    assert keraunos("fit", "own.yaml", "effort=quick", "run_dir=run").code == 0
    kept = load_config(["run/config.yaml"])
    assert (kept.effort, kept.trainer.max_epochs, kept.data.batch_size) == ("quick", 1, 5)
    longer = ("run_dir=run", "trainer.max_epochs=2")
    without = keraunos("fit", "own.yaml", *longer)
    assert without.code != 0
    assert "- data.batch_size: 5\n  + data.batch_size: 7" in without.err
    again = keraunos("fit", "run/config.yaml", *longer)
    assert again.code == 0, again.err
    assert len(Path("run/metrics.jsonl").read_text().splitlines()) == 2


def test_tta_without_augmentation_is_rejected_before_training(keraunos: Any) -> None:
    asked = ("effort=best", "augmentation.strength=0", "data.train=nowhere")
    answer = keraunos("fit", "classify", *asked)
    assert (answer.code, answer.out) == (2, "")
    assert "`evaluation.tta` averages over views of an image" in answer.err
