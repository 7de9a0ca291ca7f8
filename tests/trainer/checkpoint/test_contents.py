"""What a checkpoint is checked for is what a run is restored from."""

from keraunos.trainer.checkpoint.contents import _State
from keraunos.trainer.checkpoint.state import PROGRESS


def test_all_of_a_run_s_progress_is_checked() -> None:
    assert set(_State.model_fields) == {*PROGRESS, "callbacks", "jit_compile"}
