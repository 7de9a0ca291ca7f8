"""What a checkpoint is checked for is what a run is restored from."""

from keraunos.trainer.checkpoint.contents import _State
from keraunos.trainer.checkpoint.state import PROGRESS


def test_checkpoint_state_covers_all_run_progress() -> None:
    assert set(_State.model_fields) == {*PROGRESS, "callbacks", "jit_compile"}
